/** Waits for what a contender does to the kernel's table, by cheap questions: they must not slow down what they measure. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IpvsClient } from '../../src/os/ipvs.js';
import { REAL_SERVERS, serverAddress, serviceId, type Weighted } from './texts.js';

/** Milliseconds between two questions: a hundredth of the time waited so far, within these bounds. */
const POLL_MS = { least: 5, most: 10, share: 0.01 };
/** Services that are looked at, spread over the table. */
const PROBES = 16;

/** Throws when the contender has ended before its time. */
export type StillAlive = () => void;

/** Milliseconds (performance.now) of the moment when `holds` was first seen true. */
async function until(what: string, limitMs: number, alive: StillAlive, holds: () => boolean): Promise<number> {
  const began = performance.now();
  for (;;) {
    // Read first: a program that did its work and ended is no failure.
    if (holds()) return performance.now();
    alive();
    const waited = performance.now() - began;
    if (waited > limitMs) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await sleep(Math.min(POLL_MS.most, Math.max(POLL_MS.least, waited * POLL_MS.share)));
  }
}

const probes = (services: number): number[] => [
  ...new Set(Array.from({ length: PROBES }, (_none, i) => Math.round(((services - 1) * i) / (PROBES - 1)))),
];

const isFull = (client: IpvsClient, service: number): boolean =>
  client.readService(serviceId(service))?.destinations.size === REAL_SERVERS;

const isWhole = (client: IpvsClient, services: number): boolean => {
  const table = client.readTable();
  return table.size === services && [...table.values()].every((service) => service.destinations.size === REAL_SERVERS);
};

export interface Reached {
  /** Milliseconds (performance.now) when it was so. */
  readonly at: number;
  /** When the first sign of it was there. */
  readonly first: number;
}

/**
 * The moment when the table is full. Whatever the order of programming, the probes are full when at least 15 of 16 parts are; the whole
 * table is read when they are, and again until it is full should the probes have been too few. The first sign is any of the two ends.
 */
export async function untilFull(client: IpvsClient, services: number, limitMs: number, alive: StillAlive): Promise<Reached> {
  const ends = [serviceId(0), serviceId(services - 1)];
  const first = await until('the first service', limitMs, alive, () => ends.some((id) => client.readService(id) !== undefined));
  let open = probes(services);
  const at = await until(`a table of ${services} services`, limitMs, alive, () => {
    // The one that was missing is asked first: one question a turn.
    while (open.length > 0 && isFull(client, open.at(-1) as number)) open = open.slice(0, -1);
    return open.length === 0;
  });
  if (isWhole(client, services)) return { at, first };
  return { at: await until(`the last of ${services} services`, limitMs, alive, () => isWhole(client, services)), first };
}

/** All services are there, whatever their checks say of the real servers. */
export const untilMade = (client: IpvsClient, services: number, limitMs: number, alive: StillAlive): Promise<number> =>
  until(`${services} services`, limitMs, alive, () => client.readTable().size === services);

export function untilWeight(client: IpvsClient, wanted: Weighted, limitMs: number, alive: StillAlive): Promise<number> {
  const { service, server, weight } = wanted;
  const id = serviceId(service);
  const key = serverAddress(service, server);
  const holds = () => client.readService(id)?.destinations.get(key)?.weight === weight;
  return until(`weight ${weight} of ${key}`, limitMs, alive, holds);
}
