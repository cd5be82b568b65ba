/**
 * `npm run bench -- ipvs`: an empty table filled, one weight changed, the file read again, the memory that it takes; lbd, keepalived and
 * ipvsadm one after the other in one run, each in a network namespace of its own.
 */
import { appliedBatches } from './lbd-watch.js';
import type { BenchOptions } from './options.js';
import { type Contender, createSheet, type Sheet, type Unit, type Work } from './sheet.js';
import { bin, onStage, type Stage } from './stage.js';
import { ipvsadmEdit, ipvsadmRules, keepalivedConfig, lbdConfig, serverAddress, serviceName, type Weighted } from './texts.js';

/** Above so many services everything is measured once. */
const CHEAP = 1000;
const REPETITIONS = 3;
/** A daemon that reads a large table back does so in spells: at least one of them must be in the time. */
const IDLE_MS = { cheap: 10_000, dear: 60_000 };

/** The lines of a block, in this order. */
const WORK = {
  start: ['start: from an empty table to a full one, process start included', 's'],
  startCpu: ['  CPU until then', 's'],
  program: ['  first to last entry in the kernel, seen from outside', 's'],
  netlink: ['  netlink alone, as lbd logs it (others: their whole start)', 's'],
  parse: ['parse alone (lbd --parse-config, keepalived -t)', 's'],
  set: ['one weight at run time, until the kernel has it (set-rs, SIGHUP, -e), the first of a life', 's'],
  setEnded: ['  until the command has ended', 's'],
  setCpu: ['  CPU of command and daemon', 's'],
  setDaemonCpu: ['  CPU of the daemon alone', 's'],
  setAgain: ['  the fifth, until the kernel has it', 's'],
  setAgainEnded: ['  the fifth, until the command has ended', 's'],
  setScript: ['  the sixth, by bin/lbctl: a shell starts the compiled one', 's'],
  reload: ['reload without any change (SIGHUP), the first of a life', 's'],
  reloadCpu: ['  CPU until then', 's'],
  again: ['  the second', 's'],
  againCpu: ['  CPU until then', 's'],
  change: ['reload with one weight changed, until the kernel has it', 's'],
  changeCpu: ['  CPU until then', 's'],
  idle: ['CPU with nothing to do', '% of a core'],
  memory: ['memory with nothing to do (PSS of all processes)', 'MB'],
  peak: ['memory at most, from start to rest', 'MB'],
} as const satisfies Readonly<Record<string, readonly [text: string, unit: Unit]>>;

type Name = keyof typeof WORK;
const workOf = (id: Name): Work => ({ id, text: WORK[id][0], unit: WORK[id][1] });

/** Two real servers of different services: a weight set at run time stays above what the file says. */
const atRunTime = (services: number): Weighted => ({ service: services >> 1, server: 5, weight: 77 });
const inFile = (services: number): Weighted => ({ service: services >> 2, server: 3, weight: 55 });

interface Round {
  readonly services: number;
  readonly repetition: number;
  readonly add: (work: Name, value: number) => void;
}

const seconds = (ms: number): number => ms / 1000;
const full = (services: number) => ({ kind: 'full', services }) as const;
const hasWeight = (of: Weighted) => ({ kind: 'weight', of }) as const;

export const lbdArgv = (file: string) => [bin('lbd'), '-c', file];
/** The checker alone, without VRRP, as lbd without VRRP instances; its log goes where lbd's goes. */
export const keepalivedArgv = (stage: Stage, file: string) => [
  ...['keepalived', '--dont-fork', '--check', '--log-console', '--no-syslog', '-f', file],
  ...['-p', stage.path('keepalived.pid'), '-c', stage.path('checkers.pid')],
];

async function measureRest(stage: Stage, pid: number, { services, repetition, add }: Round): Promise<void> {
  await stage.quiet(pid);
  if (repetition > 0) return;
  add('idle', 100 * (await stage.idle(pid, services > CHEAP ? IDLE_MS.dear : IDLE_MS.cheap)));
  add('memory', await stage.memory(pid));
}

