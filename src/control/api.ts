/**
 * The control API: what lbctl (and later the dashboard) may ask and what it gets. One JSON object a line, each way:
 *   -> {"id":1,"method":"status","params":{}}      <- {"id":1,"result":{…}}   or   {"id":1,"error":{"code":"…","message":"…"}}
 * `events` with follow keeps the connection and sends {"event":{…}} lines after the result.
 * Field names are snake_case: they are what `-o json` prints, and they are kept stable.
 */

import type { ChangeOptions, DrainOptions, ForATime, SettingsOfService, StateOptions } from './api-changes.js';
import type { ApiDiff, ApiSaved } from './api-diff.js';
import type { ApiEvent } from './api-events.js';
import type { ApiBrief, ApiLoad, ApiPeer } from './api-peer.js';
import type { ApiChange, ApiHistory, ApiOverride, ApiPlan, ApiProblem, ApiProvenance } from './api-revisions.js';
import type { ApiConnections, ApiServiceStatistics, ApiTotals, ApiTraffic } from './api-stats.js';
import type { ApiInstance } from './api-vrrp.js';

export type { ChangeOptions, DrainOptions, ForATime, SettingsOfService, StateOptions } from './api-changes.js';
export type { ApiDiff, ApiDifference, ApiSaved } from './api-diff.js';
export type { ApiEvent, ApiEventChange } from './api-events.js';
export type { ApiBrief, ApiLoad, ApiPeer } from './api-peer.js';
export type {
  ApiChange,
  ApiHistory,
  ApiOperation,
  ApiOverride,
  ApiPlan,
  ApiProblem,
  ApiProvenance,
  ApiRevision,
  ChangeMethod,
} from './api-revisions.js';
export type {
  ApiConnections,
  ApiCounters,
  ApiRates,
  ApiServiceStatistics,
  ApiStatistics,
  ApiTotals,
  ApiTraffic,
} from './api-stats.js';
export type { ApiInstance, ApiSigning, ApiTracked } from './api-vrrp.js';

export type ErrorCode =
  /** The request is no request, or its parameters do not parse (lbctl exit status 2). */
  | 'bad_request'
  /** Another revision is in force than the one that was expected: nothing was changed (exit status 1). */
  | 'stale'
  /** Well-formed, but refused: unknown service, already there, … (exit status 1). */
  | 'refused'
  /** A new configuration that is not valid (exit status 4); `problems` says why. */
  | 'invalid_config'
  /** A part of lbd did not answer (exit status 1). */
  | 'unavailable';

export interface ApiError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly problems?: readonly ApiProblem[];
}

/** An administrative state of a real server: of its own, or of its host. */
export interface ApiAdmin {
  readonly state: 'drain' | 'disabled';
  /** `host`: said of every real server with its address. */
  readonly scope: 'server' | 'host';
  /** Until what is left of a drain is cut; null: it has no deadline. */
  readonly deadline_seconds: number | null;
  /** Until it ends by itself; null: it does not. */
  readonly expires_seconds: number | null;
  /** What becomes of persistent clients in a drain; null: there are none, or it is as the host's kernel setting says. */
  readonly sticky: 'honour' | 'break' | null;
  /** It is removed when the drain is over. */
  readonly removes: boolean;
  readonly by: ApiProvenance | null;
}

/** A real server or host out of service by the administrator's word, as `status` lists it. */
export interface ApiAdminState {
  /** `web/10.0.0.21:80`, `host 10.0.0.21` */
  readonly target: string;
  readonly state: 'drain' | 'disabled';
  readonly since_seconds: number;
  readonly by: ApiProvenance;
  /** `draining, what is left is cut in 5m` */
  readonly text: string;
  /** Of a drain: connections that it has left, in all its services; null: it is none, or the kernel cannot be read. */
  readonly left: ApiConnections | null;
  /** It has stood for more than a day, and does not end by itself. */
  readonly forgotten: boolean;
}

