/** What would be in force: a configuration that was read, merged with the overrides; or the reason why it is refused. */
import type { ConfigRecord } from '../../config/record.js';
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import { describeDifference, describeOutside } from '../../intent/describe.js';
import { guardFault } from '../../intent/guard.js';
import { buildIntent, type Merged } from '../../intent/merge.js';
import { followRenames } from '../../intent/rename.js';
import { reuse } from '../../intent/reuse.js';
import type { FileState } from '../../intent/revisions.js';
import type { Intent, Override } from '../../intent/types.js';
import { statesOf } from '../revision-store.js';
import { changedKeys, type Keys } from './keys.js';
import { Refused, refuse } from './refused.js';

/** What is in force. */
export interface InForce {
  readonly config: Config;
  readonly record: ConfigRecord | undefined;
  readonly keys: Keys;
  /** The files that the configuration came from; empty: they are not known. */
  readonly files: readonly FileState[];
  readonly overrides: readonly Override[];
  readonly intent: Intent;
}

export interface Candidate extends Omit<InForce, 'intent'> {
  readonly merged: Merged;
  /** Texts of `files`. */
  readonly texts: readonly SourceText[];
  /** Old names to new ones, of services that overrides speak of. */
  readonly names: ReadonlyMap<string, string>;
  /** What is other than in force, a sentence. */
  readonly text: string;
}

/** What a reload cannot change, because paths and sockets are open. */
const FIXED = [
  ['global.state_dir', (config: Config) => config.global.stateDir],
  ['global.control.socket', (config: Config) => config.global.socket],
  ['global.control.group', (config: Config) => config.global.group],
] as const;

function needsRestart(before: Config, after: Config): string | undefined {
  for (const [name, get] of FIXED) {
    if (get(before) !== get(after))
      return `${name} changes from ${get(before) ?? 'nothing'} to ${get(after) ?? 'nothing'}: this needs a restart`;
  }
  return undefined;
}

function validConfig({ config, problems }: ParsedConfig, file: string): Config {
  if (config) return config;
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  throw new Refused({
    code: 'invalid_config',
    message: `${file} has ${errors} ${errors === 1 ? 'error' : 'errors'}: nothing was changed`,
    problems,
  });
}

export interface CandidateParts {
  /** How the configuration is called in what is said of it. */
  readonly file: string;
  /** Throws Refused. */
  readonly keysFor: (config: Config) => Keys;
  /** Those of another revision; absent: those that are in force, of services that may have another name now. */
  readonly overrides?: readonly Override[] | undefined;
}

/** Throws Refused. */
export function candidateOf(parsed: ParsedConfig, inForce: InForce, { file, keysFor, overrides }: CandidateParts): Candidate {
  const read = validConfig(parsed, file);
  const fixed = needsRestart(inForce.config, read);
  if (fixed) return refuse(`${fixed}; nothing was changed`);
  const config = reuse(inForce.config, read);
  const renamed = overrides ? { overrides, names: new Map() } : followRenames(inForce.config, config, inForce.overrides);
  const merged = buildIntent(config, renamed.overrides, inForce.intent.revision + 1);
  const keys = keysFor(config);
  const also = [...describeOutside(inForce.config, config), ...changedKeys(inForce.keys, keys)];
  const text = describeDifference(inForce.intent, merged.intent, also);
  const { sources } = parsed;
  const states = sources ? { files: statesOf(sources), texts: sources } : { files: inForce.files, texts: [] };
  return { config, record: parsed.record, keys, ...states, overrides: renamed.overrides, merged, names: renamed.names, text };
}

/** What is in force, with other overrides. */
export function withOverrides(inForce: InForce, overrides: readonly Override[], text = ''): Candidate {
  const { intent: _, ...rest } = inForce;
  const merged = buildIntent(inForce.config, overrides, inForce.intent.revision + 1);
  return { ...rest, overrides, merged, texts: [], names: new Map(), text };
}

/** Throws Refused where more is taken away than may be. */
export function guard({ config, intent }: InForce, { merged }: Pick<Candidate, 'merged'>, force: boolean): void {
  const fault = force ? undefined : guardFault(intent, merged.intent, config.global.maxRemoved);
  if (fault) refuse(`${fault}: nothing was changed; say --force if that is meant`);
}
