/**
 * `npm run bench -- vrrp`: what a client sees of a switch-over, for a pair of lbd, a pair of keepalived, and one of each (the column is that of
 * who stops and comes back) on the same network (namespaces of this host), with 1,000 datagrams a second through the address. A size is the
 * time between two adverts, in ms.
 */
import {
  buildLan,
  DIRECTORS,
  type Lan,
  makeFolders,
  type Settings,
  type Speaker,
  startKeepalived,
  startLbd,
  startTraffic,
  type Traffic,
  VIP,
} from '../netns/vrrp-harness.js';
import { type Holders, watchHolders } from './holders.js';
import type { BenchRun } from './ipvs.js';
import type { BenchOptions } from './options.js';
import { createSheet, type Sheet, type Work } from './sheet.js';

type Who = 'keepalived' | 'lbd';
const WHO: readonly Who[] = ['keepalived', 'lbd'];

const WORKS = {
  dead: { text: 'master cut off from the network: longest time without an answer', unit: 'ms' },
  stopLost: { text: 'ordered stop of the master: datagrams without an answer, worst', unit: 'datagrams' },
  stop: { text: '  longest time without an answer, worst', unit: 'ms' },
  backLost: { text: 'it is started again and preempts: datagrams without an answer, worst', unit: 'datagrams' },
  back: { text: '  longest time without an answer, worst', unit: 'ms' },
  mixedStopLost: { text: 'the same with the other program beside it: ordered stop, worst', unit: 'datagrams' },
  mixedStop: { text: '  longest time without an answer, worst', unit: 'ms' },
  mixedBackLost: { text: '  started again and preempts the other program, worst', unit: 'datagrams' },
  mixedBack: { text: '  longest time without an answer, worst', unit: 'ms' },
} as const satisfies Readonly<Record<string, Omit<Work, 'id'>>>;
type Name = keyof typeof WORKS;

const workOf = (name: Name): Work => ({ id: name, ...WORKS[name] });

export const createVrrpSheet = (): Sheet => createSheet((Object.keys(WORKS) as Name[]).map(workOf));

export const vrrpTitle = (interval: number): string => `adverts every ${interval} ms (version 3), 1,000 datagrams a second`;

/** High, so that the skew time is next to nothing: 250 and 240. */
const PRIORITIES = { d1: 250, d2: 240 } as const;
type Host = keyof typeof PRIORITIES;

/** A second is waited for; a hundredth is not, and differs more from time to time. */
const roundsOf = (interval: number): number => (interval >= 1000 ? 2 : 5);

interface Pair {
  readonly lan: Lan;
  readonly traffic: Traffic;
  readonly holders: Holders;
  readonly start: (host: Host) => Promise<Speaker>;
}

/** The address is at that director alone. */
const isAt = ({ holders }: Pair, host: Host): Promise<void> =>
  holders.when(`${host} alone has the address`, (held) => held.has(host) && held.size === 1);

type Seen = Partial<Record<Name, number>>;

/** The master's cable is cut, and mended. */
async function cut(pair: Pair): Promise<Seen> {
  const { lan, traffic, holders } = pair;
  await traffic.take();
  lan.cable('d1', 'down');
  await holders.when('the backup has the address', (held) => held.has('d2'));
  const dead = await traffic.take();
  lan.cable('d1', 'up');
  await isAt(pair, 'd1');
  await traffic.take();
  return { dead: dead.silence };
}

interface Round {
  readonly seen: Seen;
  readonly master: Speaker;
}

/** The master stops in order, and is started again. */
async function planned(pair: Pair, master: Speaker, mixed: boolean): Promise<Round> {
  const { traffic, start } = pair;
  await traffic.take();
  await master.stop();
  await isAt(pair, 'd2');
  const stop = await traffic.take();
  const again = await start('d1');
  await isAt(pair, 'd1');
  const back = await traffic.take();
  const seen = mixed
    ? { mixedStopLost: stop.lost, mixedStop: stop.silence, mixedBackLost: back.lost, mixedBack: back.silence }
    : { stopLost: stop.lost, stop: stop.silence, backLost: back.lost, back: back.silence };
  return { seen, master: again };
}

async function rounds(run: BenchRun, pair: Pair, { interval, who, mixed }: Setup): Promise<Seen[]> {
  let master = await pair.start('d1');
  const backup = await pair.start('d2');
  const all: Seen[] = [];
  try {
    await isAt(pair, 'd1');
    for (let i = 1; i <= roundsOf(interval) && !run.stopped(); i++) {
      run.say(`${sayOf({ interval, who, mixed })}, round ${i} of ${roundsOf(interval)} …`);
      const dead = mixed ? {} : await cut(pair);
      const done = await planned(pair, master, mixed);
      master = done.master;
      all.push({ ...dead, ...done.seen });
    }
  } finally {
    await Promise.all([master, backup].map((one) => one.kill()));
  }
  return all;
}

interface Setup {
  readonly interval: number;
  readonly who: Who;
  /** The backup is the other program. */
  readonly mixed: boolean;
}

const otherThan = (who: Who): Who => (who === 'lbd' ? 'keepalived' : 'lbd');
const sayOf = ({ interval, who, mixed }: Setup): string =>
  `adverts every ${interval} ms, ${who}${mixed ? ` beside ${otherThan(who)}` : ''}`;

async function onLan(run: BenchRun, setup: Setup): Promise<Seen[]> {
  const lan = buildLan();
  const folders = makeFolders();
  try {
    const traffic = await startTraffic(lan, VIP);
    const holders = await watchHolders(lan, DIRECTORS, VIP);
    const start = (host: Host): Promise<Speaker> => {
      const settings: Settings = { priority: PRIORITIES[host], interval: setup.interval };
      const program = setup.mixed && host === 'd2' ? otherThan(setup.who) : setup.who;
      return (program === 'lbd' ? startLbd : startKeepalived)(lan, host, folders.of(host), settings);
    };
    return await rounds(run, { lan, traffic, holders, start }, setup);
  } finally {
    lan.destroy();
    folders.remove();
  }
}

/** Of dying the median counts, of what is planned the worst. */
function note(run: BenchRun, { interval, who }: Setup, all: readonly Seen[]): void {
  for (const name of Object.keys(WORKS) as Name[]) {
    const values = all.flatMap((one) => one[name] ?? []);
    if (values.length === 0) continue;
    for (const value of name === 'dead' ? values : [Math.max(...values)]) run.sheet.add(interval, workOf(name), who, value);
  }
}

export async function benchVrrp({ sizes: intervals }: BenchOptions, run: BenchRun): Promise<void> {
  const setups = intervals.flatMap((interval) =>
    [false, true].flatMap((mixed) => WHO.map((who): Setup => ({ interval, who, mixed }))),
  );
  for (const setup of setups) {
    if (run.stopped()) return;
    try {
      note(run, setup, await onLan(run, setup));
    } catch (error) {
      const line = `${sayOf(setup)}: not measured: ${(error as Error).message}`;
      run.sheet.fail(line);
      run.say(line);
    }
  }
}
