/**
 * Whether this director should suspect itself. Servers fail one by one; when most of those that were up turn to failing within one
 * interval, it is more often the director's own cable, route or firewall. It holds then: nobody leaves the pool, for a bounded time. When
 * that is over, or a reference answers that is not behind the same trouble, it was true, and all verdicts count.
 */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import { type Instant, NEVER } from '../base/time.js';
import type { CheckTiming, SuspicionConfig } from '../config/types.js';

/** Of a check. What happens to all at one moment is seen within an interval, and where there is no answer, a timeout later. */
type Timing = Pick<CheckTiming, 'interval' | 'timeout'>;

/** What one check is known to be, while it counts: it was up. */
interface Seen {
  readonly host: Ip;
  readonly timing: Timing;
  /** Since when it fails; undefined: it does not. */
  failedAt: Instant | undefined;
  /** Its verdict is down by now: it leaves the count as soon as it is neither fresh nor held. */
  down: boolean;
}

/** Numbers of its checks: of those that were up, of these those that fail, that are fresh, that are held. */
interface Host {
  checks: number;
  failing: number;
  fresh: number;
  held: number;
}

/** Numbers of hosts, kept with every change: with thousands of checks counting them for each result is too much. */
interface Counts {
  /** That have a check that is fresh. */
  fresh: number;
  /** That have a check that is held, and of these those that fail. */
  held: number;
  failing: number;
}

/** Of one director. Mutable, and only by step: with thousands of checks a copy for each result is too much. */
export interface SuspicionState {
  readonly seen: Map<string, Seen>;
  readonly hosts: Map<Ip, Host>;
  readonly counts: Counts;
  /** Checks that turned to failing a moment ago, oldest first. */
  readonly fresh: Set<string>;
  /** Set while the director suspects itself. */
  held: Held | undefined;
  /** Set when the time to hold ran out and nobody had answered. */
  doubted: Doubted | undefined;
}

/** Their verdicts count, but that the director is well has not been seen: until half of these checks succeed again. */
interface Doubted {
  readonly keys: Set<string>;
  readonly count: number;
}

interface Held {
  readonly until: Instant;
  /** Most have answered again: the rest have one more probe each. */
  readonly waning: boolean;
  /** Checks whose verdict does not count. */
  readonly keys: Set<string>;
}

export type SuspicionEvent =
  /** A check has a result that says something of its server. `up`: it was up before it. */
  | {
      readonly type: 'result';
      readonly key: string;
      readonly host: Ip;
      readonly timing: Timing;
      readonly ok: boolean;
      readonly up: boolean;
    }
  /** The check's verdict is down. */
  | { readonly type: 'down'; readonly key: string }
  /** The check is no more. */
  | { readonly type: 'gone'; readonly key: string }
  /** A reference has answered. */
  | { readonly type: 'reference'; readonly address: Ip }
  | { readonly type: 'tick' };

export type SuspicionEffect =
  | { readonly type: 'suspect'; readonly text: string }
  /** `keys`: whose verdicts count again. */
  | { readonly type: 'over'; readonly text: string; readonly keys: ReadonlySet<string> };

/** Without a word of the user: two intervals, and so much at most. */
const LONGEST_HOLD: Milliseconds = 10_000;

export const initialSuspicion = (): SuspicionState => ({
  seen: new Map(),
  hosts: new Map(),
  counts: { fresh: 0, held: 0, failing: 0 },
  fresh: new Set(),
  held: undefined,
  doubted: undefined,
});

export const suspicionDeadline = ({ held }: SuspicionState): Instant => held?.until ?? NEVER;

/** Whether the check's failure does not count for now. */
export const isHeld = ({ held }: SuspicionState, key: string): boolean => held?.keys.has(key) === true;

