/** A table keeper on the client of IPVS on a fake kernel, and another program that changes the same table. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ownership } from '../../src/daemon/check/ownership.js';
import { createTableKeeper } from '../../src/daemon/check/table.js';
import type { TableKeeper, TableTiming } from '../../src/daemon/check/table-types.js';
import { plan } from '../../src/ipvs/plan.js';
import { type Destination, destinationKey, type Operation, type Service, serviceKey } from '../../src/ipvs/types.js';
import { type IpvsClient, openIpvs } from '../../src/os/ipvs.js';
import { createFakeKernel, type FakeKernel } from './ipvs-kernel.js';

export const TIMING: TableTiming = { reconcile: 3, reopen: 10, retry: [0, 5, 10] };
/** Long enough to see that something does not happen: many times the intervals above. */
export const QUIET = 40;
/** Intervals that a test never sees the end of. */
export const SLOW: TableTiming = { reconcile: 60_000, reopen: 60_000, retry: [60_000] };

export const dest = (host: number, more: Partial<Destination> = {}): Destination => ({
  address: `10.0.0.${host}`,
  port: 80,
  forward: 'nat',
  weight: 1,
  upper: 0,
  lower: 0,
  tunType: 0,
  tunPort: 0,
  tunFlags: 0,
  ...more,
});

export const service = (host: number, destinations: readonly Destination[], scheduler = 'rr'): Service => ({
  id: { kind: 'address', family: 4, protocol: 'tcp', address: `192.0.2.${host}`, port: 80 },
  scheduler,
  flags: 0,
  timeout: 0,
  prefix: 32,
  pe: '',
  destinations: new Map(destinations.map((one) => [destinationKey(one), one])),
});

export const keyOf = (host: number): string => `tcp/192.0.2.${host}:80`;
export const web = service(1, [dest(1), dest(2, { weight: 5 }), dest(3)]);
export const mail = service(2, [dest(4)]);
export const foreign = service(9, [dest(8, { forward: 'dr' }), dest(9)], 'sh');

function ownership(keys: string[] = []): Ownership & { keys: Set<string> } {
  const own = new Set(keys);
  return {
    keys: own,
    fresh: keys.length === 0,
    add: (added) => {
      for (const key of added) own.add(key);
    },
    remove: (gone) => {
      for (const key of gone) own.delete(key);
    },
    announce: () => {},
    flush: () => {},
    settle: () => {},
  };
}

export interface World {
  kernel: FakeKernel;
  keeper: TableKeeper;
  owned: ReturnType<typeof ownership>;
  /** What another program does. */
  other: IpvsClient;
  log: string[];
  events: string[];
  states: string[];
  /** What the kernel holds, besides statistics. */
  has: (host: number) => Service | undefined;
}

const never = () => Promise.resolve('no such module');

export async function world(run: (world: World) => Promise<void>, owns: string[] = [], timing = TIMING): Promise<void> {
  const kernel = createFakeKernel();
  const other = await openIpvs(kernel.open, never);
  const owned = ownership(owns);
  const [log, events, states]: [string[], string[], string[]] = [[], [], []];
  const keeper = createTableKeeper({
    open: () => openIpvs(kernel.open, never),
    owned,
    now: () => performance.now(),
    log: (level, message, fields) => log.push(`${level}: ${message} ${fields?.reason ?? ''}`.trim()),
    event: (kind, subject, text) => events.push(`${kind} ${subject}: ${text}`),
    nameOf: (key) => key,
    onState: (state, reason) => states.push(`${state} ${reason}`.trim()),
    timing,
  });
  const has = (host: number): Service | undefined => other.readService(service(host, []).id);
  try {
    await run({ kernel, keeper, owned, other, log, events, states, has });
  } finally {
    keeper.close();
  }
}

export const say = (keeper: TableKeeper, ...services: Service[]): void => {
  for (const one of services) keeper.want(serviceKey(one.id), one);
};

export async function start(keeper: TableKeeper, ...services: Service[]): Promise<void> {
  await keeper.open();
  say(keeper, ...services);
  keeper.begin();
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await sleep(5);
  assert.ok(holds(), what);
}

/** Nothing to do: the kernel has what is wanted. */
export const same = (have: Service | undefined, want: Service): boolean =>
  have !== undefined && plan(new Map([['', have]]), new Map([['', want]]), new Set()).length === 0;

export const outside = (other: IpvsClient, ...operations: Operation[]): void => assert.deepEqual(other.apply(operations), []);
export const put = (other: IpvsClient, one: Service): void =>
  outside(other, ...plan(new Map(), new Map([[serviceKey(one.id), one]]), new Set()));

export const raw = (kernel: FakeKernel, at: number): unknown => [...kernel.table.services.values()][at];
