/**
 * The whole daemon on a director, with what its instances track; keepalived, or another lbd, on the other one. There is no virtual server,
 * and the host's kernel need not have IPVS.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ApiInstance, ApiStatus } from '../../src/control/api.js';
import { inLanes } from './lanes.js';
import {
  buildLan,
  type Folders,
  holds,
  type Lan,
  makeFolders,
  startKeepalived,
  startTraffic,
  type Traffic,
  until,
  VIP,
  VRID,
} from './vrrp-harness.js';

const LBD = fileURLToPath(new URL('../../../bin/lbd', import.meta.url));
const LBCTL = fileURLToPath(new URL('../../../bin/lbctl', import.meta.url));
const execute = promisify(execFile);
const LIMIT = 15_000;

interface Daemon {
  readonly host: string;
  /** What lbctl prints. */
  run(...words: string[]): Promise<string>;
  ask<T>(...words: string[]): Promise<T>;
  instance(name?: string): Promise<ApiInstance>;
  when(state: ApiInstance['state'], name?: string): Promise<ApiInstance>;
  write(more: string): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

inLanes('what instances track', 3, (test) => {
  let lan: Lan;
  let folders: Folders;
  let running: { kill(): Promise<void> }[] = [];
  let traffic: Traffic;
  const other: ChildProcess[] = [];

  async function start(host: string, text: string): Promise<Daemon> {
    const folder = folders.of(host);
    const file = join(folder, 'lbd.yaml');
    const socket = join(folder, 'run', 'lbd.sock');
    const write = (more: string) =>
      writeFileSync(file, `global: { router_id: ${host}, state_dir: ${folder}/state, control: { socket: ${socket} } }\n${more}`);
    write(text);
    const child = lan.adopt(
      spawn('ip', ['netns', 'exec', lan.ns(host), LBD, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] }),
    );
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(-20_000);
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const run = async (...words: string[]) => (await execute(LBCTL, ['--socket', socket, ...words])).stdout;
    const ask = async <T>(...words: string[]): Promise<T> => JSON.parse(await run('-o', 'json', ...words)) as T;
    const instance = async (name = 'VI_1') => {
      const { instances } = await ask<{ instances: ApiInstance[] }>('vrrp', name);
      return instances[0] as ApiInstance;
    };
    const daemon: Daemon = {
      host,
      run,
      ask,
      instance,
      async when(state, name) {
        let last: ApiInstance | undefined;
        const look = async () => {
          last = await instance(name).catch(() => undefined);
          return last?.state === state && last;
        };
        return until(`${name ?? 'VI_1'} of ${host} is ${state}`, look, LIMIT).catch((error: Error) => {
          throw new Error(`${error.message}; it is ${JSON.stringify(last)}\n${said}`);
        });
      },
      write,
      async kill(signal = 'SIGTERM') {
        child.kill(signal);
        await ended;
      },
    };
    running.push(daemon);
    return daemon;
  }

  before(async () => {
    lan = buildLan();
    folders = makeFolders();
    chmodSync(dirname(folders.of('d1')), 0o755);
    traffic = await startTraffic(lan, VIP);
  });
  afterEach(async () => {
    for (const child of other.splice(0)) child.kill('SIGKILL');
    await Promise.all(running.map((one) => one.kill()));
    running = [];
    // keepalived was killed, and leaves what it had.
    for (const host of ['d1', 'd2']) if (await holds(lan, host, VIP)) lan.exec(host, `ip addr del ${VIP}/24 dev eth0`);
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  /** An interface that is up, its cable in. */
  function addUplink(host: string, name: string): void {
    lan.exec(host, `ip link add ${name} type veth peer name ${name}-far`);
    lan.exec(host, `ip link set ${name}-far up`);
    lan.exec(host, `ip link set ${name} up`);
  }

  const heldBy = async () => {
    const found = await Promise.all(['d1', 'd2'].map(async (host) => ((await holds(lan, host, VIP)) ? host : '')));
    return found.filter(Boolean).join(' ');
  };
  const heldOnlyBy = (host: string) => until(`${host} alone has the address`, async () => (await heldBy()) === host, LIMIT);

  test('a script, a file, a process and an interface move the address to keepalived and back', async () => {
    const folder = folders.of('d1');
    const [well, number, program] = ['well', 'number', 'lbd-tracked'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const config = (command: string) => `
scripts: [ { name: s, command: [ ${command}, -e, ${well} ], interval: 100ms } ]
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: ${VRID}
    priority: 150
    advert_interval: 100ms
    virtual_addresses: [ ${VIP}/24 ]
    track:
      scripts: [ { name: s, weight: -100 } ]
      files: [ { path: ${number}, weight: 10 } ]
      processes: [ { name: lbd-tracked } ]
      interfaces: [ { name: uplink } ]
`;
    addUplink('d1', 'uplink');
    copyFileSync('/bin/sleep', program);
    chmodSync(program, 0o755);
    writeFileSync(well, '');
    const run = () => {
      const child = spawn(program, ['1000'], { stdio: 'ignore' });
      other.push(child);
      return child;
    };
    let child = run();

    running.push(
      await startKeepalived(lan, 'd2', folders.of('d2'), { priority: 100, interval: 100 }).then((one) => ({ kill: one.kill })),
    );
    const lbd = await start('d1', config('/usr/bin/test'));
    await lbd.when('master');
    assert.equal(await lbd.run('__complete', 'instances', 'VI'), 'VI_1\n');
    const status = await lbd.ask<ApiStatus>('status');
    assert.deepEqual(
      [status.services, status.problems, status.processes.map((one) => `${one.name} ${one.state}`)],
      [[], [], ['core running', 'check running', 'vrrp running']],
    );
    await heldOnlyBy('d1');
    await traffic.take();

    rmSync(well);
    const backup = await lbd.when('backup');
    assert.deepEqual([backup.priority, backup.effective_priority], [150, 50]);
    await heldOnlyBy('d2');
    const failed = backup.tracked.find((one) => one.what === 'script s');
    assert.deepEqual([failed?.state, failed?.effect, failed?.text], ['down', '-100', 'exit status 1']);
    writeFileSync(well, '');
    await lbd.when('master');
    await heldOnlyBy('d1');

    writeFileSync(number, '-6\n');
    assert.equal((await lbd.when('backup')).effective_priority, 90);
    await heldOnlyBy('d2');
    rmSync(number);
    await lbd.when('master');
    await heldOnlyBy('d1');

    child.kill('SIGKILL');
    assert.match((await lbd.when('fault')).reason, /process lbd-tracked is down: none runs/);
    await heldOnlyBy('d2');
    child = run();
    await lbd.when('master');
    await heldOnlyBy('d1');
    const { lost, sent } = await traffic.take();
    process.stdout.write(`# ${lost} of ${sent} datagrams lost in six switch-overs, three of them to keepalived\n`);
    // Each of them hands over: a director that dropped the address at once would lose those of a whole master-down time, 300 ms and more.
    assert.ok(lost < 50, `${lost} of ${sent} datagrams were lost`);

    lan.exec('d1', 'ip link set uplink-far down');
    assert.match((await lbd.when('fault')).reason, /interface uplink is down: it has no carrier/);
    await heldOnlyBy('d2');
    lan.exec('d1', 'ip link set uplink-far up');
    await lbd.when('master');

    // What is written otherwise, and a check process that dies, moves nothing.
    const { became_master: before } = await lbd.instance();
    lbd.write(config('/bin/test'));
    await lbd.ask('reload');
    const check = (await lbd.ask<ApiStatus>('status')).processes.find((one) => one.name === 'check');
    process.kill(check?.pid as number, 'SIGKILL');
    await until('the check process is there again', async () => {
      const found = (await lbd.ask<ApiStatus>('status')).processes.find((one) => one.name === 'check');
      return found?.state === 'running' && found.pid !== check?.pid;
    });
    rmSync(well);
    assert.equal((await lbd.when('backup')).became_master, before);
  });

  test('a restart finds what failed as it was: no moment as master, no word to the other director', async () => {
    const well = join(folders.of('d1'), 'well');
    const config = `
scripts: [ { name: s, command: [ /usr/bin/test, -e, ${well} ], interval: 100ms } ]
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: ${VRID}
    priority: 150
    advert_interval: 100ms
    virtual_addresses: [ ${VIP}/24 ]
    track: { scripts: [ { name: s, weight: -100 } ], interfaces: [ { name: uplink3 } ] }
`;
    const other = await startKeepalived(lan, 'd2', folders.of('d2'), { priority: 100, interval: 100 });
    running.push({ kill: () => other.kill() });
    await heldOnlyBy('d2');
    await traffic.take();

    // The script fails, and the interface is not there.
    let lbd = await start('d1', config);
    assert.match((await lbd.when('fault')).reason, /interface uplink3 is down: there is no such interface/);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await lbd.kill(signal);
      lbd = await start('d1', config);
      await lbd.when('fault');
      const { state, became_master: terms } = await until('the script has been run', async () => {
        const found = await lbd.instance();
        return found.tracked.every((one) => one.state === 'down') && found;
      });
      assert.deepEqual([state, terms], ['fault', 0], signal);
    }
    addUplink('d1', 'uplink3');
    await lbd.when('backup');
    await lbd.kill();
    lbd = await start('d1', config);
    const lowered = await lbd.when('backup');
    assert.deepEqual([lowered.effective_priority, lowered.became_master], [50, 0]);
    const { lost, by } = await traffic.take();
    assert.deepEqual([lost, Object.keys(by)], [0, ['d2']]);

    // And what is well is: a master that dies goes on as one, without waiting for results.
    writeFileSync(well, '');
    await lbd.when('master');
    await heldOnlyBy('d1');
    await traffic.take();
    await lbd.kill('SIGKILL');
    lbd = await start('d1', config);
    assert.match((await lbd.when('master')).reason, /goes on as master/);
    await until('the script has been run', async () => (await lbd.instance()).tracked.every((one) => one.state === 'up'));
    const after = await traffic.take();
    assert.deepEqual([after.lost, Object.keys(after.by)], [0, ['d1']]);
    rmSync(well);
  });

  test('a sync group moves as one to another lbd, and both addresses have a holder all the time', async () => {
    for (const host of ['d1', 'd2']) {
      addUplink(host, 'uplink2');
    }
    const instance = (name: string, on: string, vrid: number, address: string, priority: number, track = '') =>
      `  - { name: ${name}, interface: ${on}, virtual_router_id: ${vrid}, priority: ${priority}, advert_interval: 100ms, virtual_addresses: [ ${address} ]${track} }\n`;
    const config = (priority: number) =>
      `vrrp_instances:\n${instance('VI_1', 'eth0', VRID, `${VIP}/24`, priority)}${instance('VI_2', 'eth0', VRID + 1, '10.9.0.101/24', priority, ', track: { interfaces: [ { name: uplink2 } ] }')}sync_groups: [ { name: SG, members: [ VI_1, VI_2 ] } ]\n`;
    const [d1, d2] = await Promise.all([start('d1', config(150)), start('d2', config(100))]);
    await Promise.all([
      d1.when('master', 'VI_1'),
      d1.when('master', 'VI_2'),
      d2.when('backup', 'VI_1'),
      d2.when('backup', 'VI_2'),
    ]);
    assert.equal((await d1.instance('VI_2')).group, 'SG');
    await traffic.take();
    lan.exec('d1', 'ip link set uplink2 down');
    await Promise.all([d2.when('master', 'VI_1'), d2.when('master', 'VI_2')]);
    assert.match((await d1.when('fault', 'VI_1')).reason, /VI_2 of the sync group SG is in FAULT: interface uplink2 is down/);
    await heldOnlyBy('d2');
    lan.exec('d1', 'ip link set uplink2 up');
    await Promise.all([
      d1.when('master', 'VI_1'),
      d1.when('master', 'VI_2'),
      d2.when('backup', 'VI_1'),
      d2.when('backup', 'VI_2'),
    ]);
    await heldOnlyBy('d1');
    const { lost, sent } = await traffic.take();
    assert.equal(lost, 0, `${lost} of ${sent} datagrams were lost`);
  });
});
