/** What the commands of lbctl are made of: what a command line asks for, and how a command is defined. */
import type { Command } from 'commander';
import type { MethodName, Methods } from '../../control/api.js';
import { readCount, type Shell } from '../words.js';

/** Of one real server, of all on a host, or of one that is removed then. */
export type DrainOrder = {
  readonly [M in 'set_state' | 'set_host' | 'del_rs']: { readonly method: M; readonly params: Methods[M]['params'] };
}['set_state' | 'set_host' | 'del_rs'];

/** What `wait` waits for. */
export type Condition =
  | { readonly state: 'up' | 'down' | 'serving'; readonly service: string; readonly rs: string | undefined }
  | { readonly state: 'drained'; readonly service: string; readonly rs: string }
  | { readonly state: 'quorum'; readonly service: string }
  /** Undefined: every service. */
  | { readonly state: 'in-sync'; readonly service: string | undefined }
  | { readonly state: 'master' | 'backup' | 'fault'; readonly instance: string }
  | { readonly state: 'revision'; readonly revision: number };

export type EventWords = Omit<Methods['events']['params'], 'follow'>;

/** What a command line asks for. */
export type Work =
  | {
      readonly [M in MethodName]: { readonly kind: 'call'; readonly method: M; readonly params: Methods[M]['params'] };
    }[MethodName]
  /** A drain, until nobody new comes, or until it is over. */
  | { readonly kind: 'drain'; readonly order: DrainOrder; readonly wait: boolean }
  | { readonly kind: 'follow'; readonly params: EventWords }
  /** A call with the text of a file, which is the caller's; `-`: of standard input. */
  | {
      readonly kind: 'with-text';
      readonly method: 'plan' | 'apply';
      readonly file: string;
      readonly params: Omit<Methods['apply']['params'], 'text'>;
    }
  /** Command lines of changes, from a file or standard input, in one request. */
  | { readonly kind: 'batch'; readonly file: string; readonly params: Omit<Methods['changes']['params'], 'changes'> }
  /** `timeout` in ms; undefined: without an end. */
  | { readonly kind: 'wait'; readonly condition: Condition; readonly timeout: number | undefined }
  /** `every` in ms; `count` undefined: without an end. */
  | {
      readonly kind: 'top';
      readonly service: string | undefined;
      readonly order: string;
      readonly every: number;
      readonly count: number | undefined;
    }
  | { readonly kind: 'check-config'; readonly file: string }
  /** `configId`: what keepalived is given with -i. */
  | { readonly kind: 'import'; readonly file: string; readonly strict: boolean; readonly configId: string | undefined }
  /** Undefined: as the daemon is configured, or would be. */
  | { readonly kind: 'doctor'; readonly file: string | undefined }
  | { readonly kind: 'completion'; readonly shell: Shell }
  /** Names that begin with `word`; of real servers those of `service`. */
  | { readonly kind: 'complete'; readonly what: string; readonly word: string; readonly service: string | undefined }
  /** Help or the version, asked for. */
  | { readonly kind: 'text'; readonly text: string };

export type Format = 'table' | 'wide' | 'json' | 'yaml';

/** Only what was given: the API's optional fields are absent, never undefined. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export type Options = Readonly<Record<string, string | boolean | undefined>>;

export const optional = <T>(word: unknown, read: (word: string) => T): T | undefined =>
  typeof word === 'string' ? read(word) : undefined;

export const changing = (options: Options) =>
  given({
    dry_run: options.dryRun as true | undefined,
    reason: options.reason as string | undefined,
    expected_revision: optional(options.expectedRevision, readCount),
  });

/** Beside that `--force`, where it is in the way that much is removed. */
export const forcing = (options: Options) => given({ ...changing(options), force: options.force as true | undefined });

export type Settle = (work: Work) => void;
export type Define = (name: string, summary: string, changes?: boolean) => Command;

export const call = <M extends MethodName>(method: M, params: Methods[M]['params']): Work =>
  ({ kind: 'call', method, params }) as Work;
