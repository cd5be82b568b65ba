/**
 * Other masters of the same VRID, and why there are two: an alarm that begins when one goes on after it must have heard this
 * director, or cannot ever take its adverts, and ends when it is silent or this director has given way. It watches; the election is
 * machine.ts's alone.
 */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import type { Ip } from '../base/ip.js';
import { type Instant, NEVER } from '../base/time.js';
import type { VrrpInstanceConfig } from '../config/types.js';
import type { Advert } from '../wire/vrrp.js';
import { admit } from './admit.js';
import { advertisedAddresses } from './advertised.js';
import { clockText } from './signing.js';
import type { Phase, Received, Rejection } from './types.js';

/**
 * `deaf`: its adverts are good and it takes no notice of ours. `lists`: the same, and its addresses are others, for which old
 * keepalived refuses an advert. `group`: it shares no address with this instance: somebody else's VRID. `refused`: we refuse its adverts.
 */
export type Cause = 'deaf' | 'lists' | 'group' | 'refused';

export interface Rival {
  readonly address: Ip;
  /** As it last said; undefined where its adverts cannot be read. */
  readonly priority: number | undefined;
  readonly cause: Cause;
  /** The likely cause, a sentence. */
  readonly text: string;
  readonly since: Instant;
  readonly last: Instant;
  readonly adverts: number;
  /** The two sides are set up differently: nothing will change until somebody changes that. */
  readonly mismatch: boolean;
  /** Silent until then, it is gone. */
  readonly until: Instant;
}

export interface Rivals {
  /** The latest heard last; MOST at most. */
  readonly list: readonly Rival[];
  /** What the running alarm was told with; undefined: none runs. */
  readonly alarm: string | undefined;
}

export const NO_RIVALS: Rivals = { list: [], alarm: undefined };

/** A flood of forged senders must not grow. */
const MOST = 8;
/** Three adverts in a row may be lost, as everywhere in VRRP. */
const SILENT_ADVERTS = 4;
const SILENT: Milliseconds = 1000;
/**
 * Where the two are set up differently. keepalived (2.2.7 at least) as a master starts its advert timer anew with every advert that it
 * hears and refuses: next to another master of the same interval it is nearly silent, and there all the same.
 */
const MISMATCHES: readonly Rejection[] = [
  ...(['version', 'auth-type', 'password', 'interval', 'destination', 'owner', 'no-addresses'] as const),
  ...(['unsigned', 'signed', 'trailer', 'key-id', 'signature', 'stale'] as const),
];
const SILENT_MISMATCH: Milliseconds = 60_000;

/** What of this director's state counts here. */
export interface Standing {
  readonly phase: Phase;
  readonly since: Instant;
}

const who = (address: Ip, priority: number): string => `${address} (priority ${priority})`;

function refusal(conf: VrrpInstanceConfig, received: Received, rejection: Rejection): string {
  const { decoded, ttl, destination } = received;
  const theirs = decoded.ok ? decoded.advert.version : decoded.version;
  switch (rejection) {
    case 'version':
      return `it speaks VRRPv${theirs}, this director VRRPv${conf.version}`;
    case 'auth-type':
      return conf.password === undefined ? 'it uses a password, this director none' : 'it uses no password, this director does';
    case 'password':
      return 'it has another password';
    case 'interval': {
      const interval = decoded.ok ? formatDuration(decoded.advert.interval) : '?';
      return `it advertises every ${interval}, this director every ${formatDuration(conf.advertInterval)}, and VRRPv2 wants them equal`;
    }
    case 'checksum':
      return 'their checksum is wrong: damaged on the way, or of another password or form';
    case 'peer':
      return 'it is none of unicast.peers here';
    case 'ttl':
      if (conf.unicast) return `they come with TTL ${ttl}, outside of the range of that peer`;
      return `they come with TTL ${ttl} instead of 255: through a router, or forged`;
    case 'destination':
      if (conf.unicast) return `they are sent to ${destination}: one side speaks unicast, the other to the group`;
      return `they are sent to ${destination}, not to the group: one side speaks unicast`;
    case 'no-addresses':
      return 'they name no address, and this director has some';
    case 'owner':
      return 'this director is the address owner (priority 255) and yields to nobody: is there a second owner?';
    default:
      return signingText(conf, received, rejection) ?? `they make no sense (${rejection})`;
  }
}

/** Of what is signed, or should be; undefined: the rejection is another one. */
function signingText(conf: VrrpInstanceConfig, { signature, source }: Received, rejection: Rejection): string | undefined {
  switch (rejection) {
    case 'unsigned':
      return 'it does not sign them, and this director takes signed ones only (authentication: mode: enforce)';
    case 'signed':
      return 'it signs them, and this director has no keys (authentication: type: hmac)';
    case 'trailer':
      return 'their signature is of a form that this director does not know';
    case 'key-id':
      return `they are signed with key ${signature?.keyId}, which this director does not have`;
    case 'signature':
      return `they are not signed with key ${signature?.keyId} of this director: its key of that number is another one, it is keepalived before 2.4.2, or they are forged`;
    case 'stale':
      return `they are of another time: ${signature ? clockText(source, signature) : ''}, by more than ${conf.signing?.window}s (time_window), or they were recorded and sent again`;
    case 'replay':
      return 'they are no newer than what it said before: recorded and sent again, or its clock was put back';
  }
  return undefined;
}

