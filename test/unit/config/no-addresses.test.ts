/** A VRRP instance that names no address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import { BAD_OPTIONS } from '../../fake/bad-config.js';

const parse = (lines: string) =>
  parseConfig('f.yaml', `vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n${lines}`, BAD_OPTIONS);

test('it is taken, and what it is good for is told', () => {
  const { config, problems } = parse('');
  assert.deepEqual(
    config?.vrrpInstances.map(({ family, addresses }) => ({ family, addresses })),
    [{ family: 4, addresses: [] }],
  );
  assert.deepEqual(
    problems.map((one) => [one.severity, one.line]),
    [
      ['warning', 2],
      ['warning', 2],
    ],
  );
  assert.match(problems[0]?.message ?? '', /name no address: RFC 9568 ignores such/);
  assert.match(problems[1]?.message ?? '', /it elects a master, and no more/);
});

test('with version 2 and something that hangs on it there is nothing to tell', () => {
  const { config, problems } = parse('    version: 2\n    virtual_routes: [ { to: 203.0.113.0/24, via: 192.0.2.1 } ]\n');
  assert.deepEqual(problems, []);
  assert.equal(config?.vrrpInstances[0]?.routes?.length, 1);
  const beside = parse('    version: 2\n    excluded_addresses: [ "2001:db8::1/64" ]\n');
  assert.deepEqual([beside.problems, beside.config?.vrrpInstances[0]?.family], [[], 4]);
});

test('its family is that of its peers', () => {
  const { config } = parse('    unicast: { peers: [ "2001:db8::3" ] }\n');
  assert.equal(config?.vrrpInstances[0]?.family, 6);
});
