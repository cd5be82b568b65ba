/** Keys from files: what keepalived takes from the same files, and nothing of a key in what is told. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseConfig } from '../../../../src/config/parse.js';
import { changedKeys, readKeys } from '../../../../src/daemon/core/keys.js';

let folder: string;
let warned: string[];
const HEX = '0123456789abcdef'.repeat(4);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-keys-'));
  warned = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string | undefined, mode = 0o600) {
  const file = join(folder, 'k');
  if (text !== undefined) writeFileSync(file, text);
  if (text !== undefined) chmodSync(file, mode);
  const head =
    'vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ 192.0.2.10 ]\n';
  const { config } = parseConfig('f.yaml', `${head}    authentication: { type: hmac, keys: [ { id: 4, file: ${file} } ] }\n`, {
    env: {},
  });
  assert.ok(config);
  return readKeys(config, (text) => warned.push(text))[file];
}

test('a line of ASCII, or hexadecimal digits; the end of the line is no part of it', () => {
  assert.equal(read(`hex:${HEX}`), HEX);
  assert.equal(read(`hex:${HEX.toUpperCase()}\r\n\n`), HEX);
  assert.equal(read('a pass phrase of 32 characters..\n'), Buffer.from('a pass phrase of 32 characters..').toString('hex'));
  assert.equal(read(`${'x'.repeat(64)}\n`)?.length, 128);
  assert.deepEqual(warned, []);
});

test('what is no key is refused with file and reason, and without what is in it', () => {
  const refused = (text: string | undefined, why: RegExp) =>
    assert.throws(
      () => read(text),
      (error: Error) => {
        assert.match(error.message, why);
        assert.match(error.message, /^key 4 of VI_1: .*\/k/);
        assert.ok(!error.message.includes('secret'));
        return true;
      },
    );
  rmSync(join(folder, 'k'), { force: true });
  refused(undefined, /ENOENT/);
  refused('secret', /32 to 64 bytes, this one has 6/);
  refused('secret'.repeat(11), /this one has 66/);
  refused('', /this one has 0/);
  refused('hex:secret', /two hexadecimal digits a byte/);
  refused(`hex:${HEX}0`, /two hexadecimal digits a byte/);
  refused(`secret\n${HEX}`, /one line/);
  refused('sécret'.repeat(6), /printable ASCII/);
});

test('a file that others may read is told', () => {
  read(`hex:${HEX}`, 0o640);
  assert.match(warned.join(), /key 4 of VI_1: .* is open to others than its owner: chmod 600/);
});

test('what is another key is told, what is new or gone is not', () => {
  assert.deepEqual(changedKeys({ '/a': '1', '/b': '2', '/c': '3' }, { '/a': '1', '/b': '9', '/d': '3' }), [
    'the key in /b is another',
  ]);
});