/** Why there are two, as far as one advert tells. */
function causeOf(
  conf: VrrpInstanceConfig,
  received: Received,
  rejection: Rejection | undefined,
  free: number | undefined,
): { cause: Cause; text: string } {
  const { decoded, source } = received;
  const advert = decoded.ok ? decoded.advert : undefined;
  const name = advert ? who(source, advert.priority) : source;
  if (advert && isForeign(conf, advert)) {
    const theirs = advert.addresses.slice(0, 3).join(', ');
    const hint = free === undefined ? '' : `; nobody was heard with ${free} there`;
    const text = `${name} uses VRID ${conf.vrid} on ${conf.interface} for other addresses (${theirs}): another group has the same virtual_router_id${hint}`;
    return { cause: 'group', text };
  }
  if (rejection !== undefined)
    return {
      cause: 'refused',
      text: `${name} is master too, and its adverts are refused: ${refusal(conf, received, rejection)}`,
    };
  if (advert && !sameList(conf, advert)) {
    const text = `${name} is master too and takes no notice of this director: its addresses are others, for which some routers refuse adverts; or it does not hear this director`;
    return { cause: 'lists', text };
  }
  const text = `${name} is master too and does not hear this director, which hears it: a packet filter, a switch or a setting there drops one direction`;
  return { cause: 'deaf', text };
}

const isForeign = (conf: VrrpInstanceConfig, advert: Advert): boolean => {
  const ours = new Set(advertisedAddresses(conf));
  return ours.size > 0 && advert.addresses.length > 0 && !advert.addresses.some((one) => ours.has(one));
};

function sameList(conf: VrrpInstanceConfig, advert: Advert): boolean {
  const ours = new Set(advertisedAddresses(conf));
  return ours.size === advert.addresses.length && advert.addresses.every((one) => ours.has(one));
}

const without = (list: readonly Rival[], address: Ip): Rival[] => list.filter((one) => one.address !== address);

/** An advert of another host, after the machine has dealt with it: `standing` is what this director is now; `free`: a VRID nobody uses. */
export function hearRival(
  conf: VrrpInstanceConfig,
  rivals: Rivals,
  received: Received,
  standing: Standing,
  now: Instant,
  free?: number,
): Rivals {
  const { decoded, source } = received;
  const admission = admit(conf, received);
  const rejection = 'rejection' in admission ? admission.rejection : undefined;
  const advert = decoded.ok ? decoded.advert : undefined;
  if (advert?.priority === 0) return { ...rivals, list: without(rivals.list, source) };
  const { cause, text } = causeOf(conf, received, rejection, free);
  // Right after a take-over it is only the last word of the one before.
  const settled = standing.phase === 'master' && now - standing.since > conf.advertInterval;
  if (!(settled || matters(cause, standing.phase))) return rivals;
  const known = rivals.list.find((one) => one.address === source);
  const interval = Math.max(conf.advertInterval, advert?.interval ?? 0);
  const mismatch = cause === 'refused' && rejection !== undefined && MISMATCHES.includes(rejection);
  const rival: Rival = {
    address: source,
    priority: advert?.priority,
    cause,
    text,
    since: known?.since ?? now,
    last: now,
    adverts: (known?.adverts ?? 0) + 1,
    mismatch,
    until: now + Math.max(mismatch ? SILENT_MISMATCH : SILENT, SILENT_ADVERTS * interval),
  };
  return { ...rivals, list: [...without(rivals.list, source), rival].slice(-MOST) };
}

/** Whether it is to be remembered whatever this director is: a backup that refuses a master's adverts will be master beside it. */
const matters = (cause: Cause, phase: Phase): boolean =>
  (cause === 'group' || cause === 'refused') && (phase === 'master' || phase === 'backup');

/** One that has spoken again an interval later has not taken our answer in; one that cannot take it need not speak again. */
const goesOn = (conf: VrrpInstanceConfig, one: Rival, phase: Phase): boolean =>
  (phase === 'master' || (one.cause === 'group' && phase === 'backup')) &&
  (one.mismatch || (one.adverts > 1 && one.last - one.since >= conf.advertInterval));

/** Rivals that are no passing moment. */
export const standingRivals = (conf: VrrpInstanceConfig, { list }: Rivals, phase: Phase): readonly Rival[] =>
  list.filter((one) => goesOn(conf, one, phase));

export const rivalsDeadline = ({ list }: Rivals): Instant => list.reduce((at, one) => Math.min(at, one.until), NEVER);

/** To be called after every advert and tick: `begun` and `over` are sentences for the administrator. */
export function reviewRivals(
  conf: VrrpInstanceConfig,
  rivals: Rivals,
  { phase }: Standing,
  now: Instant,
): { readonly rivals: Rivals; readonly begun?: string; readonly over?: string } {
  if (rivals === NO_RIVALS) return { rivals };
  const list = rivals.list.filter((one) => now < one.until && (phase === 'master' || matters(one.cause, phase)));
  const [first] = list.filter((one) => goesOn(conf, one, phase));
  if (first && rivals.alarm === undefined) return { rivals: { list, alarm: first.text }, begun: first.text };
  if (first || rivals.alarm === undefined) return { rivals: list.length > 0 || first ? { ...rivals, list } : NO_RIVALS };
  const over = phase === 'master' ? 'no other master is heard any more' : `this director is ${phase}`;
  return { rivals: { list, alarm: undefined }, over };
}
