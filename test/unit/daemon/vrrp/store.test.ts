import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openStore, type Saved } from '../../../../src/daemon/vrrp/store.js';

const saved: Saved = { interface: 'eth0', master: true, lastAdvert: 1234.5, held: [{ address: '192.0.2.10', length: 24 }] };
let folder: string;
let warnings: string[];
const open = (at = folder) => openStore(at, (text) => warnings.push(text));
const file = () => join(folder, 'vrrp.json');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-store-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a successor finds what was written', () => {
  const first = open();
  assert.equal(first.left.size, 0);
  first.put('eth0/ipv4/51', saved);
  first.put('eth0/ipv4/52', { ...saved, lastAdvert: null });
  first.remove('eth0/ipv4/52');
  const signed: Saved = { ...saved, signing: { sent: '18446744073709551615', heard: { '192.0.2.2': '7' } } };
  first.put('eth0/ipv4/53', signed);
  first.write();
  assert.deepEqual(
    [...open().left],
    [
      ['eth0/ipv4/51', saved],
      ['eth0/ipv4/53', signed],
    ],
  );
});

test('nothing is written while nothing has changed', () => {
  const first = open();
  first.put('eth0/ipv4/51', saved);
  first.write();
  writeFileSync(file(), 'untouched');
  first.write();
  assert.equal(readFileSync(file(), 'utf8'), 'untouched');
});

test('what another boot left, or is not ours, counts for nothing', () => {
  const first = open();
  first.put('eth0/ipv4/51', saved);
  first.write();
  const text = readFileSync(file(), 'utf8');
  writeFileSync(file(), text.replace(/"boot":"[^"]*"/, '"boot":"another"'));
  assert.equal(open().left.size, 0);
  for (const broken of [text.slice(0, -9), 'null', '[]', '{"format":1}', text.replace('"format":1', '"format":2')]) {
    writeFileSync(file(), broken);
    assert.equal(open().left.size, 0, broken);
  }
  writeFileSync(file(), text.replace('"eth0"', '7'));
  assert.equal(open().left.size, 0);
  writeFileSync(file(), text.replace('192.0.2.10/24', 'nonsense'));
  assert.deepEqual(open().left.get('eth0/ipv4/51')?.held, []);
});

test('a folder that cannot be written is told once', () => {
  const first = open(join(folder, 'missing'));
  for (const lastAdvert of [1, 2]) {
    first.put('eth0/ipv4/51', { ...saved, lastAdvert });
    first.write();
  }
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /cannot write .*vrrp\.json/);
});
