/** Two whole daemons over HTTPS: what is changed at one of them at run time is changed at the other, at the latest when it is back. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiStatus, Methods } from '../../src/control/api.js';
import { buildLan, type Folders, type Lan, makeFolders, until } from './vrrp-harness.js';

const bin = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));
const pem = (name: string) => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));
const TOKEN = '0123456789abcdef0123456789abcdef';
const ADDRESS = { d1: '10.9.0.1', d2: '10.9.0.2' };
type Name = keyof typeof ADDRESS;

let lan: Lan;
let folders: Folders;
const running = new Map<Name, { readonly child: ChildProcess; readonly ended: Promise<unknown> }>();

const configOf = (own: Name, other: Name, folder: string): string => `
global:
  router_id: ${own}
  state_dir: ${folder}/state
  control: { socket: ${folder}/run/lbd.sock }
  http:
    listen: "${ADDRESS[own]}:8405"
    tls: { certificate: ${pem('server.pem')}, key: ${pem('server.key')} }
    tokens: [ { name: directors, role: change, file: ${folder}/token } ]
  peers:
    - { name: ${other}, url: "https://${ADDRESS[other]}:8405", server_name: web.test, ca: ${pem('ca.pem')}, token_file: ${folder}/token, share: true }
virtual_servers:
  - { name: web, address: "10.9.0.100:80", real_servers: [ { address: 10.9.0.21:80 }, { address: 10.9.0.22:80 } ] }
`;

function start(own: Name, other: Name): void {
  const folder = folders.of(own);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`);
  writeFileSync(join(folder, 'lbd.yaml'), configOf(own, other, folder));
  const argv = ['netns', 'exec', lan.ns(own), bin('lbd'), '-c', join(folder, 'lbd.yaml')];
  const child = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'ignore', 'inherit'] }));
  running.set(own, { child, ended: new Promise((resolve) => child.once('exit', resolve)) });
}

async function stop(own: Name): Promise<void> {
  const one = running.get(own);
  running.delete(own);
  one?.child.kill('SIGTERM');
  await one?.ended;
}

function ctl(own: Name, ...words: string[]) {
  const argv = ['--socket', join(folders.of(own), 'run/lbd.sock'), ...words];
  const { status, stdout, stderr } = spawnSync(bin('lbctl'), argv, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

const status = (own: Name): ApiStatus | undefined => {
  const { status: code, text } = ctl(own, 'status', '-o', 'json');
  return code === 0 ? (JSON.parse(text) as ApiStatus) : undefined;
};
const states = (own: Name) =>
  status(own)?.admin_states.map(({ target, state, by }) => `${target} ${state}: ${by.who}: ${by.why}`);

before(() => {
  lan = buildLan();
  folders = makeFolders();
});
after(async () => {
  for (const name of [...running.keys()]) await stop(name);
  lan?.destroy();
  folders?.remove();
});

test('a real server that is out at one director is out at both, also when the other one was away', {
  timeout: 60_000,
}, async () => {
  start('d1', 'd2');
  start('d2', 'd1');
  await until('both serve', () => status('d1') !== undefined && status('d2') !== undefined);
  const drained = await until('both can be asked', () => {
    const answer = ctl('d1', 'disable', 'web', '10.9.0.21:80', '--for', '2h', '--reason', 'disks', '--dry-run');
    return /d2: /.test(answer.text) && !/cannot be asked/.test(answer.text) ? answer : undefined;
  });
  assert.match(drained.text, /dry run/);
  assert.deepEqual([states('d1'), states('d2')], [[], []]);
  const { text } = ctl('d1', 'disable', 'web', '10.9.0.21:80', '--for', '2h', '--reason', 'disks');
  assert.match(text, /d2: 10\.9\.0\.21:80 in web/);
  const who = states('d1')?.[0]?.split(': ')[1];
  assert.deepEqual(states('d2'), [`web/10.9.0.21:80 disabled: ${who} at d1, by token directors: disks`]);

  await until('it answers', () => status('d1')?.peers[0]?.state === 'answers');
  await stop('d2');
  assert.match(
    ctl('d1', 'set-rs', 'web', '10.9.0.22:80', '--weight', '7').text,
    /d2 does not know it yet: .*nobody listens there/,
  );
  assert.match(
    status('d1')
      ?.problems.map((one) => one.text)
      .join() ?? '',
    /1 change is not at d2 yet/,
  );
  await until('it is away', () => status('d1')?.problems.some((one) => one.text.startsWith('director d2: no answer for')));
  assert.equal(status('d1')?.peers[0]?.told?.router_id, 'd2', 'what it said last');
  start('d2', 'd1');
  await until('it is told when it is back', () => /weight 7/.test(ctl('d2', 'why', 'web/10.9.0.22:80').text), 20_000);
  await until('nothing is wrong with it', () => !status('d1')?.problems.some((one) => one.text.includes('d2')));
  const [peer] = status('d1')?.peers ?? [];
  assert.deepEqual([peer?.name, peer?.state, peer?.told?.router_id, peer?.told?.same_table], ['d2', 'answers', 'd2', true]);
  const { events } = JSON.parse(ctl('d2', 'events', '--since', '0', '-o', 'json').text) as Methods['events']['result'];
  assert.deepEqual(
    events.map(({ id }) => id),
    events.map((_, i) => i + 1),
    'over its restart, without gap or double',
  );
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'start' || kind === 'stop').map(({ kind }) => kind),
    ['start', 'stop', 'start'],
  );
  assert.match(ctl('d1', 'events').text, /share .*web\/10\.9\.0\.22:80.*d2: /);
  const before = readFileSync(join(folders.of('d1'), 'lbd.yaml'), 'utf8');
  const saved = ctl('d1', 'save');
  assert.match(saved.text, /wrote 1 change into .*lbd\.yaml \(revision/);
  assert.match(saved.text, /each director has a file of its own: d2 still has it at run time alone/);
  const after = readFileSync(join(folders.of('d1'), 'lbd.yaml'), 'utf8');
  assert.equal(after, before.replace('{ address: 10.9.0.22:80 }', '{ address: 10.9.0.22:80, weight: 7 }'));
  assert.match(
    ctl('d1', 'diff').text,
    /^~ web\/10\.9\.0\.21:80 {2}disabled, .*\(by .*: disks\)\nnone of it is a matter of the file/,
  );
  assert.match(ctl('d2', 'diff').text, /web\/10\.9\.0\.22:80 {2}weight 1 -> 7 /);
  assert.match(ctl('d1', 'reload').text, /^nothing changed/m);
  assert.match(ctl('d2', 'enable', 'web', '10.9.0.21:80').text, /d1: /);
  await until('and the other way round', () => states('d1')?.length === 0);
});
