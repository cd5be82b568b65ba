/** The whole daemon with one VRRP instance, in a namespace of its own: programs hear of its states. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VETH } from './self.js';
import { until } from './vrrp-harness.js';

const LBD = fileURLToPath(new URL('../../../bin/lbd', import.meta.url));

test('backup, master, and the end', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-notify-'));
  const [file, hook, said, log] = ['lbd.yaml', 'hook', 'said', 'log'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(hook, `#!/bin/sh\necho "$* $LBD_BEFORE $LBD_ROUTER_ID $(id -u)" >> ${said}\n`, { mode: 0o755 });
  writeFileSync(
    file,
    `global: { router_id: d1, state_dir: ${folder}/state, control: { socket: ${folder}/run/lbd.sock } }
vrrp_instances:
  - name: VI_1
    interface: va
    virtual_router_id: 51
    priority: 200
    advert_interval: 100ms
    virtual_addresses: [ 10.7.0.100/24 ]
    notify:
      - { command: [ ${hook}, "{name}", "{STATE}", "{priority}" ] }
      - { command: [ /nowhere ], states: [ master ], timeout: 1s }
`,
  );
  const setup = `${VETH}\nip addr add 10.7.0.1/24 dev va\nexec "$0" -c "$1" 2> "$2"`;
  const child = spawn('unshare', ['-n', 'sh', '-c', setup, LBD, file, log], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = () => {
    try {
      return readFileSync(said, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  };
  try {
    await until('it is master', () => lines().length === 2, 20_000);
    await until('a program that is not there is told of', () =>
      /\/nowhere for master: it cannot be run|ENOENT/.test(readFileSync(log, 'utf8')),
    );
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    assert.deepEqual(lines(), ['VI_1 BACKUP 200  d1 0', 'VI_1 MASTER 200 backup d1 0', 'VI_1 STOPPED 200 master d1 0']);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
});
