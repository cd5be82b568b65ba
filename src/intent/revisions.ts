/**
 * Revisions of what the administrator wants. Each is kept as what it changed of the overrides, and the files it came from; the newest is in
 * force. What was in force at an older one follows by going back from there.
 */
import type { Override } from './types.js';

export const REVISION_KINDS = ['start', 'change', 'expiry', 'reload', 'apply', 'rollback', 'save'] as const;
/** What made it: a start with another file, a change at run time, one that ended by itself, and so on. */
export type RevisionKind = (typeof REVISION_KINDS)[number];

/** A file of the configuration as it was. */
export interface FileState {
  /** Its path. */
  readonly file: string;
  /** SHA-256 of its text, hexadecimal. */
  readonly hash: string;
}

/** Why there is a new revision. */
export interface Cause {
  readonly kind: RevisionKind;
  readonly who: string;
  /** `--reason`, '' when none was given. */
  readonly why: string;
  /** What it changed, a sentence. */
  readonly text: string;
}

export interface Revision extends Cause {
  /** Counts up. */
  readonly revision: number;
  /** Wall clock, ISO 8601 in UTC. */
  readonly when: string;
  readonly files: readonly FileState[];
  /** Overrides that the one before had, and this one has not. One that became another is in both. */
  readonly removed: readonly Override[];
  readonly added: readonly Override[];
}

/** BOUNDED: so many are kept. */
export const REVISIONS_KEPT = 100;

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** From one list of overrides to another. */
export function overrideChanges(before: readonly Override[], after: readonly Override[]): Pick<Revision, 'removed' | 'added'> {
  const old = new Map(before.map((one) => [one.id, one]));
  const now = new Map(after.map((one) => [one.id, one]));
  return {
    removed: before.filter((one) => !same(one, now.get(one.id))),
    added: after.filter((one) => !same(one, old.get(one.id))),
  };
}

/** In the order in which they were made, which is the order of their numbers. */
export const inOrder = (overrides: readonly Override[]): Override[] => [...overrides].sort((a, b) => a.id - b.id);

/** The overrides of `revision`, from those of the newest of `kept`; undefined: it is not kept. */
export function overridesAt(
  kept: readonly Revision[],
  newest: readonly Override[],
  revision: number,
): readonly Override[] | undefined {
  const at = kept.findIndex((one) => one.revision === revision);
  if (at === -1) return undefined;
  let list = newest;
  for (const { removed, added } of kept.slice(at + 1).reverse()) {
    const gone = new Set(added.map((one) => one.id));
    list = [...list.filter((one) => !gone.has(one.id)), ...removed];
  }
  return inOrder(list);
}

/** With `next` behind them. One that was never in force, and what would leave a gap, goes. */
export function withRevision(kept: readonly Revision[], next: Revision): Revision[] {
  const before = kept.filter((one) => one.revision < next.revision);
  return before.at(-1)?.revision === next.revision - 1 ? [...before, next] : [next];
}

/** The files of two revisions are the same. */
export const sameFiles = (a: readonly FileState[], b: readonly FileState[]): boolean =>
  a.length === b.length && a.every((one, i) => one.file === b[i]?.file && one.hash === b[i]?.hash);
