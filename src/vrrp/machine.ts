/**
 * The machine of one VRRP instance: RFC 9568 section 6.4 for version 3, RFC 3768 section 6.4 for version 2, and beside them
 *   - the gate at start: an instance waits until this director can forward (DESIGN section 3);
 *   - FAULT while the interface is of no use;
 *   - hand-over without a gap: whoever ceases to be master serves on until the next one is there (DESIGN section 7);
 *   - after a pause: listen, then act, then announce (DESIGN section 1).
 * The caller delivers every packet that is waiting before it delivers a tick.
 */
import { formatDuration, type Milliseconds } from '../base/duration.js';
import { compareIp, type Ip } from '../base/ip.js';
import { earliest, type Instant, NEVER } from '../base/time.js';
import type { HeldAddress, VrrpInstanceConfig } from '../config/types.js';
import type { Advert } from '../wire/vrrp.js';
import { admit } from './admit.js';
import { advertisedAddresses } from './advertised.js';
import { announceAgain, announceDue, announceNow, rescheduled } from './announcing.js';
import { sameHeld } from './held.js';
import {
  abandon,
  giveWay,
  handOver,
  leave,
  listen,
  note,
  OVERLAP,
  release,
  restartAdverts,
  retreat,
  sendAdvert,
  stay,
  takeOver,
  then,
} from './moves.js';
import { obstacle } from './obstacle.js';
import { clockText, nearlyStale } from './signing.js';
import { standDown, takesBack } from './stand-down.js';
import { masterDown, preempts, reckonedInterval, skewTime, trustedFor } from './timers.js';
import type { Gate, Link, Peer, Received, Resume, Step, VrrpEvent, VrrpState } from './types.js';
import { holdBack, needsWitness, onWitness } from './witness.js';

const OWNER = 255;
/** How long a starting instance waits for the gate. */
const GATE_WAIT: Milliseconds = 10_000;
/** How long a master that was stopped listens before it speaks: who else is master answers a wrong advert at once anyway. */
const LISTEN: Milliseconds = 200;

/** Before the `start` event. */
export function initial(now: Instant): VrrpState {
  return {
    phase: 'init',
    since: now,
    reason: 'not started',
    link: { usable: false, wait: true, reason: 'not started' },
    gate: { forwarding: 'starting', reason: '' },
    tracked: undefined,
    mates: undefined,
    gateUntil: NEVER,
    ran: false,
    masterInterval: 0,
    ableSince: now,
    downAt: NEVER,
    synced: false,
    witnessAt: -NEVER,
    asked: false,
    heldBack: false,
    preemptAt: NEVER,
    advertAt: NEVER,
    lastSent: -NEVER,
    listenUntil: NEVER,
    peer: undefined,
    holding: [],
    handover: undefined,
    standDown: undefined,
    announcing: undefined,
    calmUntil: -NEVER,
    notes: {},
  };
}

/** When the machine wants its next tick. */
export function deadline(state: VrrpState): Instant {
  const { announcing: rounds } = state;
  const announcing = rounds ? Math.min(rounds.nextAt, rounds.againAt, rounds.refreshAt) : NEVER;
  const gate = state.phase === 'init' && !state.ran ? state.gateUntil : NEVER;
  return earliest(state.downAt, state.advertAt, state.listenUntil, state.handover?.until ?? NEVER, announcing, gate);
}

const seconds = (ms: Milliseconds): string => formatDuration(ms < 1000 ? Math.round(ms) : Math.round(ms / 10) * 10);

/** Startup (RFC 9568 section 6.4.1). What it still holds goes on being handed over. */
function begin(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  if (conf.priority === OWNER) return takeOver(conf, state, now, 'address owner (priority 255)');
  const text = `listens for a master for ${seconds(masterDown(conf, conf.advertInterval))}`;
  const [next, effects] = listen(conf, state, now, text);
  return [{ ...next, handover: state.handover }, effects];
}

