/** Which check takes the place of which after a reload. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckConfig } from '../../../src/config/types.js';
import { checksOf } from '../../../src/pool/membership.js';
import { replacedChecks } from '../../../src/pool/replaced.js';
import { makeServer, makeService } from '../../fake/intent.js';

const agent = (port: number): CheckConfig =>
  ({ type: 'agent', port, interval: 1000, timeout: 500, rise: 1, fall: 1, share: undefined }) as unknown as CheckConfig;
const tcp = (port: number): CheckConfig => ({ type: 'tcp', port, interval: 1000, timeout: 500, rise: 1, fall: 1 });
const service = (...checks: readonly CheckConfig[]) => makeService([makeServer(1, { checks }), makeServer(2)]);
const portOf = (key: string) => (JSON.parse(key) as [string, string, number])[2];

for (const [name, before, after, expected] of [
  ['nothing', [agent(1), tcp(2)], [agent(1), tcp(2)], []],
  ['another order', [agent(1), tcp(2)], [tcp(2), agent(1)], []],
  ['one is changed', [agent(1), tcp(2)], [tcp(2), agent(3)], [[3, 1]]],
  ['one is added', [agent(1)], [agent(1), agent(3)], []],
  ['one is added before one that is changed', [agent(1)], [agent(3), agent(4)], [[3, 1]]],
  [
    'two are changed',
    [agent(1), agent(2), tcp(5)],
    [tcp(6), agent(3), agent(4)],
    [
      [6, 5],
      [3, 1],
      [4, 2],
    ],
  ],
  ['another type', [agent(1)], [tcp(3)], []],
  ['one goes', [agent(1), agent(2)], [agent(2)], []],
] as const)
  test(name, () => {
    const found = [...replacedChecks(service(...before), service(...after))].map((pair) => pair.map(portOf));
    assert.deepEqual(found, expected);
    const keys = new Set(checksOf(service(...after).realServers[0] as never).map(({ key }) => key));
    assert.ok([...replacedChecks(service(...before), service(...after)).keys()].every((key) => keys.has(key)));
  });
