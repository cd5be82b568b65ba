/**
 * Servers for checks: a network namespace that has every address of 10.128.0.0/15, nginx on all of them, and a cable to the namespace of
 * whoever checks. What arrives is counted by its kernel, so nobody's own word is needed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeNetns, type Netns } from '../netns/netns.js';
import { steerCable } from './cores.js';
import { type CheckKind, SERVER_PORT } from './texts.js';

export interface Farm {
  /** So many checks of a kind have arrived so far. */
  arrived(kind: CheckKind): number;
  destroy(): Promise<void>;
}

/** Of the farm's end of the cable. */
const ROUTER = '10.127.0.2';
const NETWORK = '10.128.0.0/15';
const START_MS = 20_000;

/** One worker, which is a core at most; connections without a request are checks. */
const NGINX = (folder: string) => `
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
worker_rlimit_nofile 20000;
events { worker_connections 16384; multi_accept on; }
http {
  access_log off;
  keepalive_timeout 0;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen ${SERVER_PORT} backlog=4096; location / { return 200 ok; } }
}
`;

/** Where the kernel counts what a check is to the server: a connection it got, half of one that was reset, an echo request. */
const COUNTERS: Readonly<Record<CheckKind, readonly [table: string, name: string]>> = {
  tcp: ['Tcp', 'PassiveOpens'],
  http: ['Tcp', 'PassiveOpens'],
  tcp_half_open: ['Tcp', 'AttemptFails'],
  icmp: ['Icmp', 'InEchos'],
};

function counter(netns: Netns, kind: CheckKind): number {
  const [table, name] = COUNTERS[kind];
  const [names = [], values = []] = netns
    .exec('cat /proc/net/snmp')
    .split('\n')
    .filter((line) => line.startsWith(`${table}:`))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}

function wire(checker: Netns, servers: Netns): void {
  checker.exec(`ip link add cable type veth peer name cable netns ${servers.name}`);
  for (const [one, address] of [
    [checker, '10.127.0.1'],
    [servers, ROUTER],
  ] as const) {
    one.exec(`ip address add ${address}/24 dev cable`);
    one.exec('ip link set cable up');
  }
  servers.exec(`ip route add local ${NETWORK} dev lo`);
  checker.exec(`ip route add ${NETWORK} via ${ROUTER}`);
}

async function startNginx(servers: Netns, folder: string): Promise<ChildProcess> {
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, NGINX(folder));
  const argv = ['netns', 'exec', servers.name, 'nginx', '-e', join(folder, 'error.log'), '-c', file];
  const child = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`nginx ended with status ${code}`)));
  });
  failed.catch(() => {});
  const deadline = performance.now() + START_MS;
  while (!servers.exec('cat /proc/net/tcp').includes(`:${SERVER_PORT.toString(16).toUpperCase()} `)) {
    if (performance.now() > deadline) throw new Error('nginx does not listen');
    await Promise.race([sleep(20), failed]);
  }
  return child;
}

/** The servers of `checker`, until destroyed; `apart` as in cores.ts. */
export async function makeFarm(checker: Netns, apart = false): Promise<Farm> {
  const servers = makeNetns('farm');
  const folder = mkdtempSync(join(tmpdir(), 'lbd-farm-'));
  let nginx: ChildProcess | undefined;
  const destroy = async () => {
    if (nginx && nginx.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    servers.destroy();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    wire(checker, servers);
    if (apart) steerCable(checker, servers, 'cable');
    nginx = await startNginx(servers, folder);
  } catch (error) {
    await destroy();
    throw error;
  }
  return { arrived: (kind) => counter(servers, kind), destroy };
}
