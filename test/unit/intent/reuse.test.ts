import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import type { Config } from '../../../src/config/types.js';
import { decideChange } from '../../../src/intent/change.js';
import { describeDifference } from '../../../src/intent/describe.js';
import { buildIntent } from '../../../src/intent/merge.js';
import { reuse } from '../../../src/intent/reuse.js';

function config(weight: number, extra = ''): Config {
  const services = ['a', 'b', 'c'].map(
    (name, i) =>
      `  - { name: ${name}, address: "192.0.2.1${i}:80", real_servers: [ { address: "10.0.0.1:80", weight: ${name === 'b' ? weight : 1} } ] }`,
  );
  const parsed = parseConfig('f.yaml', `${extra}virtual_servers:\n${services.join('\n')}\n`, { env: {} }).config;
  assert.ok(parsed);
  return parsed;
}

test('the same text again is the same configuration, and the same intent', () => {
  const first = config(1);
  assert.equal(reuse(first, config(1)), first);
});

test('only what changed is another object, through to the intent', () => {
  const first = config(1);
  const next = reuse(first, config(2));
  assert.deepEqual(next, config(2));
  assert.deepEqual(
    next.virtualServers.map((one, i) => one === first.virtualServers[i]),
    [true, false, true],
  );
  const [before, after] = [buildIntent(first, [], 1).intent, buildIntent(next, [], 2).intent];
  assert.deepEqual(
    after.services.map((one, i) => one === before.services[i]),
    [true, false, true],
  );
  assert.equal(describeDifference(before, after), 'virtual server b changed');
});

test('a section of the director is a difference too', () => {
  const [before, after] = [config(1), config(1, 'timeouts: { tcp: 1h }\n')].map((one) => buildIntent(one, [], 1).intent);
  assert.ok(before && after);
  assert.equal(describeDifference(before, after), 'timeouts changed');
});

test('an override makes one service another object, and undoing it gives the first one back', () => {
  const file = config(1);
  const before = buildIntent(file, [], 1).intent.services;
  const provenance = { id: 1, who: 'ann', when: '', why: '' };
  const decision = decideChange(file, [], { kind: 'set-rs', service: 'b', rs: '10.0.0.1:80', weight: '7' }, provenance);
  assert.ok('overrides' in decision);
  const changed = buildIntent(file, decision.overrides, 2).intent.services;
  assert.deepEqual(
    changed.map((one, i) => one === before[i]),
    [true, false, true],
  );
  assert.equal(changed[1]?.realServers[0]?.weight, 7);
  assert.equal(buildIntent(file, decision.overrides, 3).intent.services[1], changed[1]);
  assert.equal(buildIntent(file, [], 4).intent.services[1]?.realServers[0]?.weight, 1);
});

test('who decides and who adopts build once, and every revision is its own', () => {
  const file = config(1);
  const provenance = { id: 1, who: 'ann', when: '', why: '' };
  const decision = decideChange(file, [], { kind: 'set-rs', service: 'b', rs: '10.0.0.1:80', weight: '7' }, provenance);
  assert.ok('overrides' in decision);
  const [one, two] = [2, 3].map((revision) => buildIntent(file, [...decision.overrides], revision).intent);
  assert.equal(one?.services, two?.services);
  assert.deepEqual([one?.revision, two?.revision], [2, 3]);
  assert.notEqual(buildIntent(file, [], 4).intent.services, one?.services);
});