/** After anything that can raise or remove an obstacle. */
function reassess(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  const found = obstacle(state, now);
  if (state.phase === 'stopped') return stay(state);
  if (state.phase === 'leaving')
    return found?.phase === 'fault' && !found.serves ? abandon(state, now, found.reason) : stay(state);
  const waiting = state.phase === 'init' || state.phase === 'fault';
  if (!found) return waiting ? begin(conf, state, now) : stay(state);
  if (found.serves && state.phase === 'master') return handOver(conf, state, now, 'fault', found.reason);
  // Without the network there is nothing to hand over.
  if (!found.serves && state.phase === found.phase && state.handover) return release({ ...state, reason: found.reason }, now);
  return state.phase === found.phase && state.reason === found.reason
    ? stay(state)
    : retreat(state, now, found.phase, found.reason);
}

function onStart(
  conf: VrrpInstanceConfig,
  state: VrrpState,
  now: Instant,
  link: Link,
  gate: Gate,
  resume: Resume | undefined,
): Step {
  const next = { ...state, link, gate, gateUntil: now + GATE_WAIT };
  // The kernel's table outlives the daemon: who was master a moment ago does not wait for `ready`.
  const may = link.usable && gate.forwarding !== 'unusable' && next.tracked?.phase !== 'fault';
  const resumes = resume?.wasMaster && resume.lastAdvertAge < trustedFor(conf) && may;
  if (!resumes) return reassess(conf, next, now);
  return takeOver(conf, next, now, `goes on as master: its last advert is ${seconds(resume.lastAdvertAge)} old`);
}

/**
 * An interface that comes back is a start anew: what the checks found while it was away says nothing of the real servers, so the
 * gate, should it close now, is waited for again.
 */
function onLink(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, link: Link): Step {
  const back = link.usable && !state.link.usable && state.phase === 'fault';
  const gate = back ? { ran: false, gateUntil: now + GATE_WAIT } : {};
  return reassess(conf, { ...state, ...gate, link }, now);
}

// ---- adverts -----------------------------------------------------------------------------------------------------------------

function onAdvert(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, received: Received): Step {
  const { link, phase } = state;
  // RFC 9568 section 6.4.1: Initialize ignores adverts. A packet from our own address is our own, looped back.
  if (phase === 'init' || phase === 'stopped' || (phase === 'fault' && !state.handover)) return stay(state);
  if (link.usable && received.source === link.source) return stay(state);
  const admission = admit(conf, received);
  if ('rejection' in admission) return [state, [{ type: 'reject', rejection: admission.rejection, source: received.source }]];
  const { advert } = admission;
  if (phase === 'fault') return stay(advert.priority === 0 ? state : hastened(state, now));
  const peer: Peer = { address: received.source, priority: advert.priority, heardAt: now };
  const known = then(compareClocks(conf, state, now, received), (one) => compare(conf, one, now, peer, advert));
  return then(known, (one) => {
    if (phase === 'backup') return whileBackup(conf, one, now, peer, advert);
    return phase === 'master' ? whileMaster(conf, one, now, peer, advert) : whileLeaving(one, now, peer);
  });
}

/** Before adverts are refused for it. */
function compareClocks({ signing }: VrrpInstanceConfig, state: VrrpState, now: Instant, received: Received): Step {
  const { signature, source } = received;
  if (!signing || !signature || !nearlyStale(signing, signature)) return stay(state);
  const text = `${clockText(source, signature)}; beyond ${signing.window}s (time_window) its adverts are refused`;
  return note(state, now, 'clocks-differ', text);
}

/** Differences that are worth a word and no more (RFC 9568 section 7.1; user pain 4). */
function compare(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, peer: Peer, advert: Advert): Step {
  const differing = difference(conf, advert.addresses);
  const first: Step = differing
    ? note(state, now, 'addresses-differ', `${peer.address} advertises other addresses: ${differing}`)
    : stay(state);
  if (conf.version === 2 || advert.interval === conf.advertInterval) return first;
  const text = `${peer.address} advertises every ${formatDuration(advert.interval)}, this director every ${formatDuration(conf.advertInterval)}`;
  return then(first, (one) => note(one, now, 'interval-differs', text));
}