/** Whether a success of the check changes nothing: it succeeds all the time, as nearly all of them do. */
export const isExpected = ({ seen, doubted }: SuspicionState, key: string): boolean => {
  if (doubted !== undefined) return false;
  const one = seen.get(key);
  return one !== undefined && one.failedAt === undefined;
};

/** Whether another director should serve, if there is one that does not suspect itself. */
export const isDoubtful = ({ held, doubted }: SuspicionState): boolean => held?.waning === false || doubted !== undefined;

function count(counts: Counts, { fresh, held, failing }: Host, by: 1 | -1): void {
  if (fresh > 0) counts.fresh += by;
  if (held > 0) counts.held += by;
  if (held > 0 && failing > 0) counts.failing += by;
}

/** One check of the host more, or less, of that kind. */
function alter({ hosts, counts }: SuspicionState, address: Ip, kind: keyof Host, by: 1 | -1): void {
  const host = hosts.get(address) ?? { checks: 0, failing: 0, fresh: 0, held: 0 };
  count(counts, host, -1);
  host[kind] += by;
  count(counts, host, 1);
  if (host.checks > 0) hosts.set(address, host);
  else hosts.delete(address);
}

function freshen(state: SuspicionState, key: string, { host }: Seen): void {
  state.fresh.add(key);
  alter(state, host, 'fresh', 1);
}

function age(state: SuspicionState, key: string, { host }: Seen): void {
  if (state.fresh.delete(key)) alter(state, host, 'fresh', -1);
}

function hold(state: SuspicionState, keys: Set<string>, key: string, { host }: Seen): void {
  keys.add(key);
  alter(state, host, 'held', 1);
}

function forget(state: SuspicionState, key: string): void {
  const seen = state.seen.get(key);
  if (!seen) return;
  age(state, key, seen);
  if (state.held?.keys.delete(key)) alter(state, seen.host, 'held', -1);
  if (seen.failedAt !== undefined) alter(state, seen.host, 'failing', -1);
  alter(state, seen.host, 'checks', -1);
  state.seen.delete(key);
}

function see(state: SuspicionState, key: string, host: Ip, timing: Timing): Seen {
  const known = state.seen.get(key);
  if (known) return known;
  const seen: Seen = { host, timing, failedAt: undefined, down: false };
  state.seen.set(key, seen);
  alter(state, host, 'checks', 1);
  return seen;
}

const round = ({ interval, timeout }: Timing): Milliseconds => interval + timeout;

function longest({ seen }: SuspicionState, keys: Iterable<string>, of: (timing: Timing) => Milliseconds): Milliseconds {
  let most = 0;
  for (const key of keys) most = Math.max(most, of(seen.get(key)?.timing ?? { interval: 0, timeout: 0 }));
  return most;
}

/** What has been failing for longer was no sudden failure of many. */
function prune(state: SuspicionState, now: Instant): void {
  for (const key of state.fresh) {
    const one = state.seen.get(key) as Seen;
    if (one.failedAt !== undefined && now - one.failedAt <= round(one.timing)) return;
    age(state, key, one);
    if (one.down) forget(state, key);
  }
}

function onset(conf: SuspicionConfig, state: SuspicionState, now: Instant): SuspicionEffect[] {
  const all = state.hosts.size;
  const failing = state.counts.fresh;
  if (failing < conf.minTargets || failing <= all * conf.share) return [];
  const time = conf.hold ?? Math.min(LONGEST_HOLD, 2 * longest(state, state.fresh, ({ interval }) => interval));
  const keys = new Set<string>();
  for (const key of state.fresh) hold(state, keys, key, state.seen.get(key) as Seen);
  state.held = { until: now + time, waning: false, keys };
  const text = `${failing} of ${all} hosts that were up began to fail within one interval: this director suspects itself, and takes nobody out for ${Math.ceil(time / 1000)}s`;
  return [{ type: 'suspect', text }];
}

