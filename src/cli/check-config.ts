/** `check-config FILE`: the parser that the daemon uses, without a daemon. Loaded only for this command. */
import { parseConfig } from '../config/parse.js';
import { fileProblem } from '../config/problems.js';
import type { Problem } from '../config/types.js';
import { parseSurroundings, readConfigFile } from '../os/config-files.js';
import { missingFiles } from '../os/named-files.js';

export interface Checked {
  readonly valid: boolean;
  readonly problems: readonly Problem[];
  /** What it names and this host does not have: warnings, which say nothing of another host. */
  readonly missing: readonly Problem[];
}

/** `-` is standard input. */
export function checkConfigFile(word: string): Checked {
  const file = word === '-' ? '/dev/stdin' : word;
  const found = readConfigFile(file);
  if (typeof found === 'string') return { valid: false, problems: [fileProblem(file, found)], missing: [] };
  const { config, problems } = parseConfig(file, found.text, parseSurroundings());
  return { valid: config !== undefined, problems, missing: config ? missingFiles(config, found) : [] };
}
