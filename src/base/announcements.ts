/** How a master tells the neighbours where its addresses are (gratuitous ARP, unsolicited NA): the words, and what holds without them. */
import type { Milliseconds } from './duration.js';
import type { Ip } from './ip.js';

export interface Announcements {
  /** Rounds of a burst, 1..100: each announces every address once. */
  readonly repeat: number;
  /** From the first burst to the second; 0: there is no second. */
  readonly delay: Milliseconds;
  /** From one refresh to the next while master; 0: none. */
  readonly refresh: Milliseconds;
  /** Rounds of a refresh. */
  readonly refreshRepeat: number;
  /** Least time between two frames on the interface, whichever instance they are of; 0: as fast as they go. Fractions count. */
  readonly interval: Milliseconds;
  /** After another master was heard. `repeat` 0: nothing is announced then. */
  readonly otherMaster: { readonly repeat: number; readonly delay: Milliseconds };
  /** Whose view of the addresses is asked for afterwards: the default gateway's, these neighbours', nobody's. */
  readonly verify: 'off' | 'gateway' | readonly Ip[];
}

/**
 * keepalived's two bursts of 5, five seconds apart; and, other than keepalived, a slow refresh: announcements are not acknowledged,
 * and a neighbour that has missed them all would send to the wrong host for good (user pain 3).
 *
 * `verify` is off because silence proves nothing by itself: a router may well not answer a request whose sender is outside the
 * networks that it knows on this link. Whoever knows that it answers has it asked.
 */
export const ANNOUNCEMENTS: Announcements = {
  repeat: 5,
  delay: 5000,
  refresh: 60_000,
  refreshRepeat: 1,
  interval: 0,
  otherMaster: { repeat: 5, delay: 5000 },
  verify: 'off',
};