function end(state: SuspicionState, text: string): SuspicionEffect[] {
  const keys = new Set(state.held?.keys);
  state.held = undefined;
  // The same failures are no second reason.
  for (const key of [...state.fresh]) age(state, key, state.seen.get(key) as Seen);
  for (const key of keys) {
    const seen = state.seen.get(key) as Seen;
    alter(state, seen.host, 'held', -1);
    if (seen.down) forget(state, key);
  }
  return [{ type: 'over', text, keys }];
}

function onFailure(conf: SuspicionConfig, state: SuspicionState, key: string, seen: Seen, now: Instant): SuspicionEffect[] {
  if (seen.failedAt !== undefined) return [];
  seen.failedAt = now;
  alter(state, seen.host, 'failing', 1);
  if (state.held) {
    if (!state.held.keys.has(key)) hold(state, state.held.keys, key, seen);
    return [];
  }
  freshen(state, key, seen);
  prune(state, now);
  return onset(conf, state, now);
}

/** Of the hosts that are held, how many answer again. */
const answering = ({ counts: { held, failing } }: SuspicionState) => ({ hosts: held, again: held - failing });

/**
 * Most of them answer again: it was the director, and it is over. The others are probed once more before they count: not everybody's turn
 * has come.
 */
function onSuccess(state: SuspicionState, key: string, seen: Seen, now: Instant): SuspicionEffect[] {
  if (seen.failedAt === undefined) return [];
  seen.failedAt = undefined;
  seen.down = false;
  alter(state, seen.host, 'failing', -1);
  age(state, key, seen);
  const { held } = state;
  if (!held) return [];
  const { hosts, again } = answering(state);
  if (again === hosts) return end(state, `all ${hosts} hosts answer again`);
  if (again * 2 > hosts && !held.waning)
    state.held = { ...held, waning: true, until: Math.min(held.until, now + longest(state, held.keys, round)) };
  return [];
}

function onTick(state: SuspicionState, now: Instant): SuspicionEffect[] {
  const { held } = state;
  if (!held || now < held.until) return [];
  const { hosts, again } = answering(state);
  if (!held.waning && held.keys.size > 0) state.doubted = { keys: new Set(held.keys), count: held.keys.size };
  const over = held.waning ? `${again} of ${hosts} hosts answer again` : 'the time to hold is over';
  return end(state, `${over}: verdicts count`);
}

function onResult(
  conf: SuspicionConfig,
  state: SuspicionState,
  event: Extract<SuspicionEvent, { type: 'result' }>,
  now: Instant,
): SuspicionEffect[] {
  const { key, host, timing, ok, up } = event;
  // One that was down, and is not held, is no news.
  if (!up && !state.seen.has(key)) return [];
  const seen = see(state, key, host, timing);
  return ok ? onSuccess(state, key, seen, now) : onFailure(conf, state, key, seen, now);
}

function onDown(state: SuspicionState, key: string): void {
  const seen = state.seen.get(key);
  if (!seen) return;
  seen.down = true;
  if (!isHeld(state, key) && !state.fresh.has(key)) forget(state, key);
}

/** A check that was doubted succeeds, or is no more. */
function trust(state: SuspicionState, key: string): void {
  const { doubted } = state;
  if (doubted?.keys.delete(key) && doubted.keys.size * 2 <= doubted.count) state.doubted = undefined;
}

/** One event; the state is changed in place. */
export function suspect(conf: SuspicionConfig, state: SuspicionState, event: SuspicionEvent, now: Instant): SuspicionEffect[] {
  switch (event.type) {
    case 'result':
      if (event.ok) trust(state, event.key);
      return onResult(conf, state, event, now);
    case 'down':
      onDown(state, event.key);
      return [];
    case 'gone':
      trust(state, event.key);
      forget(state, event.key);
      return [];
    case 'reference':
      return state.held ? end(state, `${event.address} answers: it is the real servers, and verdicts count`) : [];
    case 'tick':
      return onTick(state, now);
  }
}
