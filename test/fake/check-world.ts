/** The world of a check runner in tests: a clock that only the test moves, and servers that answer as they are told. */
import { createHeap, type Timed } from '../../src/daemon/check/heap.js';
import { createCheckRunner, type RunnerOptions } from '../../src/daemon/check/scheduler.js';
import type { ProbeResult, ResultRecord } from '../../src/health/types.js';
import type { Target } from '../../src/os/probe/types.js';

/** What a fake server does with a probe: answers after so many ms, or never. */
export type Server = (target: Target) => { after: number; result: ProbeResult } | undefined;

/** The world as the runner sees it, on a clock that only `advance` and `pause` move. */
export function checkWorld(server: Server, options: Partial<RunnerOptions> = {}) {
  let clock = 1_000_000;
  type Due = Timed & { fire: () => void };
  const timers = createHeap<Due>();
  /** Answers of servers: what the loop finds at its descriptors. */
  const answers = createHeap<Due>();
  const deferred: (() => void)[] = [];
  const starts: { at: number; address: string }[] = [];
  const verdicts: { at: number; key: string; text: string }[] = [];
  const results: { at: number; result: ResultRecord }[] = [];
  const open = new Set<object>();
  let most = 0;
  let arms = 0;
  const after = (heap: typeof timers, ms: number, fire: () => void) => {
    const one = { slot: -1, fire };
    heap.set(one, clock + ms);
    return () => heap.remove(one);
  };
  /** Fires what is due, in order. */
  const drain = (heap: typeof timers, until: number) => {
    for (let next = heap.top(); next && heap.first <= until; next = heap.top()) {
      clock = Math.max(clock, heap.first);
      heap.remove(next);
      next.fire();
    }
  };
  const runner = createCheckRunner({
    now: () => clock,
    startProbe(_probe, target, done) {
      starts.push({ at: clock - 1_000_000, address: target.address });
      const token = {};
      open.add(token);
      most = Math.max(most, open.size);
      const answer = server(target);
      const end = () => open.delete(token);
      const drop = answer && after(answers, answer.after, () => end() && done(answer.result));
      return {
        cancel() {
          drop?.();
          end();
        },
      };
    },
    onVerdict: (key, { from, to }) => verdicts.push({ at: clock - 1_000_000, key, text: `${from} -> ${to}` }),
    onResult: (_key, result) => results.push({ at: clock - 1_000_000, result: { ...result } }),
    timer(ms, fire) {
      arms++;
      return after(timers, ms, fire);
    },
    defer: (fire) => deferred.push(fire),
    ...options,
  });
  /** Turns of the loop in which no time passes, to the last. */
  const turn = () => {
    while (deferred.length > 0) {
      drain(answers, clock);
      for (const fire of deferred.splice(0)) fire();
    }
  };
  return {
    runner,
    starts,
    verdicts,
    results,
    open,
    most: () => most,
    arms: () => arms,
    time: () => clock - 1_000_000,
    /** Time passes and everything happens when it is due. */
    advance(ms: number) {
      const until = clock + ms;
      for (;;) {
        const at = Math.min(timers.first, answers.first);
        if (at > until) break;
        drain(timers, at);
        drain(answers, at);
        turn();
      }
      clock = until;
    },
    /** The process stands still; then, as in Node.js, overdue timers come first and the descriptors after them. */
    pause(ms: number) {
      clock += ms;
      drain(timers, clock);
      drain(answers, clock);
      turn();
    },
  };
}
