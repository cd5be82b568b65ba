/**
 * The part of `npm run bench -- checks` that is measured on the host itself: lbd's checks, and keepalived's, alone, without IPVS, at a rate that the lab's
 * guest has not the speed for. Writes its figures to the file that is named, of the kinds named behind it if any; 1 when something could
 * not be measured.
 */
import { writeFileSync } from 'node:fs';
import { makeNetns, type Netns } from '../netns/netns.js';
import type { LoadReport } from './check-load.js';
import { asContender, leaveContenderAlone, measureContender } from './cores.js';
import { type Farm, makeFarm } from './farm.js';
import { keepalivedCost } from './native-keepalived.js';
import { createSheet, type Figure, renderFigures, type Sheet, type Unit, type Work } from './sheet.js';
import type { CheckKind } from './texts.js';

export interface NativeFigures {
  readonly figures: readonly Figure[];
  readonly failures: readonly string[];
}

const TARGETS = 10_000;
const WARM_MS = 8000;
const MEASURED_MS = 10_000;
const PROGRAM = new URL('./check-load.js', import.meta.url);
/** Of the daemon's processes, what NODE_OPTIONS takes. */
const FLAGS = ['env', 'NODE_OPTIONS=--max-semi-space-size=1'];

const KINDS = ['tcp', 'tcp_half_open'] as const satisfies readonly CheckKind[];
const NAMES: Readonly<Record<(typeof KINDS)[number], string>> = { tcp: 'TCP connect checks', tcp_half_open: 'half-open checks' };
const PARTS = {
  cpu: ['CPU of all', '% of a core'],
  each: ['  CPU of one', 'µs'],
  rate: ['  results', 'a second'],
  latest: ['  latest start after its beat', 'ms'],
} as const satisfies Readonly<Record<string, readonly [text: string, unit: Unit]>>;
type Part = keyof typeof PARTS;

const workOf = (kind: (typeof KINDS)[number], part: Part, apart: boolean): Work => ({
  id: `${kind}_${part}${apart ? '_apart' : ''}`,
  text: part === 'cpu' ? `${NAMES[kind]}${apart ? ', servers on another core' : ''}: ${PARTS[part][0]}` : PARTS[part][0],
  unit: PARTS[part][1],
});

/** With what the servers' kernel does counted as well, and without (cores.ts). */
const WAYS = [false, true];
const works = WAYS.flatMap((apart) =>
  KINDS.flatMap((kind) => (Object.keys(PARTS) as Part[]).map((part) => workOf(kind, part, apart))),
);

export const renderNative = ({ figures }: NativeFigures): string =>
  renderFigures(
    figures,
    (targets) => `${targets.toLocaleString('en')} real servers, each checked once a second, on the host itself`,
  );

async function measure(netns: Netns, kind: CheckKind, apart: boolean): Promise<LoadReport> {
  const program = netns.start<never>(PROGRAM, apart ? asContender(FLAGS) : FLAGS);
  try {
    await program.call('check', kind, TARGETS);
    await program.call('measure', WARM_MS);
    const use = measureContender();
    const report = await program.call<LoadReport>('measure', MEASURED_MS);
    return apart ? { ...report, ...use() } : report;
  } finally {
    await program.end();
  }
}

/** Half-open checks are compared with its TCP connect checks: it has no others of that kind. */
async function measureKeepalived(sheet: Sheet, netns: Netns, farm: Farm, apart: boolean): Promise<void> {
  const measuring = { warm: WARM_MS, measured: MEASURED_MS, apart };
  const { cpu, seconds, results } = await keepalivedCost(netns, farm, TARGETS, measuring);
  for (const kind of KINDS) {
    const add = (part: Part, value: number) => sheet.add(TARGETS, workOf(kind, part, apart), 'keepalived', value);
    add('cpu', (100 * cpu) / seconds);
    add('each', (1e6 * cpu) / results);
    add('rate', results / seconds);
  }
}

async function measureLbd(sheet: Sheet, netns: Netns, kind: (typeof KINDS)[number], apart: boolean): Promise<void> {
  const { cpu, seconds, results, failed, latest } = await measure(netns, kind, apart);
  if (failed > 0) sheet.fail(`${kind} on the host: ${failed} of ${results} checks failed`);
  const add = (part: Part, value: number) => sheet.add(TARGETS, workOf(kind, part, apart), 'lbd', value);
  add('cpu', (100 * cpu) / seconds);
  add('each', (1e6 * cpu) / results);
  add('rate', results / seconds);
  add('latest', latest);
}

async function measureAll(sheet: Sheet, kinds: readonly string[] | undefined, apart: boolean): Promise<void> {
  const where = `${TARGETS} real servers on the host${apart ? ', servers on another core' : ''}`;
  const netns = makeNetns('bench');
  try {
    const farm = await makeFarm(netns, apart);
    try {
      process.stderr.write(`bench: ${where}, keepalived, tcp …\n`);
      await measureKeepalived(sheet, netns, farm, apart).catch((error: Error) =>
        sheet.fail(`keepalived on the host: not measured: ${error.message}`),
      );
      for (const kind of KINDS.filter((one) => !kinds || kinds.includes(one))) {
        process.stderr.write(`bench: ${where}, ${kind} …\n`);
        await measureLbd(sheet, netns, kind, apart);
      }
    } finally {
      await farm.destroy();
    }
  } finally {
    netns.destroy();
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const sheet = createSheet(works);
  for (const apart of WAYS) {
    try {
      if (apart) leaveContenderAlone();
      await measureAll(sheet, process.argv[3]?.split(','), apart);
    } catch (error) {
      sheet.fail(`on the host: not measured: ${(error as Error).message}`);
    }
  }
  const { failures } = sheet;
  writeFileSync(process.argv[2] as string, JSON.stringify({ figures: sheet.figures(), failures } satisfies NativeFigures));
  process.exitCode = failures.length > 0 ? 1 : 0;
}
