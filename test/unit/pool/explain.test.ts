import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckConfig } from '../../../src/config/types.js';
import { checkSpec } from '../../../src/health/key.js';
import { initial } from '../../../src/health/machine.js';
import type { HealthState, ProbeResult } from '../../../src/health/types.js';
import { type CheckReport, explain } from '../../../src/pool/explain.js';

const timing = { interval: 2000, timeout: 1000, rise: 2, fall: 2 };
const tcp: CheckConfig = { type: 'tcp', port: undefined, ...timing };
const spec = checkSpec(tcp, '10.0.0.21', 80);
const state = (own: Partial<HealthState> = {}): HealthState => ({ ...initial(timing, 0, 0), ...own });
const failed = (reason: string, local = false): ProbeResult & { at: number } => ({
  ok: false,
  local,
  reason,
  duration: 1,
  at: 1,
});
const up: CheckReport = { spec, state: state({ verdict: 'up', reason: 'connected' }) };
const reason = 'connection refused (2 of 2 failures)';
const down: CheckReport = { spec, state: state({ verdict: 'down', reason }), latest: failed('connection refused') };

test('up, in its weight', () => {
  assert.equal(explain({ membership: 'in', weight: 10, checks: [up] }), 'up, in the table with weight 10');
  assert.equal(
    explain({ membership: 'in', weight: 0, checks: [up] }),
    'up, in the table with weight 0, so without new connections',
  );
  assert.equal(explain({ membership: 'in', weight: 5, checks: [] }), 'not checked, so always up, in the table with weight 5');
});

test('up, with what speaks against it', () => {
  const shaken = state({ verdict: 'up', streak: { ok: false, count: 1 } });
  assert.equal(
    explain({ membership: 'in', weight: 10, checks: [up, { spec, state: shaken, latest: failed('connection refused') }] }),
    'up, in the table with weight 10; failing: tcp connect to 10.0.0.21:80: connection refused (1 of 2 failures)',
  );
  const blind = { spec, state: state({ verdict: 'up' }), latest: failed('too many open files on this director', true) };
  assert.equal(
    explain({ membership: 'in', weight: 10, checks: [blind] }),
    'up, in the table with weight 10; not checked at the moment: tcp connect to 10.0.0.21:80: too many open files on this director',
  );
});

test('down, with the deciding result', () => {
  assert.equal(
    explain({ membership: 'out', weight: 10, checks: [up, down] }),
    'down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), removed from the table',
  );
  assert.equal(
    explain({ membership: 'quiesced', weight: 10, checks: [down] }),
    'down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), in the table with weight 0 (on_failure: quiesce)',
  );
});

test('down, with what came since and how many more', () => {
  const now: CheckReport = { ...down, latest: failed('no answer within 1s') };
  assert.equal(
    explain({ membership: 'out', weight: 10, checks: [now, down, down] }),
    'down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), now no answer within 1s, and 2 more checks, removed from the table',
  );
});

test('new, as far as it is', () => {
  const waiting = 'new: waiting for its first successful check: tcp connect to 10.0.0.21:80';
  assert.equal(explain({ membership: 'out', weight: 1, checks: [{ spec, state: undefined }] }), waiting);
  assert.equal(explain({ membership: 'out', weight: 1, checks: [up, { spec, state: state() }] }), waiting);
  const half = { spec, state: state({ streak: { ok: true, count: 1 } }), latest: { ...failed('connected'), ok: true } };
  assert.equal(explain({ membership: 'out', weight: 1, checks: [half] }), `${waiting}: connected (1 of 2 successes)`);
  const ours = { spec, state: state(), latest: failed('too many open files on this director', true) };
  assert.equal(explain({ membership: 'out', weight: 1, checks: [ours] }), `${waiting}: too many open files on this director`);
  assert.equal(
    explain({ membership: 'out', weight: 10, known: true, checks: [{ spec, state: undefined }] }),
    'unknown: removed from the table as before, until a new check has decided: tcp connect to 10.0.0.21:80',
  );
});

test('serving while a new check has not decided', () => {
  assert.equal(
    explain({ membership: 'in', weight: 10, checks: [up, { spec, state: state() }] }),
    'unknown: in the table with weight 10 as before, until a new check has decided: tcp connect to 10.0.0.21:80',
  );
});

test('so many checks must pass', () => {
  const some = { membership: 'in', weight: 10, needed: 2 } as const;
  assert.equal(
    explain({ ...some, checks: [up, up, down] }),
    'up (2 of 3 checks pass, 2 needed; down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures)), in the table with weight 10',
  );
  assert.equal(
    explain({ ...some, needed: 1, checks: [up, up] }),
    'up (2 of 2 checks pass, 1 needed), in the table with weight 10',
  );
  assert.equal(
    explain({ ...some, membership: 'out', checks: [up, down, down] }),
    'down: 1 of 3 checks passes, 2 needed: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), and 1 more check, removed from the table',
  );
});

test('the rules of the pool', () => {
  assert.equal(
    explain({ membership: 'in', weight: 3, asked: 10, growing: 20_500, checks: [up] }),
    'up, in the table with weight 3 of 10 (slow start: all of it in 21s)',
  );
  const agent = checkSpec({ type: 'agent', port: 9, share: { min: 0, max: 50 }, ...timing }, '10.0.0.21', 80);
  const said = { ok: true, local: false, reason: 'says 80%', duration: 1, at: 1 };
  const asking: CheckReport = { spec: agent, state: state({ verdict: 'up', share: 80 }), latest: said };
  assert.equal(
    explain({ membership: 'in', weight: 1, asked: 10, growing: 5000, checks: [asking] }),
    'up, in the table with weight 1 of 10 (agent at 10.0.0.21:9 says 80%, at most 50%; slow start: all of it in 5s)',
  );
  assert.equal(
    explain({ membership: 'kept', weight: 10, kept: 'min_healthy 50%', checks: [down] }),
    'down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), in the table with weight 10, kept in because too few are healthy (min_healthy 50%)',
  );
  assert.equal(
    explain({ membership: 'out', weight: 10, penalty: { text: 'penalty 3.2 of 3, held out', held: true }, checks: [up] }),
    'up, but removed from the table; penalty 3.2 of 3, held out',
  );
  assert.equal(
    explain({ membership: 'in', weight: 10, penalty: { text: 'penalty 1.2 of 3', held: false }, checks: [up] }),
    'up, in the table with weight 10; penalty 1.2 of 3',
  );
});
