/** Of the control API: what changes are, what they would do, and what was in force when. */

export interface ApiProblem {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly source: string;
}

export interface ApiProvenance {
  readonly id: number;
  readonly who: string;
  readonly when: string;
  readonly why: string;
  /** When it ends by itself, wall clock in ms since 1970; absent: it does not. */
  readonly ends?: number;
}

/** Methods that `changes` takes. */
export type ChangeMethod = 'add_rs' | 'set_rs' | 'del_rs' | 'set_state' | 'set_host' | 'add_vs' | 'set_vs' | 'del_vs';

/** One of several changes: the options are those of all together. */
export interface ApiChange {
  readonly method: ChangeMethod;
  /** Of the method, without the options of every change. */
  readonly params: { readonly [name: string]: unknown };
}

/** What would be in force, beside what is. */
export interface ApiPlan {
  /** In one sentence. */
  readonly text: string;
  readonly changes: readonly {
    /** `virtual server web`, `VRRP instance VI_1`, `timeouts` */
    readonly object: string;
    readonly change: 'added' | 'removed' | 'changed';
    readonly details: readonly string[];
  }[];
  /** On the kernel's table: at once, and when new checks have passed. Null: the kernel's table is not known now. */
  readonly operations: {
    readonly now: readonly ApiOperation[];
    readonly later: readonly ApiOperation[];
    /** Of both; the lists are cut where they are very long. */
    readonly total: number;
  } | null;
  /** Why it would be refused; null: it would not. */
  readonly refused: string | null;
  readonly problems: readonly ApiProblem[];
  /** In force now. */
  readonly revision: number;
}

/** An operation on a kernel service. */
export interface ApiOperation {
  readonly service: string;
  /** `tcp/192.0.2.10:80` */
  readonly key: string;
  /** `add 10.0.0.21:80 weight 10 (nat)` */
  readonly operation: string;
}

export interface ApiRevision {
  readonly revision: number;
  readonly at: string;
  readonly kind: 'start' | 'change' | 'expiry' | 'reload' | 'apply' | 'rollback' | 'save';
  readonly who: string;
  readonly why: string;
  readonly text: string;
  readonly in_force: boolean;
}

export interface ApiHistory {
  /** Newest first. */
  readonly revisions: readonly ApiRevision[];
  /** What was applied and is taken back unless it is confirmed; null: nothing. */
  readonly pending: { readonly who: string; readonly back_to: number; readonly seconds_left: number } | null;
}

/** What was set at run time, beside the file. */
export interface ApiOverride extends ApiProvenance {
  /** `set-rs`, `add-vs`, `set-state`, … */
  readonly kind: string;
  /** `web/10.0.0.21:80` */
  readonly target: string;
  /** As it is kept. */
  readonly change: { readonly [name: string]: unknown };
}
