/** check-config on a host that lacks what the file names. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import { missingFiles } from '../../../src/os/named-files.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-named-'));
  writeFileSync(join(folder, 'there'), '');
  writeFileSync(join(folder, 'plain.sh'), '');
  writeFileSync(join(folder, 'good.sh'), '');
  chmodSync(join(folder, 'good.sh'), 0o755);
});
after(() => rmSync(folder, { recursive: true }));

const told = (text: string): string[] => {
  const full = text.replaceAll('@', `${folder}/`);
  const { config, problems } = parseConfig('f.yaml', full, { env: {} });
  assert.ok(config, JSON.stringify(problems));
  return missingFiles(config, { file: 'f.yaml', text: full }).map(({ severity, line, column, message, source }) => {
    assert.deepEqual([severity, source], ['warning', full.split('\n')[line - 1]]);
    assert.ok(source.slice(column - 1).startsWith(folder));
    return `${line}: ${message.replaceAll(`${folder}/`, '@')}`;
  });
};

const instance = (more: string) =>
  `vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ 192.0.2.10/24 ]\n    ${more}\n`;
const service = (check: string) =>
  `virtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    checks: [ ${check} ]\n    real_servers: [ { address: 10.0.0.1 }, { address: 10.0.0.2 } ]\n`;

test('a key that is not there keeps lbd from starting', () => {
  const keys = (...files: string[]) =>
    instance(
      `authentication: { type: hmac, active_key: 1, keys: [ ${files.map((file, i) => `{ id: ${i + 1}, file: ${file} }`).join(', ')} ] }`,
    );
  assert.deepEqual(told(keys('@there', '@gone')), [
    '6: key 2 of VI_1: there is no @gone on this host: lbd does not start without it',
  ]);
  assert.deepEqual(told(`# @gone\n${keys('@there', '@gone')}`).length, 1);
  assert.deepEqual(told(keys('@there')), []);
});

test('programs are there, and can be run', () => {
  assert.deepEqual(told(instance('notify: [ { command: [ @good.sh ] }, { command: [ @plain.sh ] } ]')), [
    '6: a program to notify of VI_1: @plain.sh cannot be run: chmod +x',
  ]);
  assert.deepEqual(told(service('{ type: script, command: [ @gone.sh ] }')), [
    '4: a check of web: there is no @gone.sh on this host',
  ]);
  assert.deepEqual(told(service('{ type: script, command: [ @gone.sh ], netns: blue }')), []);
  assert.deepEqual(told(service('{ type: script, command: [ curl, x ] }')), []);
});

test('certificates, tokens and authorities', () => {
  const http = (more: string) => `global:\n  http: { listen: "127.0.0.1:1", ${more} }\n${instance('')}`;
  assert.deepEqual(told(http('tls: { certificate: @there, key: @gone.key }, tokens: [ { name: a, role: read, file: @gone } ]')), [
    '2: tls of http: there is no @gone.key on this host',
    '2: token a: there is no @gone on this host',
  ]);
  assert.deepEqual(told(`global: { peers: [ { name: d2, url: "https://192.0.2.3:1", ca: @there/x } ] }\n${instance('')}`), [
    '1: peer d2: there is no @there/x on this host',
  ]);
  assert.deepEqual(told(service('{ type: https, tls: { ca: @gone } }')), ['4: a check of web: there is no @gone on this host']);
});