/** Weights set in one life: what runs for the first time is slow in Node.js. */
const SETS = 5;

const COMPILED = bin('../build/Release/lbctl');

const setWeight = (stage: Stage, socket: string, of: Weighted, daemon: number, lbctl = COMPILED) => {
  const words = ['set-rs', serviceName(of.service), serverAddress(of.service, of.server), '--weight', String(of.weight)];
  return stage.command([lbctl, '--socket', socket, ...words], { until: hasWeight(of), daemon });
};

async function measureLbd(stage: Stage, round: Round): Promise<void> {
  const { services, add } = round;
  const folder = stage.path('');
  const file = stage.write('lbd.yaml', lbdConfig(services, folder));
  add('parse', seconds((await stage.command([bin('lbd'), '--parse-config', file])).endedMs));
  const started = await stage.launch(lbdArgv(file), 'lbd.log', full(services));
  add('start', seconds(started.ms));
  add('program', seconds(started.sinceFirstMs));
  add('startCpu', started.cpu);
  await measureRest(stage, started.pid, round);
  add('netlink', seconds(appliedBatches(stage.path('lbd.log')).ms));
  const of = atRunTime(services);
  const socket = stage.path('run/lbd.sock');
  const set = await setWeight(stage, socket, of, started.pid);
  add('set', seconds(set.ms));
  add('setEnded', seconds(set.endedMs));
  add('setCpu', set.cpu + set.daemonCpu);
  add('setDaemonCpu', set.daemonCpu);
  let later = set;
  for (let i = 1; i < SETS; i++) {
    await stage.quiet(started.pid);
    later = await setWeight(stage, socket, { ...of, weight: of.weight + i }, started.pid);
  }
  add('setAgain', seconds(later.ms));
  add('setAgainEnded', seconds(later.endedMs));
  await stage.quiet(started.pid);
  add('setScript', seconds((await setWeight(stage, socket, { ...of, weight: of.weight + SETS }, started.pid, bin('lbctl'))).ms));
  await stage.quiet(started.pid);
  for (const which of ['reload', 'again'] as const) {
    const reload = await stage.signal(started.pid, 'SIGHUP', { kind: 'reloaded', log: stage.path('lbd.log'), socket });
    add(which, seconds(reload.ms));
    add(`${which}Cpu`, reload.cpu);
    await stage.quiet(started.pid);
  }
  stage.write('lbd.yaml', lbdConfig(services, folder, inFile(services)));
  const change = await stage.signal(started.pid, 'SIGHUP', hasWeight(inFile(services)));
  add('change', seconds(change.ms));
  add('changeCpu', change.cpu);
}

/** A changed file and SIGHUP is keepalived's only way to change a weight. */
async function measureKeepalived(stage: Stage, round: Round): Promise<void> {
  const { services, add } = round;
  const file = stage.write('keepalived.conf', keepalivedConfig(services));
  add('parse', seconds((await stage.command(['keepalived', '-t', '-f', file])).endedMs));
  const started = await stage.launch(keepalivedArgv(stage, file), 'keepalived.log', full(services));
  add('start', seconds(started.ms));
  add('program', seconds(started.sinceFirstMs));
  add('startCpu', started.cpu);
  add('netlink', seconds(started.ms));
  await measureRest(stage, started.pid, round);
  for (const which of ['reload', 'again'] as const) {
    const reload = await stage.signal(started.pid, 'SIGHUP', { kind: 'quiet', pid: started.pid });
    add(which, seconds(reload.ms));
    add(`${which}Cpu`, reload.cpu);
  }
  stage.write('keepalived.conf', keepalivedConfig(services, inFile(services)));
  const change = await stage.signal(started.pid, 'SIGHUP', hasWeight(inFile(services)));
  for (const work of ['set', 'setEnded', 'setAgain', 'setAgainEnded', 'setScript', 'change'] as const)
    add(work, seconds(change.ms));
  for (const work of ['setCpu', 'setDaemonCpu', 'changeCpu'] as const) add(work, change.cpu);
}

