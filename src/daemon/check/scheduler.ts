/**
 * The doing half of the checks: owns their machines, arms one timer for the earliest deadline of all, starts and cancels probes.
 * After a pause it listens first: answers that came in meanwhile are taken before any deadline decides.
 */
import { type Instant, NEVER } from '../../base/time.js';
import { deadline, initial, step } from '../../health/machine.js';
import { startOffset } from '../../health/spread.js';
import type { Beginning, CheckSpec, HealthEffect, HealthEvent, HealthState, ResultRecord, Verdict } from '../../health/types.js';
import type { Probe, StartProbe } from '../../os/probe/types.js';
import { createHeap, type Timed } from './heap.js';

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
  /** Every result, of probes given up at their deadline too. */
  readonly onResult?: (key: string, result: ResultRecord) => void;
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
  state(key: string): HealthState | undefined;
  /** A live view: each iteration gives the states of that moment. */
  states(): Iterable<readonly [key: string, state: HealthState]>;
  /** Checks without a verdict. */
  undecided(): number;
  /** Probes under way, and probes that wait for a place. */
  load(): { readonly running: number; readonly waiting: number };
  close(): void;
}

interface Entry extends Timed {
  readonly spec: CheckSpec;
  state: HealthState;
  probe: Probe | undefined;
  gone: boolean;
}

const MAX_RUNNING = 2000;
/** A timer this late means that the process did not run for a while. */
const LATE_MS = 20;
/** Turns of the loop in which answers are awaited after a pause, as long as each brings some. */
const LISTEN_TURNS = 100;
/** Deadlines handled in one turn of the loop. */
const BATCH = 256;
/** setTimeout takes no more than 2^31 ms. */
const LONGEST_MS = 3_600_000;

function nodeTimer(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
}

export function createCheckRunner(options: RunnerOptions): CheckRunner {
  const { now, startProbe, onVerdict, onResult, maxRunning = MAX_RUNNING, timer = nodeTimer, defer = setImmediate } = options;
  const entries = new Map<string, Entry>();
  const due = createHeap<Entry>();
  /** Started by their machine, without a place yet; their deadline does not count. In the order in which they were due. */
  const held = new Set<Entry>();
  let running = 0;
  let heard = 0;
  let armedFor = NEVER;
  let disarm: (() => void) | undefined;
  let listening = false;

  function arm(): void {
    const at = due.top()?.at ?? NEVER;
    if (listening || at >= armedFor) return;
    disarm?.();
    armedFor = at;
    disarm = timer(Math.min(Math.max(0, Math.ceil(at - now())), LONGEST_MS), wake);
  }

  function wake(): void {
    const late = now() - armedFor;
    armedFor = NEVER;
    disarm = undefined;
    if (late > LATE_MS) listen(LISTEN_TURNS);
    else tickDue();
  }

  function listen(turns: number): void {
    listening = true;
    const before = heard;
    defer(() => {
      if (heard !== before && turns > 1) return listen(turns - 1);
      listening = false;
      tickDue();
    });
  }

  function tickDue(): void {
    const time = now();
    for (let i = 0; i < BATCH; i++) {
      const entry = due.top();
      if (!entry || entry.at > time) break;
      apply(entry, { type: 'tick', now: time });
    }
    launchHeld();
    arm();
  }

  function apply(entry: Entry, event: HealthEvent): void {
    const before = entry.state;
    const [state, effects] = step(entry.spec.check, before, event);
    entry.state = state;
    const latest = state.history[0];
    if (latest && latest !== before.history[0]) onResult?.(entry.spec.key, latest);
    for (const effect of effects) if (!entry.gone) perform(entry, effect);
    if (entry.gone || held.has(entry)) due.remove(entry);
    else due.set(entry, deadline(state));
  }

  function perform(entry: Entry, effect: HealthEffect): void {
    switch (effect.type) {
      case 'start':
        if (running < maxRunning) launch(entry, effect.id);
        else held.add(entry);
        break;
      case 'cancel':
        cancel(entry);
        break;
      case 'verdict':
        onVerdict(entry.spec.key, { from: effect.from, to: effect.to, reason: effect.reason });
    }
  }

  function launch(entry: Entry, id: number): void {
    const { check, address, port } = entry.spec;
    running++;
    entry.probe = startProbe(check, { address, port }, (result) => {
      if (entry.gone || entry.state.running?.id !== id) return;
      running--;
      heard++;
      entry.probe = undefined;
      apply(entry, { type: 'result', now: now(), id, result });
      launchHeld();
      arm();
    });
  }

  function cancel(entry: Entry): void {
    held.delete(entry);
    if (!entry.probe) return;
    entry.probe.cancel();
    entry.probe = undefined;
    running--;
  }

  function launchHeld(): void {
    for (const entry of held) {
      if (running >= maxRunning) return;
      held.delete(entry);
      const id = entry.state.running?.id;
      if (id === undefined) continue;
      launch(entry, id);
      apply(entry, { type: 'launched', now: now(), id });
    }
  }

  function remove(entry: Entry): void {
    entry.gone = true;
    cancel(entry);
    due.remove(entry);
    entries.delete(entry.spec.key);
  }

  function add(specs: readonly CheckSpec[], beginningOf: (key: string) => Beginning): void {
    const time = now();
    for (const [index, spec] of specs.entries()) {
      const offset = startOffset(index, specs.length, spec.check.interval);
      const state = initial(spec.check, time, offset, beginningOf(spec.key));
      const entry: Entry = { spec, state, probe: undefined, gone: false, at: NEVER, position: -1 };
      entries.set(spec.key, entry);
      due.set(entry, deadline(state));
    }
  }

  return {
    reconcile(specs, beginningOf) {
      const keys = new Set(specs.map((spec) => spec.key));
      for (const entry of [...entries.values()]) if (!keys.has(entry.spec.key)) remove(entry);
      add(
        specs.filter((spec) => !entries.has(spec.key)),
        beginningOf,
      );
      launchHeld();
      arm();
    },
    state: (key) => entries.get(key)?.state,
    states: () => ({
      *[Symbol.iterator]() {
        for (const [key, entry] of entries) yield [key, entry.state] as const;
      },
    }),
    undecided() {
      let count = 0;
      for (const entry of entries.values()) if (entry.state.verdict === 'unknown') count++;
      return count;
    },
    load: () => ({ running, waiting: held.size }),
    close() {
      for (const entry of [...entries.values()]) remove(entry);
      disarm?.();
      disarm = undefined;
      armedFor = NEVER;
    },
  };
}
