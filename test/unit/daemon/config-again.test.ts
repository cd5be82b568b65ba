/** A reload from files: here where little is new, in the parser's process where it is much or wrong. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ParsedConfig } from '../../../src/config/types.js';
import { loadAgain } from '../../../src/daemon/config-again.js';
import { loadConfig } from '../../../src/daemon/config-child.js';

const service = (name: string, host: number): string =>
  `  - { name: ${name}, address: "192.0.2.${host}:80", real_servers: [ { address: "10.0.0.${host}:80" } ] }\n`;
const list = (...services: string[]): string => `virtual_servers:\n${services.join('')}`;

describe('a reload from files', () => {
  let folder: string;
  let program: string | undefined;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-again-'));
    file = join(folder, 'lbd.yaml');
    // What the parser's process is started with, where no bundle lies beside this code.
    program = process.argv[1];
    process.argv[1] = fileURLToPath(new URL('../../../../bin/lbd', import.meta.url));
  });
  after(() => {
    process.argv[1] = program as string;
    rmSync(folder, { recursive: true });
  });

  const inForce = ({ config, record }: ParsedConfig) => {
    assert.ok(config && record);
    return { config, record };
  };
  const failed = (error: Error) => assert.fail(error);
  /** Reads the text again; whether the virtual server that is the same is the same object, as no other process can give it. */
  async function again(first: ParsedConfig): Promise<{ found: ParsedConfig; here: boolean }> {
    const found = await loadAgain(file, inForce(first), failed);
    return { found, here: found.config?.virtualServers[0] === first.config?.virtualServers[0] };
  }

  test('what is known comes from what is in force, whatever else is new', async () => {
    mkdirSync(join(folder, 'more'));
    writeFileSync(file, `include: more/*.yaml\n${list(service('a', 1))}`);
    const first = await loadConfig(file);
    assert.deepEqual([(await again(first)).here, (await again(first)).found.problems], [true, first.problems]);
    writeFileSync(file, list(service('a', 1), service('b', 2)));
    const { found, here } = await again(first);
    assert.deepEqual([here, found.config?.virtualServers.map(({ name }) => name)], [true, ['a', 'b']]);
    assert.deepEqual(found.problems, (await loadConfig(file)).problems);
    assert.deepEqual((await again(found)).found.config, found.config);
  });

  test('an error, a file that is gone, and a pipe are the parser’s', async () => {
    writeFileSync(file, list(service('a', 1)));
    const first = await loadConfig(file);
    writeFileSync(file, list(service('a', 1), service('a', 2)));
    assert.match(JSON.stringify((await again(first)).found.problems), /another virtual server named ..a/);
    rmSync(file);
    assert.match(`${(await again(first)).found.problems[0]?.message}`, /there is no such file/);
    execFileSync('mkfifo', [file]);
    const waiting = again(first);
    await writeFile(file, list(service('a', 1)));
    const { found, here } = await waiting;
    assert.deepEqual([here, found.config?.virtualServers.length], [false, 1]);
    rmSync(file);
  });

  test('what nobody remembers is read as a whole', async () => {
    writeFileSync(file, list(service('a', 1)));
    assert.equal((await loadAgain(file, undefined, failed)).config?.virtualServers.length, 1);
  });

  test('a bug of the short way is told, and the reload is done all the same', async () => {
    writeFileSync(file, list(service('a', 1)));
    const { config } = inForce(await loadConfig(file));
    const told: Error[] = [];
    const found = await loadAgain(file, { config, record: undefined as never }, (error) => told.push(error));
    assert.deepEqual([found.config?.virtualServers.length, told.length], [1, 1]);
  });
});