/** One real server, the three states apart. */
export interface ApiRealServer {
  /** `10.0.0.21:80` */
  readonly address: string;
  /** What the administrator wants. */
  readonly wanted: {
    readonly weight: number;
    readonly configured_weight: number;
    readonly forward: string;
    readonly upper: number;
    readonly lower: number;
    readonly source: 'file' | 'runtime';
    readonly override: ApiProvenance | null;
    /** What the administrator has said beside that; null: nothing, it is ready. */
    readonly admin: ApiAdmin | null;
  };
  /**
   * What verdicts, agents and administrative states make of the wanted weight now: what the kernel should have; null: nothing, it should
   * not be in the table.
   */
  readonly effective_weight: number | null;
  /** What the checkers say. `up` with no check at all is `unchecked`. */
  readonly verdict: {
    readonly state: 'unknown' | 'up' | 'down' | 'unchecked';
    readonly since_seconds: number | null;
    readonly reason: string;
  };
  /** What the kernel has; null when the server is not in the table. */
  readonly kernel: {
    readonly weight: number;
    readonly forward: string;
    readonly active: number;
    readonly inactive: number;
    readonly persistent: number;
    /** With `counters` of `list` alone. */
    readonly traffic?: ApiTraffic;
  } | null;
  /** What the rules of the pool make of it now; absent: a sorry server, or one of a foreign service. */
  readonly pool?: {
    /** Of a backup; 0: it is none. */
    readonly tier: number;
    /** Until slow start is over; null: it is not under way. */
    readonly slow_start_seconds: number | null;
    /** It failed, and is in because too few are healthy. */
    readonly kept: boolean;
    /** Of flap damping; null: the service has none. `reuse_seconds`: how long it is held out still; null: it is not. */
    readonly penalty: { readonly value: number; readonly reuse_seconds: number | null } | null;
  };
  /** One sentence: why it is in or out of the table. */
  readonly why: string;
}

/** A setting of a virtual server that was set at run time. */
export interface ApiSetting {
  /** `scheduler`, `quorum`: its word in the file. */
  readonly setting: string;
  readonly value: string;
  /** As it would be without that. */
  readonly before: string;
  readonly by: ApiProvenance | null;
}

export interface ApiService {
  readonly name: string;
  /** `tcp/192.0.2.10:80`: the first of `keys`. */
  readonly key: string;
  /** Every service that it is in the kernel. */
  readonly keys: readonly string[];
  /** `foreign`: somebody else's. `checks`: no virtual server, the passage of checks via: vip to a real server; with `all` alone. */
  readonly source: 'file' | 'runtime' | 'foreign' | 'checks';
  readonly scheduler: string;
  /** `persistent 300`, `ops`, `sh-port`, … */
  readonly options: readonly string[];
  readonly forward: string;
  readonly on_failure: string;
  /** What set-vs has made other than the file; absent: nothing. */
  readonly changed?: readonly ApiSetting[];
  readonly in_kernel: boolean;
  /** Wanted and kernel agree. */
  readonly in_sync: boolean;
  /** The VRRP instance that is not master here and keeps the service out of the kernel: this host is a real server too. */
  readonly stands_back_for: string | null;
  /** Whether enough weight is up; `weight 1 of 2 needed`. */
  readonly quorum: { readonly state: 'met' | 'lost' | 'unknown'; readonly text: string };
  /** What is out of the ordinary in the pool: too few healthy, backups that serve; null: not so. Absent: a foreign service. */
  readonly pool?: { readonly too_few: string | null; readonly backups: string | null };
  /** Serves while the quorum is lost; the last of `real_servers`, not counted by `up` and `total`. */
  readonly sorry_server: string | null;
  readonly up: number;
  readonly total: number;
  /** Of all its kernel services; with `counters` of `list` alone. */
  readonly traffic?: ApiTraffic;
  readonly real_servers: readonly ApiRealServer[];
}

