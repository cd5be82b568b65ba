/**
 * Two directors and a client on one switch, and a stand-in for core: it starts the vrrp process in a namespace, configures it and
 * listens to it. keepalived can take the place of either director.
 *
 *   d1 10.9.0.1 02:…:01 ─┐
 *   d2 10.9.0.2 02:…:02 ─┼─ bridge ─ cli 10.9.0.9       VIP 10.9.0.100, fd09::100
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Announcements } from '../../src/base/announcements.js';
import { parsePrefix } from '../../src/base/ip.js';
import { parseConfig } from '../../src/config/parse.js';
import type { Config, SigningConfig, UnicastConfig, VrrpInstanceConfig } from '../../src/config/types.js';
import type { ApiInstance } from '../../src/control/api.js';
import type { FailoverOutcome } from '../../src/daemon/vrrp/failover.js';
import type { FailoverOrder, VrrpCommand } from '../../src/daemon/vrrp/messages.js';
import type { TrafficReport } from './vrrp-traffic.js';

const execute = promisify(execFile);

export const VIP = '10.9.0.100';
export const VIP6 = 'fd09::100';
export const DIRECTORS = ['d1', 'd2'] as const;

export function run(line: string): string {
  const [program, ...words] = line.split(' ');
  return execFileSync(program as string, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function attempt(line: string): void {
  try {
    run(line);
  } catch {
    // It was not there.
  }
}

export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  limit = 10_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface Lan {
  ns(host: string): string;
  exec(host: string, line: string): string;
  /** A new interface for a host that has lost its own. */
  plug(host: string): void;
  /** The host's cable: pulled at the switch, so that the host sees its carrier go. */
  cable(host: string, state: 'up' | 'down'): void;
  /** Whether the switch passes anything to and from the host; its carrier is there all the same. */
  forwards(host: string, yes: boolean): void;
  /** Has the program killed, at the latest when everything goes. */
  adopt<T extends ChildProcess>(child: T): T;
  destroy(): void;
}

