/** The doing half of pool/suspicion.ts: its timer, its references, and what is told. */
import type { Ip } from '../../base/ip.js';
import { NEVER } from '../../base/time.js';
import type { SuspicionConfig } from '../../config/types.js';
import { passageOf } from '../../config/via.js';
import type { CheckSpec, ResultRecord, Verdict } from '../../health/types.js';
import type { Probe, StartProbe } from '../../os/probe/types.js';
import {
  initialSuspicion,
  isDoubtful,
  isExpected,
  isHeld,
  type SuspicionEffect,
  type SuspicionEvent,
  suspect,
  suspicionDeadline,
} from '../../pool/suspicion.js';

export interface SuspicionOptions {
  readonly now: () => number;
  readonly startProbe: StartProbe;
  readonly tell: (text: string) => void;
  /** The verdicts of these checks begin, or end, not to count. */
  readonly decide: (keys: ReadonlySet<string>) => void;
  /** A real server that takes traffic depends on the check. */
  readonly serves: (key: string) => boolean;
  /** Where the configuration wants it: another director should serve, or need no longer. */
  readonly yields: (now: boolean) => void;
}

export interface Suspicion {
  use(conf: SuspicionConfig | undefined): void;
  /** Checks that begin, and end. */
  change(fresh: readonly CheckSpec[], gone: readonly string[]): void;
  /** With every result, before its verdict is told. */
  result(key: string, result: ResultRecord, verdicts: { readonly before: Verdict; readonly after: Verdict }): void;
  down(key: string): void;
  holds(key: string): boolean;
  /** In one sentence; undefined: no suspicion. */
  readonly text: string | undefined;
  close(): void;
}

/** One round of the references. */
const ROUND_MS = 1000;

/** Their results say nothing of a network. */
const LOCAL_TYPES: readonly string[] = ['file'];

const hostOf = ({ check, address }: CheckSpec): Ip => passageOf(check)?.address ?? address;

export function createSuspicion({ now, startProbe, tell, decide, serves, yields }: SuspicionOptions): Suspicion {
  const known = new Map<string, CheckSpec>();
  let conf: SuspicionConfig | undefined;
  let state = initialSuspicion();
  let text: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let round: NodeJS.Timeout | undefined;
  let asking: Probe[] = [];
  let yielding = false;

  function stopAsking(): void {
    clearTimeout(round);
    for (const probe of asking.splice(0)) probe.cancel();
  }

  /** Until one answers or the suspicion ends. */
  function ask(): void {
    stopAsking();
    const references = conf?.references ?? [];
    if (references.length === 0) return;
    asking = references.map((address) =>
      startProbe({ type: 'icmp' }, { address, port: 0 }, ({ ok }) => ok && feed({ type: 'reference', address })),
    );
    round = setTimeout(ask, ROUND_MS);
  }

  function perform(effect: SuspicionEffect): void {
    text = effect.type === 'suspect' ? effect.text : undefined;
    tell(effect.text);
    if (effect.type === 'over') {
      stopAsking();
      return decide(effect.keys);
    }
    ask();
    // What was taken out before it was known that they are many.
    decide(new Set(state.held?.keys));
  }

  function tellYield(): void {
    const next = conf?.yields === true && isDoubtful(state);
    if (next === yielding) return;
    yielding = next;
    yields(next);
  }

  function feed(event: SuspicionEvent): void {
    if (!conf) return;
    const before = suspicionDeadline(state);
    const effects = suspect(conf, state, event, now());
    tellYield();
    for (const effect of effects) perform(effect);
    if (suspicionDeadline(state) !== before) arm();
  }

  function arm(): void {
    clearTimeout(timer);
    const at = suspicionDeadline(state);
    if (at !== NEVER) timer = setTimeout(() => (now() < at ? arm() : feed({ type: 'tick' })), Math.max(1, Math.ceil(at - now())));
  }

  function forgetAll(): void {
    clearTimeout(timer);
    stopAsking();
    const held = state.held?.keys;
    state = initialSuspicion();
    text = undefined;
    if (held) decide(held);
  }

  return {
    use(next) {
      if (next === undefined && conf !== undefined) forgetAll();
      conf = next;
      tellYield();
    },
    change(fresh, gone) {
      for (const spec of fresh) if (!LOCAL_TYPES.includes(spec.check.type)) known.set(spec.key, spec);
      for (const key of gone) {
        known.delete(key);
        feed({ type: 'gone', key });
      }
    },
    result(key, { ok, local }, { before, after }) {
      if (ok && isExpected(state, key)) return;
      const spec = known.get(key);
      // A success that does not make it up is no answer yet: its server would be taken out at the end.
      if (local || !spec || (ok && after !== 'up')) return;
      // One that was never up has not failed, unless its server serves all the same: after a restart, or with a check that is new.
      const up = ok || before === 'up' || (before === 'unknown' && serves(key));
      feed({ type: 'result', key, host: hostOf(spec), timing: spec.check, ok, up });
    },
    down: (key) => feed({ type: 'down', key }),
    holds: (key) => isHeld(state, key),
    get text() {
      return text;
    },
    close() {
      clearTimeout(timer);
      stopAsking();
    },
  };
}
