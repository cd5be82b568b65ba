/** What the builders pass on: values with their places, and the way to tell what is wrong with them. */
import type { Path, Source } from './document.js';
import type { Problem } from './types.js';

/** A value and where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly source: Source;
  readonly path: Path;
}

export type Report = (
  severity: Problem['severity'],
  at: Pick<Located<unknown>, 'source' | 'path'>,
  message: string,
  below?: Path,
) => void;