function difference(conf: VrrpInstanceConfig, theirs: readonly Ip[]): string {
  const ours = new Set(advertisedAddresses(conf));
  if (theirs.length === ours.size && theirs.every((one) => ours.has(one))) return '';
  const others = new Set(theirs);
  const missing = [...ours].filter((one) => !others.has(one)).map((one) => `-${one}`);
  const extra = [...others].filter((one) => !ours.has(one)).map((one) => `+${one}`);
  return [...missing, ...extra].slice(0, 10).join(' ');
}

/** A new master is there: the addresses stay a little longer, for it may advertise before it adds them. */
const hastened = (state: VrrpState, now: Instant): VrrpState =>
  state.handover ? { ...state, handover: { ...state.handover, until: Math.min(state.handover.until, now + OVERLAP) } } : state;

/** RFC 9568 section 6.4.2, steps (415) to (450). */
function whileBackup(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, peer: Peer, advert: Advert): Step {
  const heard = { ...state, peer, heldBack: false };
  if (peer.priority === 0) {
    // Only the known master's resignation matters, yet any priority 0 shortens the wait: the others' adverts lengthen it again.
    return stay({ ...heard, preemptAt: NEVER, downAt: now + skewTime(conf, state.masterInterval) });
  }
  const { handover } = hastened(state, now);
  const lower = peer.priority < conf.priority && takesBack(conf, state, now);
  const preemptAt = lower ? delayEnd(conf, state, now) : NEVER;
  if (lower && now >= preemptAt) return stay({ ...heard, handover, preemptAt });
  const masterInterval = reckonedInterval(conf, advert.interval);
  const same = state.peer?.address === peer.address && state.peer.priority === peer.priority;
  const reason = same ? state.reason : `${who(peer)} is master`;
  return stay({ ...heard, reason, handover, preemptAt, masterInterval, downAt: now + masterDown(conf, masterInterval) });
}

/**
 * Until then a lower master is as good as any. The delay runs from its first advert, or from when this director could serve; it is over
 * when the connections are here, where it waits for these.
 */
