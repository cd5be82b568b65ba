/**
 * The doing half of the checks: owns their machines, arms one timer for the earliest deadline of all, starts and cancels probes.
 * After a pause it listens first: answers that came in meanwhile are taken before any deadline decides.
 */
import type { Milliseconds } from '../../base/duration.js';
import type { Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import { deadline, hasten, initial, isRunning, step } from '../../health/machine.js';
import { startOffset } from '../../health/spread.js';
import type { Beginning, CheckSpec, HealthEvent, HealthState, ProbeResult, ResultRecord, Verdict } from '../../health/types.js';
import type { Kept, Probe, StartProbe, Target } from '../../os/probe/types.js';
import { createHeap, type Timed } from './heap.js';
import { createHistories } from './histories.js';
import { createMeter, type Lateness } from './meter.js';

export interface VerdictChange {
  readonly from: Verdict;
  readonly to: Verdict;
  readonly reason: string;
}

export interface RunnerOptions {
  readonly now: () => Instant;
  readonly startProbe: StartProbe;
  /** The check's state is the new one already. */
  readonly onVerdict: (key: string, change: VerdictChange) => void;
  /** The server asks for another share of its weight; the check's state has it already. */
  readonly onShare?: (key: string, share: number) => void;
  /** Every result, of probes given up at their deadline too; with the verdict before and after it. */
  readonly onResult?: (
    key: string,
    result: ResultRecord,
    verdicts: { readonly before: Verdict; readonly after: Verdict },
  ) => void;
  /** Probes under way at once; the others wait in the order in which they were due. */
  readonly maxRunning?: number;
  /** Calls back once after so many milliseconds; returns what takes that back. */
  readonly timer?: (ms: number, fire: () => void) => () => void;
  /** Calls back after the loop has looked at its descriptors once. */
  readonly defer?: (fire: () => void) => void;
}

export interface CheckRunner {
  /** The checks wanted from now on. One whose key is known goes on untouched; `beginningOf` tells how a new one begins. */
  reconcile(specs: readonly CheckSpec[], beginningOf: (key: string) => Beginning): void;
  /** Some more, some less. */
  change(fresh: readonly CheckSpec[], gone: readonly string[], beginningOf: (key: string) => Beginning): void;
  /** Probes these checks now instead of at their next beat; one that is under way stays. */
  hasten(keys: Iterable<string>): void;
  /** As it is now: the check's next event changes it in place. */
  state(key: string): HealthState | undefined;
  /** Of its probe that ended last. */
  latest(key: string): ResultRecord | undefined;
  /** Its latest results, newest first. */
  history(key: string): readonly ResultRecord[];
  /** A live view: each iteration gives the states of that moment. */
  states(): Iterable<readonly [key: string, state: HealthState]>;
  /** Checks without a verdict. */
  undecided(): number;
  load(): Load;
  close(): void;
}

/** How the probes keep up with their beats. */
export interface Load extends Lateness {
  readonly checks: number;
  /** Probes under way, and how many may be. */
  readonly running: number;
  readonly limit: number;
  /** Probes that wait for a place, and how long the one that came first has waited, milliseconds. */
  readonly waiting: number;
  readonly oldestWait: Milliseconds;
}

/** Of one shape, all of them: every probe goes through here several times, and what a spread makes has a shape of its own each time. */
class Entry implements Timed, Target {
  readonly spec: CheckSpec;
  readonly address: Ip;
  readonly port: number;
  kept: Kept | undefined = undefined;
  /** Of its probes: each one's result. */
  readonly done: (result: ProbeResult) => void;
  state: HealthState;
  /** Of its results. */
  readonly row: number;
  probe: Probe | undefined = undefined;
  gone = false;
  slot = -1;

  constructor(spec: CheckSpec, state: HealthState, row: number, done: (entry: Entry, result: ProbeResult) => void) {
    this.spec = spec;
    this.address = spec.address;
    this.port = spec.port;
    this.state = state;
    this.row = row;
    this.done = (result) => done(this, result);
  }
}

/** A probe that waits for a place. */
interface Hold {
  /** When it was due. */
  readonly beat: Instant;
  readonly since: Instant;
}

const MAX_RUNNING = 2000;
/** A timer this late means that the process did not run for a while. */
const LATE_MS = 20;
/** Turns of the loop in which answers are awaited after a pause, as long as each brings some. */
const LISTEN_TURNS = 100;
/**
 * To wake up costs many times what a check does, so what is due soon after a wake waits for more of its kind: a start for a twentieth of the
 * interval, which is what jitter moves it by anyway, a deadline for a fiftieth of the timeout; at most so long. A lone check is still
 * started to the millisecond.
 */
const START_WAIT = { longest: 50, share: 1 / 20 };
const DEADLINE_WAIT = { longest: 20, share: 1 / 50 };
/** Deadlines handled in one turn of the loop. */
const BATCH = 256;
/** setTimeout takes no more than 2^31 ms. */
const LONGEST_MS = 3_600_000;

function nodeTimer(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
}

function patienceOf({ spec: { check }, state }: Entry): Milliseconds {
  const running = isRunning(state);
  const own = running ? check.timeout : Math.min(check.interval, check.intervalChanging ?? check.interval);
  const { longest, share } = running ? DEADLINE_WAIT : START_WAIT;
  return Math.min(longest, own * share);
}

export const createCheckRunner = (options: RunnerOptions): CheckRunner => new Runner(options);

class Runner implements CheckRunner {
  private readonly options: Required<Omit<RunnerOptions, 'onResult' | 'onShare'>> & Pick<RunnerOptions, 'onResult' | 'onShare'>;
  private readonly entries = new Map<string, Entry>();
  private readonly due = createHeap<Entry>();
  /** Started by their machine, without a place yet; their deadline does not count. In the order in which they were due. */
  private readonly held = new Map<Entry, Hold>();
  private readonly histories = createHistories();
  private readonly meter = createMeter();
  private running = 0;
  /** Checks without a verdict. */
  private open = 0;
  /** Results so far, to see whether a turn of the loop brought any. */
  private heard = 0;
  private armedFor = NEVER;
  private wokeAt = Number.NEGATIVE_INFINITY;
  private disarm: (() => void) | undefined;
  private listening = false;

  constructor(options: RunnerOptions) {
    this.options = { maxRunning: MAX_RUNNING, timer: nodeTimer, defer: setImmediate, ...options };
  }

  reconcile(specs: readonly CheckSpec[], beginningOf: (key: string) => Beginning): void {
    const keys = new Set(specs.map((spec) => spec.key));
    const gone = [...this.entries.keys()].filter((key) => !keys.has(key));
    this.change(specs, gone, beginningOf);
  }

  change(specs: readonly CheckSpec[], gone: readonly string[], beginningOf: (key: string) => Beginning): void {
    for (const key of gone) {
      const entry = this.entries.get(key);
      if (entry) this.remove(entry);
    }
    const fresh = specs.filter((spec) => !this.entries.has(spec.key));
    const now = this.options.now();
    for (const [index, spec] of fresh.entries()) {
      const offset = startOffset(index, fresh.length, spec.check.interval);
      this.add(spec, initial(spec.check, now, offset, beginningOf(spec.key)));
    }
    this.launchHeld();
    this.arm();
  }

  hasten(keys: Iterable<string>): void {
    const now = this.options.now();
    for (const key of keys) {
      const entry = this.entries.get(key);
      if (!entry || isRunning(entry.state) || entry.state.nextAt <= now) continue;
      entry.state = hasten(entry.state, now, true);
      this.due.set(entry, deadline(entry.state));
    }
    this.arm();
  }

  state(key: string): HealthState | undefined {
    return this.entries.get(key)?.state;
  }

  latest(key: string): ResultRecord | undefined {
    const entry = this.entries.get(key);
    return entry && this.histories.latest(entry.row);
  }

  history(key: string): readonly ResultRecord[] {
    const entry = this.entries.get(key);
    return entry ? this.histories.list(entry.row) : [];
  }

  states(): Iterable<readonly [key: string, state: HealthState]> {
    const { entries } = this;
    return {
      *[Symbol.iterator]() {
        for (const [key, entry] of entries) yield [key, entry.state] as const;
      },
    };
  }

  undecided(): number {
    return this.open;
  }

  load(): Load {
    const now = this.options.now();
    const [first] = this.held.values();
    return {
      checks: this.entries.size,
      running: this.running,
      limit: this.options.maxRunning,
      waiting: this.held.size,
      oldestWait: first ? now - first.since : 0,
      ...this.meter.read(now),
    };
  }

  close(): void {
    for (const entry of [...this.entries.values()]) this.remove(entry);
    this.disarm?.();
    this.disarm = undefined;
    this.armedFor = NEVER;
  }

  private add(spec: CheckSpec, state: HealthState): void {
    const entry = new Entry(spec, state, this.histories.open(), (ended, result) => this.finish(ended, result));
    this.entries.set(spec.key, entry);
    if (state.verdict === 'unknown') this.open++;
    this.due.set(entry, deadline(state));
  }

  private remove(entry: Entry): void {
    entry.gone = true;
    if (entry.state.verdict === 'unknown') this.open--;
    this.cancel(entry);
    this.due.remove(entry);
    this.entries.delete(entry.spec.key);
    entry.kept?.drop();
    this.histories.close(entry.row);
  }

  /** A timer that is early does no harm, so it is left when the earliest deadline moves away. */
  private arm(): void {
    if (this.listening || this.due.first >= this.armedFor) return;
    const first = this.due.top();
    const at = first ? Math.max(this.due.first, this.wokeAt + patienceOf(first)) : NEVER;
    if (at >= this.armedFor) return;
    this.disarm?.();
    this.armedFor = at;
    const ms = Math.ceil(at - this.options.now());
    this.disarm = this.options.timer(Math.min(Math.max(0, ms), LONGEST_MS), () => this.wake());
  }

  private wake(): void {
    const late = this.options.now() - this.armedFor;
    this.armedFor = NEVER;
    this.disarm = undefined;
    if (late > LATE_MS) this.listen(LISTEN_TURNS);
    else this.tickDue();
  }

  private listen(turns: number): void {
    this.listening = true;
    const before = this.heard;
    this.options.defer(() => {
      if (this.heard !== before && turns > 1) {
        this.listen(turns - 1);
        return;
      }
      this.listening = false;
      this.tickDue();
    });
  }

  private tickDue(): void {
    const now = this.options.now();
    this.wokeAt = now;
    for (const entry of this.due.take(now, BATCH)) if (!entry.gone) this.apply(entry, { type: 'tick', now });
    // More is due: the loop looks at its descriptors in between, and goes on.
    if (this.due.first <= now) this.wokeAt = Number.NEGATIVE_INFINITY;
    this.launchHeld();
    this.arm();
  }

  private apply(entry: Entry, event: HealthEvent): void {
    const { verdict, share, nextAt } = entry.state;
    const [state, effects] = step(entry.spec.check, entry.state, event, true);
    entry.state = state;
    if (verdict === 'unknown' && state.verdict !== 'unknown') this.open--;
    for (const effect of effects) {
      if (entry.gone) break;
      if (effect.type === 'start') this.begin(entry, nextAt, event.now);
      else if (effect.type === 'ended') this.tell(entry, effect.result, verdict, share);
      else if (effect.type === 'cancel') this.cancel(entry);
      else this.options.onVerdict(entry.spec.key, { from: effect.from, to: effect.to, reason: effect.reason });
    }
    if (entry.gone || (this.held.size > 0 && this.held.has(entry))) this.due.remove(entry);
    else this.due.set(entry, deadline(entry.state));
  }

  private tell(entry: Entry, result: ResultRecord, before: Verdict, shareBefore: number | undefined): void {
    const { spec, state, row } = entry;
    this.histories.add(row, result);
    if (state.share !== shareBefore) this.options.onShare?.(spec.key, state.share ?? 100);
    this.options.onResult?.(spec.key, result, { before, after: state.verdict });
  }

  private begin(entry: Entry, beat: Instant, now: Instant): void {
    // Those that wait came first, though this one has just left a place of its own.
    if (this.held.size === 0 && this.running < this.options.maxRunning) this.launch(entry, { beat, since: now }, now);
    else this.held.set(entry, { beat, since: now });
  }

  private launch(entry: Entry, { beat, since }: Hold, now: Instant): void {
    this.running++;
    this.meter.started(now, beat, now - since);
    entry.probe = this.options.startProbe(entry.spec.check, entry, entry.done);
  }

  /** A probe that was given up says nothing. */
  private finish(entry: Entry, result: ProbeResult): void {
    if (!entry.probe) return;
    this.running--;
    this.heard++;
    entry.probe = undefined;
    this.apply(entry, { type: 'result', now: this.options.now(), id: entry.state.probes, result });
    this.launchHeld();
    this.arm();
  }

  private cancel(entry: Entry): void {
    this.held.delete(entry);
    if (!entry.probe) return;
    entry.probe.cancel();
    entry.probe = undefined;
    this.running--;
  }

  private launchHeld(): void {
    if (this.held.size === 0) return;
    for (const [entry, hold] of this.held) {
      if (this.running >= this.options.maxRunning) return;
      this.held.delete(entry);
      if (!isRunning(entry.state)) continue;
      const now = this.options.now();
      this.launch(entry, hold, now);
      this.apply(entry, { type: 'launched', now, id: entry.state.probes });
    }
  }
}