export interface ApiCheck {
  readonly type: string;
  /** `http GET 10.0.0.21:80/healthz, status 200-299, every 2s` */
  readonly description: string;
  readonly verdict: 'unknown' | 'up' | 'down';
  readonly since_seconds: number;
  readonly next_in_seconds: number | null;
  readonly results: readonly {
    readonly ok: boolean;
    /** Not ok, for a reason of this director's own: it says nothing of the real server, and does not count. */
    readonly local: boolean;
    readonly reason: string;
    readonly duration_ms: number;
    readonly ago_seconds: number;
  }[];
}

export interface ApiProblemLine {
  /** `hint`: nothing is wrong, but somebody may have forgotten something. */
  readonly severity: 'critical' | 'warning' | 'hint';
  readonly text: string;
  /** Since somebody first saw it: lbd looks at itself every 15 s, every minute where it has very many real servers. */
  readonly since_seconds?: number;
}

/** What lbd is at while somebody waits for an answer. */
export interface ApiProgress {
  readonly text: string;
  /** Milliseconds, from the question on, after which it gives up; undefined: as long as it is asked. */
  readonly limit_ms?: number;
}

export interface ApiStatus {
  readonly router_id: string;
  readonly version: string;
  readonly pid: number;
  readonly uptime_seconds: number;
  readonly config_file: string;
  readonly revision: number;
  readonly overrides: number;
  /** When the configuration was read, and by whom (`start` at a start); `stale`: its file has been changed since. */
  readonly loaded: { readonly since_seconds: number; readonly by: string; readonly stale: boolean };
  /** See ApiBrief. */
  readonly table: string;
  readonly processes: readonly {
    readonly name: 'core' | 'check' | 'vrrp';
    readonly pid: number | null;
    /** `silent`: it is there, and answers nothing. */
    readonly state: 'running' | 'silent' | 'restarting' | 'not needed';
    readonly restarts: number;
    /** Of a silent one: since the question that it has not answered. */
    readonly silent_seconds?: number;
  }[];
  readonly ipvs: { readonly usable: boolean; readonly text: string };
  /** Since start: times the kernel's table differed from the wanted one without lbd having done it. */
  readonly drift: {
    readonly total: number;
    readonly last: string | null;
    readonly by_kind: Readonly<Record<string, number>>;
    /** Services that another program changes again and again. */
    readonly fought_over: readonly string[];
  };
  /** The kernel's sync daemons; null when none is configured. */
  readonly connection_sync: {
    readonly interface: string;
    readonly id: number;
    /** The VRRP instance whose role decides; null: both daemons run always. */
    readonly follows: string | null;
    readonly wanted: readonly ('master' | 'backup')[];
    readonly running: readonly ('master' | 'backup')[];
    readonly problem: string | null;
    /** Since start: times that somebody else had stopped, changed or started a daemon. */
    readonly drift: number;
  } | null;
  /** How the checks' probes keep up with their beats; null when there is no check process. */
  readonly probes: {
    readonly checks: number;
    /** Probes under way, and how many may be. */
    readonly running: number;
    readonly limit: number;
    /** Probes that wait for a place, and for how long the first of them has. */
    readonly waiting: number;
    readonly oldest_wait_ms: number;
    /** In the last minute: the longest wait for a place, and the latest start after its beat, whatever the cause. */
    readonly longest_wait_ms: number;
    readonly latest_start_ms: number;
  } | null;
  readonly instances: readonly ApiInstance[];
  readonly services: readonly (Pick<
    ApiService,
    | 'name'
    | 'key'
    | 'scheduler'
    | 'forward'
    | 'up'
    | 'total'
    | 'in_sync'
    | 'in_kernel'
    | 'stands_back_for'
    | 'quorum'
    | 'pool'
    | 'sorry_server'
    | 'source'
  > &
    ApiLoad)[];
  readonly foreign_services: readonly string[];
  /** Who is out of service by the administrator's word, hosts first. */
  readonly admin_states: readonly ApiAdminState[];
  /** Real servers that get their weight step by step: the one that they have now, and in how many seconds they have all of it. */
  readonly slow_starts: readonly {
    readonly target: string;
    readonly weight: number;
    readonly full_weight: number;
    readonly seconds: number;
  }[];
  /** The other directors (global.peers), as they said last. */
  readonly peers: readonly ApiPeer[];
  /** What changed lately, the newest last; operations on the table are left out. */
  readonly recent: readonly ApiEvent[];
  /** Worst first. */
  readonly problems: readonly ApiProblemLine[];
}

