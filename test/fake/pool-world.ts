/** A whole pool over a fake kernel and a fake network: what core says ends in the table. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckConfig } from '../../src/config/types.js';
import { passageOf } from '../../src/config/via.js';
import { bootId } from '../../src/daemon/check/ownership.js';
import { type Configure, createPool, type Pool } from '../../src/daemon/check/pool.js';
import type { ChildLink } from '../../src/daemon/child.js';
import type { CheckCommand } from '../../src/daemon/messages.js';
import type { ServiceIntent } from '../../src/intent/types.js';
import { serviceKey } from '../../src/ipvs/types.js';
import { now } from '../../src/os/clock.js';
import { openIpvs } from '../../src/os/ipvs.js';
import { CHECKING, makeServer, makeService } from './intent.js';
import { createFakeKernel, type FakeKernel } from './ipvs-kernel.js';

const never = () => Promise.resolve('no such module');
/** Whoever is up answers; a process that stood still for a moment must not take that for silence. */
const CHECK: CheckConfig = { type: 'tcp', port: undefined, interval: 20, timeout: 1000, rise: 1, fall: 1 };
/** IPVS_CMD_NEW_DEST. */
const NEW_DEST = 5;

/** 10.0.0.`host`:80 behind dr, with a check. */
export const dr = (host: number, timing: Partial<CheckConfig> = {}) =>
  makeServer(host, { forward: 'dr', checks: [{ ...CHECK, ...timing } as CheckConfig] });

/** 192.0.2.`host`:80. */
export const named = (name: string, host: number, servers: ServiceIntent['realServers'], own: Partial<ServiceIntent> = {}) => {
  const id = { kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 } as const;
  return makeService(servers, { name, id, ids: [id], key: serviceKey(id), forward: 'dr', ...own });
};

export interface PoolWorld {
  readonly pool: Pool;
  readonly kernel: FakeKernel;
  configure(services: readonly ServiceIntent[], more?: Partial<Configure>): void;
  /** `tcp/192.0.2.10:80: 10.0.0.1:80=10 10.0.0.2:80=0` of every kernel service; servers sorted: which check answers first is chance. */
  table(): string[];
  readonly events: string[];
  /** Whether another director should serve, each time that it became other. */
  readonly yielded: readonly boolean[];
  /** What core was told. */
  /** How often the quorum of a service may have become another. */
  readonly quorums: () => number;
  readonly states: string[];
  /** Real servers that the kernel had been given when core was first told `ready`. */
  readyWith(): number | undefined;
  /** Hosts whose checks fail; `10.0.0.1:80`: those to that port. */
  readonly down: Set<string>;
  /** What hosts ask for their weight, in percent. */
  readonly shares: Map<string, number>;
  /** Below net.ipv4.vs. */
  readonly settings: Map<string, string>;
}

export interface PoolWorldOptions {
  readonly more?: Partial<Configure>;
  /** What an earlier life remembers. */
  readonly saved?: { readonly verdicts: object; readonly members: object };
  /** Milliseconds of a probe. */
  readonly probe?: number;
  /** Resolves when IPVS may be opened. */
  readonly opening?: Promise<void>;
  /** Called with the state folder when the pool has ended. */
  readonly ended?: (folder: string) => void;
  /** The state folder and the kernel of an earlier life, which stay. */
  readonly earlier?: { readonly folder: string; readonly kernel: FakeKernel };
}

export async function poolWorld(
  first: readonly ServiceIntent[],
  run: (world: PoolWorld) => Promise<void>,
  { more = {}, saved, probe = 0, opening = Promise.resolve(), ended = () => {}, earlier }: PoolWorldOptions = {},
): Promise<void> {
  const folder = earlier?.folder ?? mkdtempSync(join(tmpdir(), 'lbd-pool-'));
  if (saved) writeFileSync(join(folder, 'verdicts.json'), JSON.stringify({ boot_id: bootId(), saved_at: now(), ...saved }));
  const kernel = earlier?.kernel ?? createFakeKernel();
  kernel.queue = 100_000;
  const other = await openIpvs(kernel.open, never);
  const [events, states]: [string[], string[]] = [[], []];
  const yielded: boolean[] = [];
  let ready: number | undefined;
  const down = new Set<string>();
  const shares = new Map<string, number>();
  const settings = new Map([['expire_nodest_conn', '0']]);
  const command = (services: readonly ServiceIntent[], own: Partial<Configure> = {}): Configure => ({
    type: 'configure',
    services,
    stateDir: folder,
    runDir: folder,
    onStop: 'keep',
    director: {
      kernel: { manage: false, restore: false, values: {} },
      connectionSync: undefined,
      timeouts: { tcp: 0, tcpFin: 0, udp: 0 },
      checking: CHECKING,
    },
    carriers: [],
    roles: {},
    ...more,
    ...own,
  });
  const link: ChildLink<CheckCommand> = {
    send: (message) => {
      const { type, now: yields, state } = message as { type?: string; now?: boolean; state?: string };
      if (type === 'yield') return void yielded.push(yields === true);
      states.push(`${state}`);
      if (state === 'ready') ready ??= kernel.commands.filter((one) => one === NEW_DEST).length;
    },
    log: () => {},
    event: (kind, subject, text) => void events.push(`${kind} ${subject}: ${text}`),
    onCommand: () => {},
    onOrphan: () => {},
  };
  let decided = 0;
  const pool = createPool(
    command(first),
    link,
    {
      openIpvs: () => opening.then(() => openIpvs(kernel.open, never)),
      ownAddresses: () => new Set(['10.0.0.1']),
      sysctls: { read: (name) => settings.get(name), write: (name, value) => void settings.set(name, value) },
      paths: {
        addresses: () => [{ address: '10.0.0.254', length: 24, interface: 'eth0' }],
        sourceTowards: () => '10.0.0.254',
        conf: () => undefined,
      },
      startProbe: (check, target, done) => {
        const address = passageOf(check)?.address ?? target.address;
        const [ok, share] = [!down.has(address) && !down.has(`${address}:${target.port}`), shares.get(address)];
        const asked = share === undefined ? {} : { share };
        const result = { ok, local: false, reason: ok ? 'connected' : 'refused', duration: 1, ...asked };
        const timer = setTimeout(() => done(result), probe);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    () => {
      decided++;
    },
  );
  const table = () =>
    [...other.readTable()].map(([key, one]) => {
      const servers = [...one.destinations].map(([name, { weight }]) => `${name}=${weight}`);
      // In the order in which their first checks happened to end, which a busy machine changes.
      return `${key}: ${servers.sort().join(' ')}`;
    });
  const configure: PoolWorld['configure'] = (services, own) => pool.configure(command(services, own));
  try {
    await run({
      pool,
      kernel,
      configure,
      table,
      events,
      yielded,
      states,
      quorums: () => decided,
      readyWith: () => ready,
      down,
      shares,
      settings,
    });
  } finally {
    await pool.close(true);
    other.close();
    ended(folder);
    if (!earlier) rmSync(folder, { recursive: true });
  }
}