let lans = 0;
/** What is still standing when the test process ends early. */
const standing = new Set<() => void>();
process.on('exit', () => {
  for (const destroy of standing) destroy();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** `third`: a director d3, 10.9.0.3, too. */
export function buildLan(third = false): Lan {
  const tag = `${process.pid}v${++lans}`;
  const bridge = `vb${tag}`;
  const hosts: Readonly<Record<string, number>> = { d1: 1, d2: 2, ...(third ? { d3: 3 } : {}), cli: 9 };
  const ns = (host: string) => `vrrp-${host}-${tag}`;
  const port = (host: string) => `v${host}${tag}`;
  const exec = (host: string, line: string) => run(`ip netns exec ${ns(host)} ${line}`);
  const children = new Set<ChildProcess>();
  const adopt = <T extends ChildProcess>(child: T): T => {
    children.add(child);
    return child;
  };
  const plug = (host: string) => {
    const number = hosts[host];
    run(`ip link add ${port(host)} type veth peer name eth0 address 02:00:00:00:09:0${number} netns ${ns(host)}`);
    run(`ip link set ${port(host)} master ${bridge} up`);
    exec(
      host,
      'sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.keep_addr_on_down=1',
    );
    exec(host, 'ip link set eth0 up');
    exec(host, `ip addr add 10.9.0.${number}/24 dev eth0`);
    exec(host, `ip addr add fd09::${number}/64 dev eth0 nodad`);
  };
  const destroy = () => {
    standing.delete(destroy);
    for (const child of children) killTree(child);
    for (const host of Object.keys(hosts)) attempt(`ip netns del ${ns(host)}`);
    attempt(`ip link del ${bridge}`);
  };
  standing.add(destroy);
  try {
    run(`ip link add ${bridge} type bridge mcast_snooping 0`);
    run(`ip link set ${bridge} up`);
    for (const host of Object.keys(hosts)) {
      run(`ip netns add ${ns(host)}`);
      exec(host, 'ip link set lo up');
      plug(host);
    }
  } catch (error) {
    destroy();
    throw error;
  }
  return {
    ns,
    exec,
    plug,
    adopt,
    destroy,
    cable: (host, state) => void run(`ip link set ${port(host)} ${state}`),
    // Forwarding or listening, as a switch with spanning tree has its ports (IEEE 802.1D).
    forwards: (host, yes) => void run(`bridge link set dev ${port(host)} state ${yes ? 3 : 1}`),
  };
}

/** An address, or several that are together. */
export type Vip = string | readonly string[];

/** Asked without blocking: pairs are tested side by side in one process. */
async function addressesOn(lan: Lan, host: string): Promise<string> {
  const { stdout } = await execute('ip', ['netns', 'exec', lan.ns(host), 'ip', '-o', 'addr', 'show', 'dev', 'eth0']);
  return stdout;
}

/** All of them. */
export async function holds(lan: Lan, host: string, vip: Vip): Promise<boolean> {
  const there = await addressesOn(lan, host);
  return [vip].flat().every((one) => there.includes(` ${one}/`));
}

/** None of them. */
export async function lacks(lan: Lan, host: string, vip: Vip): Promise<boolean> {
  const there = await addressesOn(lan, host);
  return ![vip].flat().some((one) => there.includes(` ${one}/`));
}

export interface Settings {
  readonly priority: number;
  readonly version?: 2 | 3;
  /** `both`: one configured object with addresses of both families. */
  readonly family?: 4 | 6 | 'both';
  readonly interval?: number;
  readonly preempt?: boolean;
  readonly password?: string;
  readonly addresses?: readonly string[];
  readonly unicast?: VrrpInstanceConfig['unicast'];
  /** The configuration as it is, with what the rest cannot say. */
  readonly whole?: VrrpInstanceConfig;
  /** Instead of one instance: those of a file, with their sync groups. */
  readonly file?: Pick<Config, 'vrrpInstances' | 'syncGroups'>;
  readonly announcements?: Announcements;
  readonly witness?: readonly string[];
  readonly signing?: SigningConfig;
  /** By file, in hexadecimal. */
  readonly keys?: Readonly<Record<string, string>>;
}

/**
 * Datagrams that a hand-over may lose. Quiet machines lose none, and the figure is printed. A machine that is busy with something else may
 * keep a director from running for some milliseconds just then; a gap in the hand-over itself would cost an interval's worth, ten times
 * this at least.
 */
export const NOISE = 9;

/** However they are: also those that were stopped, or have ended. */
export async function endAll(running: Lbd[]): Promise<void> {
  for (const one of running.splice(0)) {
    one.child.kill('SIGKILL');
    await one.ended.catch(() => {});
  }
}

export const VRID = 51;
const addressesOf = (settings: Settings): readonly string[] =>
  settings.addresses ?? (settings.family === 6 ? ['fe80::9:100/128', `${VIP6}/128`] : [`${VIP}/24`]);

export function instance(settings: Settings): VrrpInstanceConfig {
  if (settings.whole) return settings.whole;
  const { priority, version = 3, interval = 200, preempt = true, password } = settings;
  const family = settings.family === 6 ? 6 : 4;
  const addresses = addressesOf(settings).map((one) => parsePrefix(one) as NonNullable<ReturnType<typeof parsePrefix>>);
  return {
    name: 'VI_1',
    interface: 'eth0',
    family,
    vrid: VRID,
    version,
    priority,
    advertInterval: interval,
    preempt,
    preemptDelay: 0,
    v3Checksum: 'pseudo',
    addresses,
    ...(settings.announcements ? { announcements: settings.announcements } : {}),
    ...(settings.witness ? { witness: settings.witness } : {}),
    password,
    ...(settings.signing ? { signing: settings.signing } : {}),
    ...(settings.unicast ? { unicast: settings.unicast } : {}),
  };
}

const peersText = ({ source, ttl, peers }: UnicastConfig): string => {
  const all = peers.map((one) => `{ address: "${one.address}", min_ttl: ${one.minTtl}, max_ttl: ${one.maxTtl} }`);
  return `    unicast: { source: "${source}", ${ttl === undefined ? '' : `ttl: ${ttl}, `}peers: [ ${all.join(', ')} ] }\n`;
};

function bothFamilies({
  priority,
  interval = 200,
  preempt = true,
  unicast,
  addresses = [`${VIP}/24`, `${VIP6}/64`],
}: Settings): Pick<Config, 'vrrpInstances' | 'syncGroups'> {
  const text = `vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: ${VRID}
    priority: ${priority}
    advert_interval: ${interval}ms
    preempt: ${preempt}
    virtual_addresses: ${JSON.stringify(addresses)}
${unicast ? peersText(unicast) : ''}`;
  const { config } = parseConfig('f.yaml', text, { env: {} });
  assert.ok(config);
  return config;
}

const fileOf = (settings: Settings) => settings.file ?? (settings.family === 'both' ? bothFamilies(settings) : undefined);
const instances = (settings: Settings): readonly VrrpInstanceConfig[] => fileOf(settings)?.vrrpInstances ?? [instance(settings)];

export interface Speaker {
  readonly host: string;
  /** Priority 0 and the end. Resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface Lbd extends Speaker {
  readonly child: ChildProcess;
  readonly events: string[];
  readonly logs: string[];
  send(command: VrrpCommand): void;
  configure(settings: Settings): void;
  report(): Promise<ApiInstance>;
  reports(): Promise<readonly ApiInstance[]>;
  failover(order: Omit<FailoverOrder, 'instance'>): Promise<FailoverOutcome>;
  when(state: ApiInstance['state'], limit?: number): Promise<ApiInstance>;
  ended: Promise<number | null>;
}

const CHILD = fileURLToPath(new URL('./vrrp-child.js', import.meta.url));
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--v8-pool-size=1'];

/** Starts the vrrp process on the host, with the gate open, and configures it. */
export async function startLbd(
  lan: Lan,
  host: string,
  runDir: string,
  settings: Settings,
  flags: readonly string[] = [],
): Promise<Lbd> {
  const argv = ['netns', 'exec', lan.ns(host), process.execPath, ...FLAGS, ...flags, CHILD];
  const child = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  const events: string[] = [];
  const logs: string[] = [];
  const answers = new Map<number, (answer: { readonly instances?: readonly ApiInstance[] }) => void>();
  let nextId = 1;
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = new Promise<void>((resolve, reject) => {
    void ended.then((code) => reject(new Error(`the vrrp process of ${host} ended with ${code}`)));
    child.on('message', (raw) => {
      const message = raw as { type: string; text?: string; msg?: string; id?: number; instances?: readonly ApiInstance[] };
      if (message.type === 'ready') resolve();
      if (message.type === 'event') events.push(message.text ?? '');
      if (message.type === 'log') logs.push(message.msg ?? '');
      if (message.type === 'answer') answers.get(message.id ?? 0)?.(message);
    });
  });
  const send = (command: VrrpCommand) => void (child.connected && child.send(command, () => {}));
  const ask = (more: { readonly failover?: FailoverOrder } = {}) =>
    new Promise<object>((resolve) => {
      const id = nextId++;
      answers.set(id, (answer) => {
        answers.delete(id);
        resolve(answer);
      });
      send({ type: 'query', id, ...more });
    });
  const reports = async () => ((await ask()) as { readonly instances: readonly ApiInstance[] }).instances;
  const report = async () => (await reports())[0] as ApiInstance;
  const failover = async (order: Omit<FailoverOrder, 'instance'>) =>
    (await ask({ failover: { instance: 'VI_1', ...order } })) as FailoverOutcome;
  const configure = (next: Settings) => {
    const groups = fileOf(next)?.syncGroups ?? [];
    const { keys = {} } = next;
    send({ type: 'configure', instances: instances(next), groups, keys, runDir, routerId: host });
  };
  await ready;
  send({ type: 'gate', forwarding: 'ready', reason: '' });
  configure(settings);
  return {
    host,
    child,
    events,
    logs,
    send,
    configure,
    report,
    reports,
    failover,
    ended,
    async when(state, limit) {
      let last: ApiInstance | undefined;
      try {
        return await until(
          `${host} is ${state}`,
          async () => {
            const all = await reports();
            last = all.find((one) => one.state !== state) ?? all[0];
            return last?.state === state ? all[0] : undefined;
          },
          limit,
        );
      } catch (error) {
        throw new Error(`${(error as Error).message}; it is ${JSON.stringify(last)}; events:\n${events.join('\n')}`);
      }
    },
    async stop() {
      send({ type: 'stop' });
      assert.equal(await ended, 0);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Its children first, and it cannot start new ones meanwhile: keepalived's child would resign when its parent dies. */
function killTree(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGSTOP');
  const listing = execFileSync('ps', ['-o', 'pid=,ppid=', '-A'], { encoding: 'utf8' }).trim().split('\n');
  for (const line of listing) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (parent === child.pid) process.kill(pid as number, 'SIGKILL');
  }
  child.kill('SIGKILL');
}

const unicastText = ({ unicast }: VrrpInstanceConfig): string =>
  unicast
    ? `${unicast.source === undefined ? '' : `unicast_src_ip ${unicast.source}\n`}unicast_peer {\n ${unicast.peers.map((one) => one.address).join('\n ')}\n }`
    : '';

const keepalivedName = ({ name }: VrrpInstanceConfig): string => name.replace('/', '_');

function keepalivedText(conf: VrrpInstanceConfig): string {
  const auth = conf.password === undefined ? '' : `authentication {\n auth_type PASS\n auth_pass ${conf.password}\n }\n`;
  return [
    `vrrp_instance ${keepalivedName(conf)} {`,
    'state BACKUP',
    'interface eth0',
    `virtual_router_id ${VRID}`,
    `priority ${conf.priority}`,
    `version ${conf.version}`,
    `advert_int ${conf.advertInterval / 1000}`,
    conf.preempt ? '' : 'nopreempt',
    auth,
    unicastText(conf),
    conf.addresses.length === 0
      ? ''
      : `virtual_ipaddress {\n ${conf.addresses.map((one) => `${one.address}/${one.length}`).join('\n ')}\n }`,
    '}\n',
  ].join('\n');
}

const keepalivedGroup = (all: readonly VrrpInstanceConfig[]): string =>
  all.length < 2 ? '' : `vrrp_sync_group G {\n group {\n ${all.map(keepalivedName).join('\n ')}\n }\n}\n`;

let keepaliveds = 0;

/** keepalived with the same instances, on the host, in the foreground; nothing of it is shared with other keepalived processes. */
export async function startKeepalived(lan: Lan, host: string, folder: string, settings: Settings): Promise<Speaker> {
  const all = instances(settings);
  const file = join(folder, `${host}.conf`);
  const text = keepalivedGroup(all) + all.map(keepalivedText).join('');
  writeFileSync(file, text);
  // One that was killed leaves its files behind.
  const own = join(folder, `${host}-${++keepaliveds}`);
  const pids = ['-p', `${own}.pid`, '-r', `${own}-vrrp.pid`, '-c', `${own}-check.pid`];
  const argv = ['netns', 'exec', lan.ns(host), 'keepalived', '-n', '-l', '-D', '-P', '-f', file, ...pids];
  const child = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let output = '';
  const started = new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
      if (/Entering BACKUP STATE|Entering MASTER STATE/.test(output)) resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    void ended.then(() => reject(new Error(`keepalived of ${host} ended:\n${output}`)));
  });
  await started;
  return {
    host,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    async kill() {
      killTree(child);
      await ended;
    },
  };
}

const TRAFFIC = fileURLToPath(new URL('./vrrp-traffic.js', import.meta.url));

export interface Traffic {
  /** What was sent and answered since the last call, every answer that can still come included. */
  take(): Promise<TrafficReport>;
}

function startRole(lan: Lan, host: string, words: readonly string[]): Promise<ChildProcess> {
  const argv = ['netns', 'exec', lan.ns(host), process.execPath, TRAFFIC, ...words];
  const child = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', () => reject(new Error(`${words.join(' ')} ended`)));
  });
}

/** What several clients have seen at the same time: the losses of all, and the longest silence of any. */
function together(reports: readonly TrafficReport[]): TrafficReport {
  const by: Record<string, number> = {};
  for (const report of reports) for (const [name, count] of Object.entries(report.by)) by[name] = (by[name] ?? 0) + count;
  const sum = (key: 'sent' | 'lost') => reports.reduce((all, one) => all + one[key], 0);
  return { sent: sum('sent'), lost: sum('lost'), silence: Math.max(...reports.map((one) => one.silence)), by };
}

/** Echoes on the directors, and a client for each address that sends `rate` datagrams a second to it. */
export async function startTraffic(lan: Lan, vip: Vip, rate = 1000, directors: readonly string[] = DIRECTORS): Promise<Traffic> {
  await Promise.all(directors.map((host) => startRole(lan, host, ['echo', host])));
  const clients = await Promise.all([vip].flat().map((address) => startRole(lan, 'cli', ['client', address, String(rate)])));
  const ask = (client: ChildProcess) =>
    new Promise<TrafficReport>((resolve) => {
      client.once('message', (report) => resolve(report as TrafficReport));
      client.send('report');
    });
  return {
    async take() {
      await new Promise((resolve) => setTimeout(resolve, 350));
      return together(await Promise.all(clients.map(ask)));
    },
  };
}

export interface Folders {
  readonly of: (host: string) => string;
  remove(): void;
}

export function makeFolders(): Folders {
  const root = mkdtempSync(join(tmpdir(), 'lbd-vrrp-'));
  const remove = () => {
    standing.delete(remove);
    rmSync(root, { recursive: true, force: true });
  };
  standing.add(remove);
  return {
    of: (host) => {
      const folder = join(root, host);
      execFileSync('mkdir', ['-p', folder]);
      return folder;
    },
    remove,
  };
}
