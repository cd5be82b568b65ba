/** The bench, inside the lab where it needs IPVS. Progress goes to standard error, figures to standard output; 1 when something could not be measured. */
import { readFileSync } from 'node:fs';
import { benchChecks, checksTitle, createChecksSheet } from './checks.js';
import { benchIpvs, createIpvsSheet, ipvsTitle } from './ipvs.js';
import { describeMachine, machineLine } from './machine.js';
import { type NativeFigures, renderNative } from './native.js';
import { type BenchOptions, parseOptions } from './options.js';
import { renderFigures } from './sheet.js';
import { abandonStage } from './stage.js';
import { benchVrrp, createVrrpSheet, vrrpTitle } from './vrrp.js';

const SUBJECTS = {
  ipvs: { sheet: createIpvsSheet, run: benchIpvs, title: ipvsTitle },
  checks: { sheet: createChecksSheet, run: benchChecks, title: checksTitle },
  vrrp: { sheet: createVrrpSheet, run: benchVrrp, title: vrrpTitle },
} as const;

const readNative = (file: string | undefined): NativeFigures =>
  file === undefined ? { figures: [], failures: [] } : JSON.parse(readFileSync(file, 'utf8'));

async function bench(options: BenchOptions): Promise<number> {
  let stopped = false;
  const stop = () => {
    stopped = true;
    abandonStage();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const say = (line: string) => process.stderr.write(`bench: ${line}\n`);
  const machine = describeMachine();
  const subject = SUBJECTS[options.subject];
  const sheet = subject.sheet();
  const native = readNative(options.native);
  say(machineLine(machine).replace('\n', '; '));
  await subject.run(options, { sheet, say, stopped: () => stopped });
  const figures = sheet.figures();
  const failures = [...sheet.failures, ...native.failures];
  if (options.output === 'json') {
    const onHost = options.native === undefined ? {} : { on_the_host: native.figures };
    process.stdout.write(`${JSON.stringify({ machine, figures, ...onHost, failures }, null, 2)}\n`);
  } else {
    const more = native.figures.length === 0 ? '' : `\n${renderNative(native)}`;
    const failed = failures.map((line) => `${line}\n`).join('');
    process.stdout.write(
      `${machineLine(machine)}\n\n${renderFigures(figures, subject.title)}${more}${failed === '' ? '' : `\n${failed}`}`,
    );
  }
  if (stopped) return 130;
  return failures.length > 0 ? 1 : 0;
}

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`bench: ${options}\n`);
  process.exitCode = 2;
} else process.exitCode = await bench(options);
