/** What happened to the configuration while lbd was away. */
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import { followRenames, type Renamed } from '../../intent/rename.js';
import { type FileState, sameFiles } from '../../intent/revisions.js';
import type { Override } from '../../intent/types.js';
import type { RevisionStore } from '../revision-store.js';

export interface AwayParts {
  readonly revisions: Pick<RevisionStore, 'kept' | 'texts'>;
  /** Those texts and no others. */
  readonly read: (texts: readonly SourceText[]) => Promise<ParsedConfig>;
}

/** Something is said of a virtual server that is not there. */
function isLost({ virtualServers }: Config, overrides: readonly Override[]): boolean {
  const names = new Set(virtualServers.map(({ name }) => name));
  for (const { change } of overrides) if (change.kind === 'add-vs') names.add(change.name);
  return overrides.some(({ change }) => 'service' in change && !names.has(change.service));
}

/** A virtual server that has got another name meanwhile keeps what was set at run time; what it was is in the history. */
export async function followAway(
  config: Config,
  files: readonly FileState[],
  overrides: readonly Override[],
  { revisions, read }: AwayParts,
): Promise<Renamed> {
  const nothing: Renamed = { overrides, names: new Map() };
  const last = revisions.kept().at(-1);
  if (!last || sameFiles(last.files, files) || !isLost(config, overrides)) return nothing;
  const texts = await revisions.texts(last.files).catch(() => undefined);
  const before = texts && (await read(texts)).config;
  return before ? followRenames(before, config, overrides) : nothing;
}
