import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openOverrides } from '../../../src/daemon/overrides.js';
import type { Override } from '../../../src/intent/types.js';

const one: Override = {
  id: 1,
  who: 'root',
  when: '2026-01-01T00:00:00Z',
  why: 'test',
  change: { kind: 'set-rs', service: 'web', address: '10.0.0.1', port: 80, weight: { kind: 'percent', percent: 50 } },
};

async function inFolder(work: (folder: string, warnings: string[]) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-overrides-'));
  try {
    await work(folder, []);
  } finally {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  }
}

test('what is saved is there again, and numbers go on', () =>
  inFolder(async (folder, warnings) => {
    const store = await openOverrides(folder, (text) => warnings.push(text));
    assert.deepEqual(store.loaded, []);
    assert.equal(store.nextId(), 1);
    await store.save([one], 1);
    const again = await openOverrides(folder, (text) => warnings.push(text));
    assert.deepEqual(again.loaded, [one]);
    assert.equal(again.nextId(), 2);
    assert.deepEqual(warnings, []);
    assert.deepEqual(readdirSync(folder), ['overrides.json']);
  }));

test('states with all that may be said of them are there again as they were', () =>
  inFolder(async (folder) => {
    const place = { service: 'web', address: '10.0.0.1', port: 80 };
    const changes: Override['change'][] = [
      { kind: 'set-state', ...place, state: 'drain', until: 5, sticky: 'honour', remove: true },
      { kind: 'set-state', ...place, state: 'disabled', expires: 7 },
      { kind: 'set-host', address: '2001:db8::1', state: 'drain', until: 5, udpUntil: 6, expires: 7, sticky: 'break' },
    ];
    const all = changes.map((change, i): Override => ({ ...one, id: i + 1, change }));
    await (await openOverrides(folder, () => {})).save(all, 1);
    assert.deepEqual((await openOverrides(folder, () => {})).loaded, all);
  }));

test('a damaged file is set aside with a warning, and never stops the daemon', () =>
  inFolder(async (folder, warnings) => {
    writeFileSync(join(folder, 'overrides.json'), '{"version":1,"next_id":3,"overr');
    const store = await openOverrides(folder, (text) => warnings.push(text));
    assert.deepEqual(store.loaded, []);
    assert.match(warnings.join(), /was damaged/);
    const [aside] = readdirSync(folder);
    assert.match(aside ?? '', /^overrides\.json\.damaged-\d+$/);
    assert.match(readFileSync(join(folder, aside as string), 'utf8'), /overr$/);
  }));

test('one damaged entry is left out, the others stay', () =>
  inFolder(async (folder, warnings) => {
    const bad = { ...one, id: 2, change: { kind: 'set-rs', service: 'web' } };
    writeFileSync(join(folder, 'overrides.json'), JSON.stringify({ version: 1, next_id: 3, overrides: [bad, one] }));
    const store = await openOverrides(folder, (text) => warnings.push(text));
    assert.deepEqual(store.loaded, [one]);
    assert.match(warnings.join(), /override number 1 of the saved ones is damaged/);
    assert.equal(store.nextId(), 3);
    await store.save([one], 1);
    const copy = readdirSync(folder).find((name) => name.startsWith('overrides.json.damaged-'));
    assert.deepEqual(JSON.parse(readFileSync(join(folder, copy as string), 'utf8')).overrides, [bad, one]);
  }));

test('what cannot be read is set aside too, and the next change can be saved', () =>
  inFolder(async (folder, warnings) => {
    mkdirSync(join(folder, 'overrides.json'));
    const store = await openOverrides(folder, (text) => warnings.push(text));
    assert.match(warnings.join(), /cannot be read .EISDIR.*is now .*overrides\.json\.damaged-/);
    await store.save([one], 1);
    assert.deepEqual((await openOverrides(folder, () => {})).loaded, [one]);
  }));

const server = { service: 'web', address: '10.0.0.1', port: 80 };
const added = { kind: 'add-rs', ...server, weight: 1, upper: 0, lower: 0 };
const id = { kind: 'address', family: 4, protocol: 'tcp', address: '10.0.0.9', port: 80 };
const virtual = { kind: 'add-vs', name: 'web', id, scheduler: 'rr', forward: 'nat', persistence: 0, onePacket: false };
const SENSELESS: readonly (readonly [string, object])[] = [
  ['an address that is none', { ...added, address: 'not an ip' }],
  ['an address in another spelling', { ...added, address: '2001:DB8::1' }],
  ['a weight beyond what the kernel keeps', { ...added, weight: 2 ** 40 }],
  ['a threshold beyond what the kernel keeps', { ...added, upper: 2 ** 31 }],
  ['a set weight beyond what the kernel keeps', { kind: 'set-rs', ...server, weight: { kind: 'absolute', weight: 65_536 } }],
  ['a state that is none', { kind: 'set-state', ...server, state: 'asleep' }],
  ['a host that is none', { kind: 'set-host', address: '10.0.0.1:80', state: 'drain' }],
  ['a scheduler that is none', { ...virtual, scheduler: 'nonsense' }],
  ['a setting that is none', { kind: 'set-vs', service: 'web', set: { colour: 'red' } }],
  ['a setting beyond its range', { kind: 'set-vs', service: 'web', set: { quorum: 0 } }],
  ['no setting at all', { kind: 'set-vs', service: 'web', set: {} }],
  ['a virtual server without an address', { ...virtual, id: { ...id, address: '' } }],
];

for (const [what, change] of SENSELESS) {
  test(`an entry with ${what} is damaged`, () =>
    inFolder(async (folder, warnings) => {
      const entries = [
        { ...one, change: added },
        { ...one, id: 2, change: virtual },
        { ...one, id: 3, change },
      ];
      writeFileSync(join(folder, 'overrides.json'), JSON.stringify({ version: 1, next_id: 4, overrides: entries }));
      const { loaded } = await openOverrides(folder, (text) => warnings.push(text));
      assert.deepEqual(
        loaded.map(({ id }) => id),
        [1, 2],
      );
      assert.match(warnings.join(), /override number 3 of the saved ones is damaged/);
    }));
}
