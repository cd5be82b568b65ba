/**
 * The part of `npm run bench -- checks` that is measured on the host itself: lbd's checks, and keepalived's, alone, without IPVS, at a rate that the lab's
 * guest has not the speed for. Writes its figures to the file that is named, of the kinds named behind it if any; 1 when something could
 * not be measured.
 */
import { writeFileSync } from 'node:fs';
import { makeNetns, type Netns } from '../netns/netns.js';
import type { LoadReport } from './check-load.js';
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

const workOf = (kind: (typeof KINDS)[number], part: Part): Work => ({
  id: `${kind}_${part}`,
  text: part === 'cpu' ? `${NAMES[kind]}: ${PARTS[part][0]}` : PARTS[part][0],
  unit: PARTS[part][1],
});

const works = KINDS.flatMap((kind) => (Object.keys(PARTS) as Part[]).map((part) => workOf(kind, part)));

export const renderNative = ({ figures }: NativeFigures): string =>
  renderFigures(
    figures,
    (targets) => `${targets.toLocaleString('en')} real servers, each checked once a second, on the host itself`,
  );

async function measure(netns: Netns, kind: CheckKind): Promise<LoadReport> {
  const program = netns.start<never>(PROGRAM, FLAGS);
  try {
    await program.call('check', kind, TARGETS);
    await program.call('measure', WARM_MS);
    return await program.call<LoadReport>('measure', MEASURED_MS);
  } finally {
    await program.end();
  }
}

/** Half-open checks are compared with its TCP connect checks: it has no others of that kind. */
async function measureKeepalived(sheet: Sheet, netns: Netns, farm: Farm): Promise<void> {
  process.stderr.write(`bench: ${TARGETS} real servers on the host, keepalived, tcp …\n`);
  const { cpu, seconds, results } = await keepalivedCost(netns, farm, TARGETS, WARM_MS, MEASURED_MS);
  for (const kind of KINDS) {
    sheet.add(TARGETS, workOf(kind, 'cpu'), 'keepalived', (100 * cpu) / seconds);
    sheet.add(TARGETS, workOf(kind, 'each'), 'keepalived', (1e6 * cpu) / results);
    sheet.add(TARGETS, workOf(kind, 'rate'), 'keepalived', results / seconds);
  }
}

async function measureAll(sheet: Sheet, kinds: readonly string[] | undefined): Promise<void> {
  const netns = makeNetns('bench');
  try {
    const farm = await makeFarm(netns);
    try {
      await measureKeepalived(sheet, netns, farm).catch((error: Error) =>
        sheet.fail(`keepalived on the host: not measured: ${error.message}`),
      );
      for (const kind of KINDS.filter((one) => !kinds || kinds.includes(one))) {
        process.stderr.write(`bench: ${TARGETS} real servers on the host, ${kind} …\n`);
        const { cpu, seconds, results, failed, latest } = await measure(netns, kind);
        if (failed > 0) sheet.fail(`${kind} on the host: ${failed} of ${results} checks failed`);
        const add = (part: Part, value: number) => sheet.add(TARGETS, workOf(kind, part), 'lbd', value);
        add('cpu', (100 * cpu) / seconds);
        add('each', (1e6 * cpu) / results);
        add('rate', results / seconds);
        add('latest', latest);
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
  await measureAll(sheet, process.argv[3]?.split(',')).catch((error: Error) =>
    sheet.fail(`on the host: not measured: ${error.message}`),
  );
  const { failures } = sheet;
  writeFileSync(process.argv[2] as string, JSON.stringify({ figures: sheet.figures(), failures } satisfies NativeFigures));
  process.exitCode = failures.length > 0 ? 1 : 0;
}
