/** What is otherwise than in the file, and what was written there. */
import type { ApiChanged, ApiProvenance } from './api.js';

/** What `save` has, or with dry_run would have, written. */
export interface ApiSaved extends ApiChanged {
  /** `diff`: unified, with three lines around each change; passwords are left out. */
  readonly files: readonly { readonly file: string; readonly diff: string }[];
}

/** One object that is otherwise than in what it is compared with. */
export interface ApiDifference {
  /** `added`: only here; `removed`: only there. */
  readonly change: 'added' | 'removed' | 'changed';
  /** `web`, `web/10.0.0.21:80`, `host 10.0.0.21`. */
  readonly target: string;
  readonly text: string;
  /** Who made it so; null: of the kernel or a peer nobody knows. */
  readonly by: ApiProvenance | null;
  readonly since_seconds: number | null;
  /** `save` writes it into the file; false: it is no matter of the file, and stays as it is set at run time. */
  readonly saved: boolean;
}

/** What is in force, compared. */
export interface ApiDiff {
  readonly against: 'file' | 'kernel' | 'peer';
  /** Of what it is compared with: the path of the file, `kernel`, names of peers. */
  readonly name: string;
  readonly differences: readonly ApiDifference[];
  /** Of the files on disk: `edited` after they were read, `invalid` since then; null: they were not compared. */
  readonly disk: { readonly state: 'in_force' | 'edited' | 'invalid'; readonly text: string } | null;
}
