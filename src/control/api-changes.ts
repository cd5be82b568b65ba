/** Of the control API: the parameters that changes have in common, and those of set_vs. */

/** Options of every changing method. */
export interface ChangeOptions {
  readonly dry_run?: boolean;
  /** The revision that the caller has seen: refused as `stale` when another one is in force. */
  readonly expected_revision?: number;
  readonly reason?: string;
  /** Who asked for it at another director, which shares it: it goes no further from here. */
  readonly shared_by?: string;
}

/** Of a change that may end by itself. */
export interface ForATime {
  /** Seconds until it does. */
  readonly for?: number;
}

/** Of a drain. */
export interface DrainOptions {
  /** Seconds until what is left is cut. Without it: never, but for UDP services, where nothing ends by itself. */
  readonly deadline?: number;
  /** Never, for UDP services neither. */
  readonly no_deadline?: boolean;
  /** What becomes of persistent clients: `honour` (they keep coming) or `break` (they go to others). */
  readonly sticky?: string;
}

export interface StateOptions extends DrainOptions {
  /** Seconds until the state ends by itself. */
  readonly for?: number;
}

/** Of set_vs. */
export interface SettingsOfService {
  readonly service: string;
  readonly scheduler?: string;
  /** `sh-port,sh-fallback`, or `none`. */
  readonly scheduler_flags?: string;
  /** 0 none. */
  readonly persistence?: number;
  readonly persistence_prefix?: number;
  readonly quorum?: number;
  readonly hysteresis?: number;
  readonly on_failure?: string;
  /** 0 none. */
  readonly slow_start?: number;
  /** `10.0.0.99:80`, or `none`. */
  readonly sorry_server?: string;
  /** Settings that are to be as the file has them, with commas between them, or `all`. */
  readonly unset?: string;
}