export interface ApiWhy {
  readonly target: string;
  /** The answer in one sentence. */
  readonly summary: string;
  /** The chain, from the first cause to the kernel. */
  readonly steps: readonly string[];
  readonly checks: readonly ApiCheck[];
}

export interface ApiChanged {
  /** What was, or with dry_run would be, done. */
  readonly text: string;
  /** What comes of it beside that, each a sentence; absent: nothing. */
  readonly notes?: readonly string[];
  readonly revision: number;
  readonly dry_run: boolean;
}

/** One thing that `doctor` looked at. */
export interface ApiFinding {
  /** `ok`, `info`: nothing to do; `warning`, `critical`: there is. */
  readonly severity: 'ok' | 'info' | 'warning' | 'critical';
  /** `ip_forward`, `rp_filter`, `send_redirects`, `accept_local`, `interface`, `ipvs`, `conn_tab`, `timeouts`, `settings`, `sync`, `firewall`, `vrrp`, `lbd`. */
  readonly topic: string;
  readonly text: string;
  /** A command, or a sentence; '' when there is nothing to do. */
  readonly cure: string;
}

export interface ApiDoctor {
  /** Worst first. */
  readonly findings: readonly ApiFinding[];
}

/** SERVICE is a name or a key; RS is `ADDRESS:PORT`, the port optional where it is unambiguous. */
export interface Methods {
  status: { params: Record<string, never>; result: ApiStatus };
  /** What another director needs to know of this one every few seconds. */
  brief: { params: Record<string, never>; result: ApiBrief };
  /**
   * `counters`: with what the kernel counted. `host`: only real servers with that address, of the services that have one. `all`: with the
   * passages of checks too. What it tells is of `revision`.
   */
  list: {
    params: { service?: string; host?: string; counters?: boolean; all?: boolean };
    result: { revision: number; services: readonly ApiService[] };
  };
  stats: {
    params: { service?: string };
    result: {
      /** Wall clock of the reading, ISO 8601. */
      readonly at: string;
      /** False: net.ipv4.vs.run_estimation is 0, and what is told stands still. */
      readonly counting: boolean;
      /** Those of somebody else last. */
      readonly services: readonly ApiServiceStatistics[];
      /** Of all the services above. */
      readonly totals: ApiTotals;
    };
  };
  /** What may be named, for completion: nobody else is asked for it. `service`: with its real servers; an unknown one has none. */
  names: {
    params: { service?: string };
    result: {
      readonly services: readonly { readonly name: string; readonly keys: readonly string[] }[];
      readonly real_servers: readonly string[];
      /** The addresses of all real servers. */
      readonly hosts: readonly string[];
      readonly instances: readonly string[];
    };
  };
  show: {
    params: { service: string; rs?: string };
    result: { service: ApiService; real_server: ApiRealServer | null; checks: readonly ApiCheck[] };
  };
  add_rs: {
    params: { service: string; rs: string; weight?: number; forward?: string; upper?: number; lower?: number } & ForATime &
      ChangeOptions;
    result: ApiChanged;
  };
  set_rs: { params: { service: string; rs: string; weight: string } & ForATime & ChangeOptions; result: ApiChanged };
  /** `drain`: when its connections have ended, or at the deadline (seconds). */
  del_rs: {
    params: { service: string; rs: string; drain?: boolean } & ForATime & DrainOptions & ChangeOptions;
    result: ApiChanged;
  };
  /** `drain`, `undrain`, `disable`, `enable`. */
  set_state: { params: { service: string; rs: string; state: string } & StateOptions & ChangeOptions; result: ApiChanged };
  /** The same for every real server with that address, those that come later too. */
  set_host: { params: { host: string; state: string } & StateOptions & ChangeOptions; result: ApiChanged };
  add_vs: {
    params: {
      name: string;
      /** `192.0.2.10:80`, `fwmark/7` or `fwmark/7/inet6`. */
      address: string;
      protocol?: string;
      scheduler?: string;
      forward?: string;
      /** Seconds. */
      persistence?: number;
      one_packet?: boolean;
    } & ForATime &
      ChangeOptions;
    result: ApiChanged;
  };
  /** `force`: though a peer is not fit for it. */
  failover: {
    params: { instance: string; for?: number; undo?: boolean; check?: boolean; force?: boolean } & ChangeOptions;
    result: ApiChanged;
  };
  /** Makes a service of somebody else, whose address a virtual server has, lbd's own. */
  take_over: { params: { service: string } & ChangeOptions; result: ApiChanged };
  /** What is not named stays as it is. Times: seconds. */
  set_vs: {
    params: SettingsOfService & ForATime & ChangeOptions;
    result: ApiChanged;
  };
  del_vs: { params: { service: string } & ForATime & ChangeOptions; result: ApiChanged };
  vrrp: { params: { instance?: string }; result: { instances: readonly ApiInstance[] } };
  why: { params: { target: string; rs?: string }; result: ApiWhy };
  /** What of this host is not as a director needs it. */
  doctor: { params: Record<string, never>; result: ApiDoctor };
  /** Several changes, all of them or none. `force`: though they remove more than global.max_removed. */
  changes: { params: { changes: readonly ApiChange[]; force?: boolean } & ChangeOptions; result: ApiChanged };
  /** `force`: though it removes more than global.max_removed. */
  reload: { params: { force?: boolean } & ChangeOptions; result: ApiChanged & { problems: readonly ApiProblem[] } };
  /** Of `text` as the configuration file, called `name` in what is wrong with it; without it, of the file as it is on disk. */
  plan: { params: { text?: string; name?: string }; result: ApiPlan };
  /**
   * Makes `text` the configuration file, and puts it in force. `confirm`: seconds after which it is taken back, unless `confirm` was called;
   * a daemon that ends before that takes it back at its start. `force`: though it removes much, or overwrites edits that were not loaded.
   */
  apply: {
    params: { text: string; name?: string; confirm?: number; force?: boolean } & ChangeOptions;
    result: ApiChanged & { problems: readonly ApiProblem[] };
  };
  confirm: { params: ChangeOptions; result: ApiChanged };
  /** Without `revision`: what waits for its confirmation is taken back, or else the newest revision. */
  rollback: { params: { revision?: number; force?: boolean } & ChangeOptions; result: ApiChanged };
  history: { params: { limit?: number }; result: ApiHistory };
  overrides: { params: Record<string, never>; result: { overrides: readonly ApiOverride[] } };
  /** `against`: `file` (when it is left out), `kernel`, `peer`. `peer`: its name; without it every peer. */
  diff: { params: { against?: string; peer?: string }; result: ApiDiff };
  /** What was changed at run time becomes text of the file. */
  save: { params: ChangeOptions; result: ApiSaved };
  /**
   * Those after the number or the time, all that are kept, or else the newest 100; at most the newest `limit` of them. `kind`: one of
   * EVENT_KINDS, or several with commas between; `subject`: `web` is also `web/10.0.0.21:80`.
   */
  events: {
    params: { follow?: boolean; since?: number; since_time?: string; limit?: number; kind?: string; subject?: string };
    result: { events: readonly ApiEvent[] };
  };
}

export type MethodName = keyof Methods;

/** A command line of lbctl for the daemon to run (command-line.ts), with what it needs to know of the process that it came from. */
export interface CommandLine {
  /** Of lbctl. */
  readonly version: string;
  /** Where lbctl took the control socket to be. */
  readonly socket: string;
  readonly argv: readonly string[];
  /** Of the terminal that standard output is; absent: it is none. */
  readonly columns?: number;
  /** NO_COLOR and LBD_SOCKET of the environment. */
  readonly no_color?: string;
  readonly lbd_socket?: string;
}
