/**
 * Whether neighbours know where the addresses are. Each is asked in the address's name (an ARP request or a neighbour solicitation
 * whose sender is the address at our MAC): whoever takes the question in sets its entry by it (RFC 826; RFC 4861 section 7.2.3), and
 * the answer comes to that MAC through the switches between. So an answer proves the entry and the way; none proves nothing, and the
 * announcement and the question are repeated, for as long as this director is master.
 */
import type { Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import type { Instant } from '../base/time.js';

export interface Pair {
  readonly address: Ip;
  readonly neighbour: Ip;
}

export interface Verification {
  /** Questions without an answer. */
  readonly waiting: readonly Pair[];
  readonly since: Instant;
  /** When those are asked again. */
  readonly nextAt: Instant;
  readonly gap: Milliseconds;
  /** It has been told that answers are missing. */
  readonly alarmed: boolean;
}

const FIRST_GAP: Milliseconds = 200;
/** As often as that in the first minute: a link that is cut off for some seconds is right a second after it is back. */
const OFTEN: Milliseconds = 1000;
const PATIENCE: Milliseconds = 60_000;
const SELDOM: Milliseconds = 10_000;
/** Without an answer for so long the administrator is told. */
const ALARM: Milliseconds = 3000;

/** The questions of `waiting` go out with this. */
export const beginVerification = (waiting: readonly Pair[], now: Instant): Verification => ({
  waiting,
  since: now,
  nextAt: now + FIRST_GAP,
  gap: FIRST_GAP,
  alarmed: false,
});

export const answered = (state: Verification, { address, neighbour }: Pair): Verification => ({
  ...state,
  waiting: state.waiting.filter((one) => one.address !== address || one.neighbour !== neighbour),
});

/** To be called when `nextAt` has come: what is asked again then, and whether this is the moment to tell. */
export function askAgain(
  state: Verification,
  now: Instant,
): { readonly state: Verification; readonly ask: readonly Pair[]; readonly tell: boolean } {
  const longest = now - state.since < PATIENCE ? OFTEN : SELDOM;
  const gap = Math.min(longest, 2 * state.gap);
  const late = now - state.since >= ALARM;
  return {
    state: { ...state, gap, nextAt: now + gap, alarmed: state.alarmed || late },
    ask: state.waiting,
    tell: late && !state.alarmed,
  };
}
