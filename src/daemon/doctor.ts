/** `lbd --doctor FILE`: the host judged for a configuration without a daemon. Prints JSON and changes nothing. */
import { parseConfig } from '../config/parse.js';
import { fileProblem, formatProblem } from '../config/problems.js';
import type { ParsedConfig } from '../config/types.js';
import { buildIntent } from '../intent/merge.js';
import { parseSurroundings, readConfigFile } from '../os/config-files.js';
import { examine } from './core/doctor.js';

function load(file: string): ParsedConfig {
  const found = readConfigFile(file);
  if (typeof found === 'string') return { config: undefined, problems: [fileProblem(file, found)] };
  return parseConfig(file, found.text, parseSurroundings());
}

/** The exit status: 0, or 4 for a configuration that is not valid. What was changed at run time is not known here. */
export async function doctorMain(file: string): Promise<number> {
  const { config, problems } = load(file);
  const errors = problems.filter((one) => config === undefined || one.severity === 'error');
  for (const problem of errors) process.stderr.write(`${formatProblem(problem)}\n`);
  if (!config) return 4;
  const { intent } = buildIntent(config, [], 0);
  process.stdout.write(JSON.stringify(await examine(intent, Promise.resolve(undefined))));
  return 0;
}
