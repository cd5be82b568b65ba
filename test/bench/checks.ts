/**
 * `npm run bench -- checks`: what a check costs, lbd beside keepalived in one run. Each contender in a network namespace of its own,
 * with the servers of farm.ts on the other end of a cable; each kind of check in a life of its own. What arrives at the servers is
 * counted there. The CPU is that of all the contender's processes less what they take without any check.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Farm, makeFarm } from './farm.js';
import { type BenchRun, keepalivedArgv, lbdArgv } from './ipvs.js';
import type { BenchOptions } from './options.js';
import { createSheet, type Sheet, type Unit, type Work } from './sheet.js';
import { onStage, type Stage } from './stage.js';
import { CHECK_KINDS, type CheckKind, type KeepalivedCheck, keepalivedConfig, lbdConfig, REAL_SERVERS } from './texts.js';

type Who = 'lbd' | 'keepalived';

const WORK = {
  rest: ['CPU with the same table and no check', '% of a core'],
  tcp: ['CPU of a TCP connect check', 'µs'],
  tcpRate: ['  such checks that arrived', 'a second'],
  tcp_half_open: ['CPU of a half-open check (keepalived: of its TCP connect check)', 'µs'],
  tcp_half_openRate: ['  such checks that arrived', 'a second'],
  http: ['CPU of an HTTP check', 'µs'],
  httpRate: ['  such checks that arrived', 'a second'],
  icmp: ['CPU of an ICMP check', 'µs'],
  icmpRate: ['  such checks that arrived', 'a second'],
} as const satisfies Readonly<Record<string, readonly [text: string, unit: Unit]>>;

type Name = keyof typeof WORK;
const workOf = (id: Name): Work => ({ id, text: WORK[id][0], unit: WORK[id][1] });

/** Next to each other in time, because they are compared: the machine is not equally busy all the time. */
const TURNS: readonly (readonly [who: Who, kind: CheckKind | undefined])[] = [
  ['keepalived', undefined],
  ['lbd', undefined],
  ['keepalived', 'tcp'],
  ['lbd', 'tcp'],
  ['lbd', 'tcp_half_open'],
  ['keepalived', 'http'],
  ['lbd', 'http'],
  ['keepalived', 'icmp'],
  ['lbd', 'icmp'],
];
/** A daemon runs for months: its first half minute in the guest, with its compiling, is not what a check costs. */
const WARM_MS = 30_000;
const MEASURED_MS = 10_000;

export const createChecksSheet = (): Sheet => createSheet((Object.keys(WORK) as Name[]).map(workOf));

export const checksTitle = (targets: number): string =>
  `${targets.toLocaleString('en')} real servers, each checked once a second, in ${(targets / REAL_SERVERS).toLocaleString('en')} virtual servers`;

interface Cost {
  /** Of one core. */
  readonly share: number;
  /** Checks a second. */
  readonly rate: number;
}

function argvOf(stage: Stage, who: Who, targets: number, kind: CheckKind | undefined): readonly string[] {
  const services = targets / REAL_SERVERS;
  if (who === 'lbd') return lbdArgv(stage.write('lbd.yaml', lbdConfig(services, stage.path(''), undefined, kind)));
  const text = keepalivedConfig(services, undefined, kind as KeepalivedCheck | undefined);
  return keepalivedArgv(stage, stage.write('keepalived.conf', text));
}

async function costOf(stage: Stage, farm: Farm, who: Who, targets: number, kind: CheckKind | undefined): Promise<Cost> {
  const until = { kind: 'made', services: targets / REAL_SERVERS } as const;
  const { pid } = await stage.launch(argvOf(stage, who, targets, kind), `${who}.log`, until);
  await sleep(WARM_MS);
  const before = kind && farm.arrived(kind);
  const began = performance.now();
  const share = await stage.idle(pid, MEASURED_MS);
  const seconds = (performance.now() - began) / 1000;
  return { share, rate: kind && before !== undefined ? (farm.arrived(kind) - before) / seconds : 0 };
}

/** One life of one contender. What fails is a line, and the others go on. */
async function turn(run: BenchRun, who: Who, targets: number, kind: CheckKind | undefined): Promise<Cost | undefined> {
  if (run.stopped()) return undefined;
  const where = `${targets} real servers, ${who}, ${kind ?? 'no check'}`;
  try {
    run.say(`${where} …`);
    return await onStage(async (stage) => {
      const farm = await makeFarm(stage.netns);
      try {
        return await costOf(stage, farm, who, targets, kind);
      } finally {
        await farm.destroy();
      }
    });
  } catch (error) {
    const line = `${where}: not measured: ${(error as Error).message}`;
    run.sheet.fail(line);
    run.say(line);
    return undefined;
  }
}

/** Half-open checks are compared with keepalived's TCP connect check. */
const isWanted = (kinds: readonly CheckKind[], who: Who, kind: CheckKind | undefined): boolean =>
  kind === undefined || kinds.includes(kind) || (who === 'keepalived' && kind === 'tcp' && kinds.includes('tcp_half_open'));

async function benchSize(run: BenchRun, targets: number, kinds: readonly CheckKind[]): Promise<void> {
  const rest: Record<Who, number> = { keepalived: 0, lbd: 0 };
  for (const [who, kind] of TURNS) {
    if (!isWanted(kinds, who, kind)) continue;
    const add = (work: Name, value: number) => run.sheet.add(targets, workOf(work), who, value);
    const cost = await turn(run, who, targets, kind);
    if (!cost) continue;
    if (kind === undefined) {
      rest[who] = cost.share;
      add('rest', 100 * cost.share);
      continue;
    }
    const micros = (1e6 * (cost.share - rest[who])) / cost.rate;
    run.say(`  ${micros.toFixed(0)} µs each, ${cost.rate.toFixed(0)} arrived a second`);
    add(kind, micros);
    add(`${kind}Rate`, cost.rate);
    if (who === 'keepalived' && kind === 'tcp') add('tcp_half_open', micros);
  }
}

export async function benchChecks({ sizes, kinds }: BenchOptions, run: BenchRun): Promise<void> {
  for (const targets of sizes) await benchSize(run, targets, kinds ?? CHECK_KINDS);
}
