/** What core keeps of what the administrator wants: its face, and what it is made with. */
import type { ConfigRecord } from '../../config/record.js';
import type { Before } from '../../config/reparse.js';
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import type { ApiChanged, ApiProblem, ApiSaved } from '../../control/api.js';
import type { ChangeRequest } from '../../intent/change.js';
import type { FileState, Revision } from '../../intent/revisions.js';
import type { Intent, Override } from '../../intent/types.js';
import type { Log } from '../log.js';
import type { Pending } from '../pending.js';
import type { InForce } from './candidate.js';
import type { Tell } from './events.js';
import type { Keys } from './keys.js';
import type { EditFiles, OnDisk } from './save.js';

export interface ChangeContext {
  readonly dryRun?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly who: string;
  /** Refused when another one is in force. */
  readonly expected?: number | undefined;
  /** The guard is passed. */
  readonly force?: boolean | undefined;
}

/** A text in place of the configuration file. */
export interface GivenText {
  readonly text: string;
  /** What it is called in what is wrong with it; undefined: as the file. */
  readonly name?: string | undefined;
}

export interface ApplyContext extends ChangeContext, GivenText {
  /** Ms until it is taken back, unless confirmed; undefined: it is for good. */
  readonly confirm?: number | undefined;
}

export type Reloaded = ApiChanged & { problems: readonly ApiProblem[] };

/** What would be in force. */
export interface Planned {
  readonly before: Intent;
  readonly after: Intent;
  readonly text: string;
  readonly problems: readonly ApiProblem[];
  /** Why it would be refused; undefined: it would not. */
  readonly refused: string | undefined;
}

export interface Wanted {
  config(): Config;
  intent(): Intent;
  overrides(): readonly Override[];
  /** The files of the configuration, as they are in force. */
  files(): readonly FileState[];
  /** What VRRP instances sign with. */
  keys(): Keys;
  /** Oldest first; the last is in force. */
  revisions(): readonly Revision[];
  /** What was applied and waits for its confirmation. */
  pending(): Pending | undefined;
  /** Throws Refused when another revision is in force; undefined: any will do. */
  expect(revision: number | undefined): void;
  /** All of them, or none. Rejects with Refused. */
  change(requests: ChangeRequest | readonly ChangeRequest[], context: ChangeContext): Promise<ApiChanged>;
  reload(context: ChangeContext): Promise<Reloaded>;
  /** Of `text` in place of the file; undefined: of the file as it is on disk. */
  plan(text: GivenText | undefined): Promise<Planned>;
  apply(context: ApplyContext): Promise<Reloaded>;
  confirm(context: ChangeContext): Promise<ApiChanged>;
  /** Undefined: what waits for a confirmation is taken back, or, where nothing does, the last revision. */
  rollback(revision: number | undefined, context: ChangeContext): Promise<ApiChanged>;
  /** Writes the overrides into the files of the configuration. Rejects with Refused. */
  save(context: ChangeContext): Promise<ApiSaved>;
  /** What is in force, and whether the files on disk are it. */
  onDisk(): Promise<InForce & { readonly disk: OnDisk }>;
  /** The real server of override `id` is drained: it is removed, if that was asked for. */
  drained(id: number): Promise<void>;
  close(): void;
}

/** An earlier life left what was not confirmed, or was not done: the files are those of before again. */
export interface TakenBack {
  readonly pending: Pending;
  /** What the files were until then. */
  readonly from: Config;
  /** What is in force instead of what the files say, and why they do not say it; absent: they do. */
  readonly instead?: { readonly texts: readonly SourceText[]; readonly why: string };
}

export interface WantedOptions {
  readonly file: string;
  readonly config: Config;
  /** Those of `config`; absent: it has none. */
  readonly keys?: Keys;
  /** Throws an Error of one sentence where a key cannot be had. */
  readonly readKeys?: (config: Config) => Keys;
  /** Where `config` came from. */
  readonly record?: ConfigRecord | undefined;
  readonly sources?: readonly SourceText[] | undefined;
  readonly takenBack?: TakenBack | undefined;
  readonly log: Log;
  readonly tell: Tell;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
  readonly changed: (intent: Intent) => void;
  /** A reload is done, with or without a change: files that the configuration names may be others. */
  readonly reloaded?: () => void;
  /** `before`: what is in force, and where it came from. */
  readonly loadConfig: (file: string, before: Before | undefined) => Promise<ParsedConfig>;
  /** With texts in place of the files of their names; `alone`: an include finds no others. */
  readonly loadTexts?: (file: string, texts: readonly SourceText[], alone?: boolean) => Promise<ParsedConfig>;
  /** Absent: files are not written. */
  readonly editFiles?: EditFiles;
}
