/** The bench, inside the lab. Progress goes to standard error, figures to standard output; 1 when something could not be measured. */
import { benchIpvs, createIpvsSheet, ipvsTitle } from './ipvs.js';
import { describeMachine, machineLine } from './machine.js';
import { type BenchOptions, parseOptions } from './options.js';
import { renderFigures } from './sheet.js';
import { abandonStage } from './stage.js';

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
  const sheet = createIpvsSheet();
  say(machineLine(machine).replace('\n', '; '));
  await benchIpvs(options.sizes, { sheet, say, stopped: () => stopped });
  const figures = sheet.figures();
  const { failures } = sheet;
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ machine, figures, failures }, null, 2)}\n`);
  else {
    const failed = failures.map((line) => `${line}\n`).join('');
    process.stdout.write(`${machineLine(machine)}\n\n${renderFigures(figures, ipvsTitle)}${failed === '' ? '' : `\n${failed}`}`);
  }
  if (stopped) return 130;
  return failures.length > 0 ? 1 : 0;
}

const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`bench: ${options}\n`);
  process.exitCode = 2;
} else process.exitCode = await bench(options);
