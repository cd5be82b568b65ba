/**
 * `npm run bench -- vrrp`: what a client sees of a switch-over, for a pair of lbd and a pair of keepalived on the same network (namespaces of
 * this host), with 1,000 datagrams a second through the address. A size is the time between two adverts, in ms.
 */
import {
  buildLan,
  holds,
  type Lan,
  makeFolders,
  type Settings,
  type Speaker,
  startKeepalived,
  startLbd,
  startTraffic,
  type Traffic,
  until,
  VIP,
} from '../netns/vrrp-harness.js';
import type { BenchRun } from './ipvs.js';
import { createSheet, type Sheet, type Work } from './sheet.js';

type Who = 'keepalived' | 'lbd';
const WHO: readonly Who[] = ['keepalived', 'lbd'];

const WORKS = {
  dead: { text: 'master cut off from the network: longest time without an answer', unit: 'ms' },
  stopLost: { text: 'ordered stop of the master: datagrams without an answer, worst', unit: 'datagrams' },
  stop: { text: '  longest time without an answer, worst', unit: 'ms' },
  backLost: { text: 'it is started again and preempts: datagrams without an answer, worst', unit: 'datagrams' },
  back: { text: '  longest time without an answer, worst', unit: 'ms' },
} as const satisfies Readonly<Record<string, Omit<Work, 'id'>>>;
type Name = keyof typeof WORKS;

const workOf = (name: Name): Work => ({ id: name, ...WORKS[name] });

export const createVrrpSheet = (): Sheet => createSheet((Object.keys(WORKS) as Name[]).map(workOf));

export const vrrpTitle = (interval: number): string => `adverts every ${interval} ms (version 3), 1,000 datagrams a second`;

/** High, so that the skew time is next to nothing: 250 and 240. */
const PRIORITIES = { d1: 250, d2: 240 } as const;
type Host = keyof typeof PRIORITIES;
const PREFIX = VIP;

/** A second is waited for; a hundredth is not, and differs more from time to time. */
const roundsOf = (interval: number): number => (interval >= 1000 ? 2 : 5);

interface Pair {
  readonly lan: Lan;
  readonly traffic: Traffic;
  readonly start: (host: Host) => Promise<Speaker>;
}

/** The address is at that director alone. */
async function isAt(lan: Lan, host: Host): Promise<void> {
  const other = host === 'd1' ? 'd2' : 'd1';
  await until(
    `${host} alone has the address`,
    async () => (await holds(lan, host, PREFIX)) && !(await holds(lan, other, PREFIX)),
    30_000,
  );
}

type Seen = Record<Name, number>;

async function round({ lan, traffic, start }: Pair, master: Speaker): Promise<{ readonly seen: Seen; readonly master: Speaker }> {
  await traffic.take();
  lan.cable('d1', 'down');
  await until('the backup has the address', () => holds(lan, 'd2', PREFIX), 30_000);
  const dead = await traffic.take();
  lan.cable('d1', 'up');
  await isAt(lan, 'd1');
  await traffic.take();
  await master.stop();
  await isAt(lan, 'd2');
  const stop = await traffic.take();
  const again = await start('d1');
  await isAt(lan, 'd1');
  const back = await traffic.take();
  const seen = { dead: dead.silence, stopLost: stop.lost, stop: stop.silence, backLost: back.lost, back: back.silence };
  return { seen, master: again };
}

async function rounds(run: BenchRun, pair: Pair, interval: number, who: Who): Promise<Seen[]> {
  let master = await pair.start('d1');
  const backup = await pair.start('d2');
  const all: Seen[] = [];
  try {
    await isAt(pair.lan, 'd1');
    for (let i = 1; i <= roundsOf(interval) && !run.stopped(); i++) {
      run.say(`adverts every ${interval} ms, ${who}, round ${i} of ${roundsOf(interval)} …`);
      const done = await round(pair, master);
      master = done.master;
      all.push(done.seen);
    }
  } finally {
    await Promise.all([master, backup].map((one) => one.kill()));
  }
  return all;
}

async function onLan(run: BenchRun, interval: number, who: Who): Promise<Seen[]> {
  const lan = buildLan();
  const folders = makeFolders();
  try {
    const traffic = await startTraffic(lan, VIP);
    const start = (host: Host): Promise<Speaker> => {
      const settings: Settings = { priority: PRIORITIES[host], interval };
      const folder = folders.of(host);
      return who === 'lbd' ? startLbd(lan, host, folder, settings) : startKeepalived(lan, host, folder, settings);
    };
    return await rounds(run, { lan, traffic, start }, interval, who);
  } finally {
    lan.destroy();
    folders.remove();
  }
}

export async function benchVrrp(intervals: readonly number[], run: BenchRun): Promise<void> {
  for (const interval of intervals) {
    for (const who of WHO) {
      if (run.stopped()) return;
      try {
        const all = await onLan(run, interval, who);
        const worst = (name: Name): number => Math.max(...all.map((one) => one[name]));
        for (const { dead } of all) run.sheet.add(interval, workOf('dead'), who, dead);
        for (const name of ['stopLost', 'stop', 'backLost', 'back'] as const)
          run.sheet.add(interval, workOf(name), who, worst(name));
      } catch (error) {
        const line = `adverts every ${interval} ms, ${who}: not measured: ${(error as Error).message}`;
        run.sheet.fail(line);
        run.say(line);
      }
    }
  }
}