async function measureIpvsadm(stage: Stage, { services, add }: Round): Promise<void> {
  const rules = stage.write('ipvsadm.rules', ipvsadmRules(services));
  const restored = await stage.command(['ipvsadm', '-R'], { until: full(services), stdin: rules });
  add('start', seconds(restored.ms));
  add('program', seconds(restored.sinceFirstMs));
  add('startCpu', restored.cpu);
  add('netlink', seconds(restored.ms));
  const of = atRunTime(services);
  const edited = await stage.command(['ipvsadm', ...ipvsadmEdit(of)], { until: hasWeight(of) });
  add('set', seconds(edited.ms));
  add('setEnded', seconds(edited.endedMs));
  add('setAgain', seconds(edited.ms));
  add('setAgainEnded', seconds(edited.endedMs));
  add('setCpu', edited.cpu);
}

/** Memory is looked at all the time, so nothing else is measured in the same life. */
async function measurePeak(stage: Stage, who: 'lbd' | 'keepalived', { services, add }: Round): Promise<void> {
  const argv =
    who === 'lbd'
      ? lbdArgv(stage.write('lbd.yaml', lbdConfig(services, stage.path(''))))
      : keepalivedArgv(stage, stage.write('keepalived.conf', keepalivedConfig(services)));
  add('peak', (await stage.launch(argv, `${who}.log`, full(services), true)).peak);
}

export interface BenchRun {
  readonly sheet: Sheet;
  /** Ends early when this says so. */
  readonly stopped: () => boolean;
  readonly say: (line: string) => void;
}

type Measure = (stage: Stage, round: Round) => Promise<void>;

/** One contender's turn. What fails is a line, and the others go on. */
async function turn(run: BenchRun, who: Contender, what: string, services: number, repetition: number, measure: Measure) {
  if (run.stopped()) return;
  const { sheet, say } = run;
  const where = `${services} services, ${who}${what}`;
  const seen: string[] = [];
  const began = performance.now();
  try {
    say(`${where} …`);
    await onStage((stage) =>
      measure(stage, {
        services,
        repetition,
        add(work, value) {
          sheet.add(services, workOf(work), who, value);
          if (['start', 'program', 'netlink', 'set', 'change', 'peak'].includes(work)) seen.push(`${work} ${value.toFixed(3)}`);
        },
      }),
    );
    say(`${where}: ${seen.join(', ')} (${seconds(performance.now() - began).toFixed(0)} s)`);
  } catch (error) {
    const line = `${where}: not measured: ${(error as Error).message}`;
    sheet.fail(line);
    say(line);
  }
}

export async function benchIpvs({ sizes }: BenchOptions, run: BenchRun): Promise<void> {
  for (const services of sizes) {
    const repetitions = services > CHEAP ? 1 : REPETITIONS;
    for (let i = 0; i < repetitions; i++) {
      const what = ` ${i + 1} of ${repetitions}`;
      await turn(run, 'keepalived', what, services, i, measureKeepalived);
      await turn(run, 'ipvsadm', what, services, i, measureIpvsadm);
      await turn(run, 'lbd', what, services, i, measureLbd);
    }
    for (const who of ['keepalived', 'lbd'] as const)
      await turn(run, who, ' memory', services, 0, (stage, round) => measurePeak(stage, who, round));
  }
}

export const createIpvsSheet = (): Sheet => createSheet((Object.keys(WORK) as Name[]).map(workOf));

export const ipvsTitle = (services: number): string =>
  `${services.toLocaleString('en')} virtual servers x 10 real servers, no checks${services > CHEAP ? '' : `, medians of ${REPETITIONS}`}`;
