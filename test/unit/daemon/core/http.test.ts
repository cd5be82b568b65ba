import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { HttpConfig } from '../../../../src/config/control-types.js';
import { createHttpKeeper } from '../../../../src/daemon/core/http.js';

const listenOn = (port: number) => ({ address: '127.0.0.1', port });

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await occupy(server, 0);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const occupy = (server: Server, port: number): Promise<number> =>
  new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

function keeper(first: HttpConfig | undefined) {
  let config = first;
  const problems = new Set<string>();
  const warnings: string[] = [];
  const it = createHttpKeeper({
    config: () => config,
    handle: async (method) => ({ method }),
    toError: () => undefined,
    warn: (text) => void warnings.push(text),
    problems,
  });
  const change = (next: HttpConfig | undefined) => {
    config = next;
    return it.apply();
  };
  return { it, change, problems, warnings };
}

/** The status of an answer, or that there is none. */
const ask = (port: number, token?: string): Promise<number | 'nobody'> =>
  fetch(`http://127.0.0.1:${port}/api/v1/status`, {
    headers: { connection: 'close', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  }).then(
    ({ status }) => status,
    () => 'nobody' as const,
  );

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-http-'));
});
after(() => rmSync(folder, { recursive: true }));

const TOKEN = 'a-token-of-some-length';
const conf = (ports: readonly number[], file?: string): HttpConfig => ({
  listen: ports.map(listenOn),
  tls: undefined,
  anonymous: 'none',
  tokens: [{ name: 'ops', role: 'read', secret: { kind: 'file', file: file ?? join(folder, 'token') } }],
});

test('it listens where and as the configuration says, also after a change, and no more when it is gone', async () => {
  writeFileSync(join(folder, 'token'), `${TOKEN}\nanother line\n`, { mode: 0o600 });
  const [one, other] = [await freePort(), await freePort()];
  const { it, change, problems } = keeper(conf([one]));
  await it.apply();
  assert.deepEqual([await ask(one), await ask(one, TOKEN), await ask(other, TOKEN)], [401, 200, 'nobody']);
  await change(conf([other]));
  assert.deepEqual([await ask(one, TOKEN), await ask(other, TOKEN)], ['nobody', 200]);
  writeFileSync(join(folder, 'token'), 'a-new-token-of-some-length');
  await it.apply();
  assert.deepEqual([await ask(other, TOKEN), await ask(other, 'a-new-token-of-some-length')], [401, 200]);
  await change(undefined);
  assert.equal(await ask(other, TOKEN), 'nobody');
  assert.deepEqual([...problems], []);
  await it.close();
});

test('a file that cannot be read leaves what there is, is told without what is in it, and is over when it can', async () => {
  const file = join(folder, 'other');
  writeFileSync(file, TOKEN, { mode: 0o600 });
  const port = await freePort();
  const { it, problems, warnings } = keeper(conf([port], file));
  await it.apply();
  for (const [text, told] of [
    ['short', /a token has at least 16 characters/],
    ['two words that are long enough', /a token has no blank in it/],
  ] as const) {
    writeFileSync(file, text);
    await it.apply();
    assert.match([...problems].join(), told);
    assert.ok(![...problems].join().includes(text));
    assert.equal(await ask(port, TOKEN), 200);
  }
  rmSync(file);
  await it.apply();
  await it.apply();
  assert.match([...problems].join(), /^http: the file of token ops cannot be read: ENOENT/);
  assert.equal(warnings.length, 3, 'each is told once');
  writeFileSync(file, TOKEN, { mode: 0o600 });
  await it.apply();
  assert.deepEqual([...problems], []);
  chmodSync(file, 0o644);
  await it.apply();
  assert.deepEqual([[...problems], await ask(port, TOKEN)], [[`http: ${file} is open to others than its owner: chmod 600`], 200]);
  await it.close();
});

test('a port that somebody else has is a problem, and keeps no other one closed', async () => {
  writeFileSync(join(folder, 'token'), TOKEN);
  const squatter = createServer();
  const taken = await occupy(squatter, 0);
  const port = await freePort();
  const { it, problems } = keeper(conf([taken, port]));
  await it.apply();
  assert.match([...problems].join(), new RegExp(`^http: cannot serve the API on 127.0.0.1:${taken}: .*EADDRINUSE`));
  assert.equal(await ask(port, TOKEN), 200);
  await new Promise((resolve) => squatter.close(resolve));
  await it.apply();
  assert.deepEqual([[...problems], await ask(taken, TOKEN)], [[], 200]);
  await it.close();
  assert.equal(await ask(port, TOKEN), 'nobody');
});
