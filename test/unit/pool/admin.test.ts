import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Admin } from '../../../src/intent/types.js';
import { describeStanding, nextDeadline, standingOf } from '../../../src/pool/admin.js';
import { wanted } from '../../../src/pool/membership.js';
import { strengthOf } from '../../../src/pool/quorum.js';
import { makeServer, makeService } from '../../fake/intent.js';

const source = { kind: 'file' } as const;
const drained = (until?: number) => ({ admin: { state: 'drain' as const, ...(until === undefined ? {} : { until }), source } });
const disabled = { admin: { state: 'disabled' as const, source } };
const left = (active: number, inactive: number, persistent = 0) => ({ active, inactive, persistent });

test('a drain ends at its deadline, if it has one', () => {
  assert.deepEqual(
    [{}, drained(), drained(1000), disabled].map((one) => [standingOf(one, 999), standingOf(one, 1000)]),
    [
      ['ready', 'ready'],
      ['draining', 'draining'],
      ['draining', 'out'],
      ['out', 'out'],
    ],
  );
});

test('in the table with weight 0 until then, and no part of the quorum', () => {
  const servers = [makeServer(1), makeServer(2, drained(1000)), makeServer(3, disabled)];
  const web = makeService(servers, {});
  const members = new Map(servers.map(({ key }) => [key, 'in' as const]));
  const weights = (now: number) =>
    [...(wanted(web, members, { now })[0]?.destinations.values() ?? [])].map(({ weight }) => weight);
  const full = servers[0]?.weight as number;
  assert.deepEqual([weights(999), weights(1000)], [[full, 0], [full]]);
  assert.deepEqual(
    strengthOf(web, { members, coming: new Set() }, () => 'up'),
    { live: full, open: 0, all: 3 * full },
  );
  assert.deepEqual([nextDeadline([web], 0), nextDeadline([web], 1000)], [1000, undefined]);
});

test('what is said of it', () => {
  assert.deepEqual(
    [
      describeStanding({}, left(1, 1), 0),
      describeStanding(disabled, undefined, 0),
      describeStanding(drained(), left(2, 3, 1), 0),
      describeStanding(drained(90_000), left(2, 3), 0),
      describeStanding(drained(90_000), left(0, 0), 0),
      describeStanding(drained(90_000), undefined, 90_000),
    ],
    [
      undefined,
      'disabled, not in the table',
      'draining: in the table with weight 0, 2 active and 3 inactive connections left, 1 persistent client',
      'draining: in the table with weight 0, 2 active and 3 inactive connections left, cut in 90s',
      'drained: in the table with weight 0, no connections left',
      'drained: its deadline has passed, and it is not in the table',
    ],
  );
});

test('of a host, with an end of its own, to be removed, with clients who stay', () => {
  const said = (admin: Partial<Admin>, honoured = false, now = 0) =>
    describeStanding({ admin: { state: 'drain', source, ...admin } }, left(0, 0, 2), now, honoured);
  assert.deepEqual(
    [
      said({ host: true, expires: 7_200_000 }),
      said({ state: 'disabled', host: true, expires: 60_000 }),
      said({ remove: true, until: 10_000 }),
      said({}, true),
      said({ host: true, until: 10_000, expires: 20_000 }, false, 15_000),
    ],
    [
      'drained with its host: in the table with weight 0, no connections left, ready again in 2h',
      'disabled with its host, not in the table, ready again in 1m',
      'drained: in the table with weight 0, no connections left, then removed',
      'draining: in the table with weight 0, 0 active and 0 inactive connections left, 2 persistent clients who may come again',
      'drained with its host: its deadline has passed, and it is not in the table, ready again in 5s',
    ],
  );
});