function delayEnd(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Instant {
  if (conf.syncedShare !== undefined && state.synced) return now;
  return conf.delayFrom === 'able' ? state.ableSince + conf.preemptDelay : Math.min(state.preemptAt, now + conf.preemptDelay);
}

/** RFC 9568 section 6.4.3, steps (700) to (770). */
function whileMaster(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, peer: Peer, advert: Advert): Step {
  if (peer.priority === 0) return restartAdverts(conf, state, now);
  const listening = state.listenUntil !== NEVER;
  const reason =
    stronger(conf, state, peer) ??
    (listening && !preempts(conf) ? `${who(peer)} took over while this process was stopped` : undefined);
  if (reason !== undefined) {
    // After a pause the other one has long been serving: nothing to bridge.
    return giveWay(conf, state, now, {
      peer,
      interval: reckonedInterval(conf, advert.interval),
      reason,
      overlap: listening ? 0 : OVERLAP,
    });
  }
  // Right after a take-over it is only the last word of the one before.
  const late = now - state.since <= conf.advertInterval;
  const told = late ? stay(state) : note(state, now, 'two-masters', `${who(peer)} advertises as master too`);
  return then(
    then(told, (one) => answer(conf, one, now)),
    (one) => announceAgain(conf, one, now),
  );
}

const who = (peer: Peer): string => `${peer.address} (priority ${peer.priority})`;

/** Why that master prevails, if it does: higher priority, or the same and the higher address, compared as unsigned numbers. */
function stronger(conf: VrrpInstanceConfig, state: VrrpState, peer: Peer): string | undefined {
  if (peer.priority > conf.priority) return `${who(peer)} has the higher priority`;
  if (peer.priority < conf.priority || !state.link.usable) return undefined;
  return compareIp(peer.address, state.link.source) > 0 ? `${who(peer)} has the same priority and the higher address` : undefined;
}

/** "Send an ADVERTISEMENT immediately", unless one is just on its way: a flood of adverts must not make two. */
function answer(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  if (state.listenUntil !== NEVER) return restartAdverts(conf, state, now);
  return now - state.lastSent < conf.advertInterval / 10 ? stay(state) : sendAdvert(conf, state, now);
}

/** Any master at all will do. */
function whileLeaving(state: VrrpState, now: Instant, peer: Peer): Step {
  if (peer.priority === 0 || !state.handover) return stay(state);
  return stay({ ...hastened(state, now), peer, reason: `${who(peer)} is master now` });
}

// ---- time --------------------------------------------------------------------------------------------------------------------

/** A master that has not spoken for so long that another may be master by now. */
function afterPause(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  if (state.phase !== 'master' || state.listenUntil !== NEVER) return stay(state);
  const silent = now - state.lastSent;
  if (silent <= masterDown(conf, conf.advertInterval)) return stay(state);
  const listenUntil = now + Math.min(LISTEN, conf.advertInterval);
  const next = { ...state, listenUntil, advertAt: NEVER, announcing: undefined, calmUntil: -NEVER };
  return note(next, now, 'stalled', `no advert could be sent for ${seconds(silent)}: this process was stopped; listens first`);
}

function onTick(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, objection?: string): Step {
  const { handover } = state;
  if (handover && now >= handover.until) {
    const left = state.peer ? state.reason : 'ordered stop: no other master was heard';
    return then(state.phase === 'leaving' ? abandon(state, now, left) : release(state, now), (one) =>
      onTick(conf, one, now, objection),
    );
  }
  if (state.phase === 'init' && !state.ran && now >= state.gateUntil) return reassess(conf, { ...state, ran: true }, now);
  if (state.phase === 'backup' && now >= state.downAt) return onMasterDown(conf, state, now, objection);
  return state.phase === 'master' ? masterTick(conf, state, now) : stay(state);
}

/** RFC 9568 section 6.4.2, step (385), unless the expiry is only noticed long after it: then nobody was heard because nobody listened. */
function onMasterDown(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, objection: string | undefined): Step {
  const wait = masterDown(conf, state.masterInterval);
  const late = now - state.downAt;
  // Asked again soon: the others know more by then.
  if (objection !== undefined && late <= wait) {
    const waits = { ...state, peer: undefined, downAt: now + state.masterInterval / 4, reason: objection };
    return note(waits, now, 'group', `${whyDown(conf, state, now)}, and it ${objection}`);
  }
  // Who gave the office away and still serves has heard of nobody's death.
  if (late <= wait && !state.handover && needsWitness(conf, state, now)) return holdBack(conf, state, now);
  if (late <= wait) return takeOver(conf, state, now, whyDown(conf, state, now));
  const reason = state.heldBack ? 'listens for a master' : state.reason;
  const next = { ...state, reason, heldBack: false, downAt: now + wait };
  return note(next, now, 'stalled', `this process was stopped for ${seconds(late)}: listens first`);
}

function whyDown(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): string {
  const { peer } = state;
  if (!peer) return `${state.handover ? 'nobody took over' : 'no master was heard'} for ${seconds(now - state.since)}`;
  if (peer.priority === 0) return `${peer.address} resigned (priority 0)`;
  if (peer.priority < conf.priority && preempts(conf) && now - peer.heardAt < masterDown(conf, state.masterInterval)) {
    return `priority ${conf.priority} preempts ${who(peer)}`;
  }
  return `no advert of ${who(peer)} for ${seconds(now - peer.heardAt)}`;
}

function masterTick(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Step {
  if (now >= state.listenUntil) return then(restartAdverts(conf, state, now), (one) => announceNow(conf, one, now));
  const advertised =
    now >= state.advertAt ? sendAdvert(conf, { ...state, advertAt: nextBeat(conf, state, now) }, now) : stay(state);
  return then(advertised, (one) => announceDue(conf, one, now));
}

/** The next advert keeps the phase of the ones before, so that small delays do not add up; missed beats are not made up for. */
function nextBeat(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): Instant {
  const interval = conf.advertInterval;
  const beat = state.advertAt + interval * (1 + Math.floor((now - state.advertAt) / interval));
  return beat - now < interval / 4 ? beat + interval : beat;
}

// ---- the rest ----------------------------------------------------------------------------------------------------------------

/** Its group goes together. */
function onLead(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, to: 'master' | 'backup', reason: string): Step {
  if (to === 'master') return state.phase === 'backup' ? takeOver(conf, state, now, reason) : stay(state);
  return state.phase === 'master' ? handOver(conf, state, now, 'backup', reason) : stay(state);
}

function onClaimed(state: VrrpState, now: Instant, address: Ip): Step {
  const { handover } = state;
  if (!handover?.unclaimed.includes(address)) return stay(state);
  const unclaimed = handover.unclaimed.filter((one) => one !== address);
  if (unclaimed.length === 0) return release(state, now);
  return stay({ ...state, handover: { unclaimed, until: Math.min(handover.until, now + OVERLAP) } });
}

const samePaths = (a: VrrpInstanceConfig, b: VrrpInstanceConfig): boolean =>
  JSON.stringify([a.routes, a.rules]) === JSON.stringify([b.routes, b.rules]);

const sameHoldings = (a: VrrpInstanceConfig, b: VrrpInstanceConfig): boolean =>
  samePaths(a, b) &&
  a.addresses.length === b.addresses.length &&
  a.addresses.every((one, i) => sameHeld(one, b.addresses[i] as HeldAddress));

/** A changed configuration takes effect in place: no election, no timer restarted that need not be. */
function onReconfigured(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, before: VrrpInstanceConfig): Step {
  if (state.phase === 'backup') return reconfigureBackup(conf, state, now, before);
  if (state.phase !== 'master') return stay(state);
  const kept = { ...rescheduled(conf, state, now, before), holding: conf.addresses };
  const first: Step = sameHoldings(conf, before)
    ? stay(kept)
    : then([kept, [{ type: 'addresses', want: conf.addresses }]], (one) => announceNow(conf, one, now));
  const says = (one: VrrpInstanceConfig) =>
    JSON.stringify([one.version, one.priority, one.advertInterval, one.password, one.v3Checksum, one.unicast, one.signing]);
  return says(conf) === says(before) ? first : then(first, (one) => restartAdverts(conf, one, now));
}

function reconfigureBackup(conf: VrrpInstanceConfig, state: VrrpState, now: Instant, before: VrrpInstanceConfig): Step {
  if (conf.priority === OWNER) return takeOver(conf, state, now, 'address owner (priority 255)');
  const masterInterval = state.peer && conf.version === 3 ? state.masterInterval : conf.advertInterval;
  const longer = masterDown(conf, masterInterval) - masterDown(before, state.masterInterval);
  const ableSince = conf.priority > before.priority ? now : state.ableSince;
  return stay({ ...state, masterInterval, ableSince, downAt: state.downAt + longer });
}

export function step(conf: VrrpInstanceConfig, state: VrrpState, event: VrrpEvent): Step {
  const { now } = event;
  switch (event.type) {
    case 'start':
      return onStart(conf, state, now, event.link, event.gate, event.resume);
    case 'tick':
      return then(afterPause(conf, state, now), (one) => onTick(conf, one, now, event.objection));
    case 'advert':
      return then(afterPause(conf, state, now), (one) => onAdvert(conf, one, now, event.received));
    case 'link':
      return onLink(conf, state, now, event.link);
    case 'gate':
      return reassess(conf, { ...state, gate: event.gate }, now);
    case 'hindered':
      return reassess(conf, { ...state, [event.by]: event.hindrance }, now);
    case 'lead':
      return onLead(conf, state, now, event.to, event.reason);
    case 'claimed':
      return onClaimed(state, now, event.address);
    case 'witness':
      return onTick(conf, onWitness(conf, state, now), now);
    case 'asked':
      return stay({ ...state, asked: event.someone });
    case 'restored':
      return state.phase === 'master' ? announceNow(conf, state, now) : stay(state);
    case 'reconfigured':
      return onReconfigured(conf, state, now, event.before);
    case 'stand-down':
      return state.phase === 'master' ? standDown(conf, state, now, event.until) : stay(state);
    case 'stand-up':
      return stay({ ...state, standDown: undefined });
    case 'synced':
      return stay({ ...state, synced: event.synced });
    case 'stop':
      return state.phase === 'leaving' || state.phase === 'stopped' ? stay(state) : leave(conf, state, now);
  }
}
