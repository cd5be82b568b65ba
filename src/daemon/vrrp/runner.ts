/** One instance at work: its machine, fed with what happens on the host, and its effects carried out in the order they come. */
import { toHex } from '../../base/bytes.js';
import { formatPrefix, type Ip, type Prefix } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import type { VrrpPacket } from '../../os/vrrp-socket.js';
import { advertisedAddresses } from '../../vrrp/advertised.js';
import { announcementsOf } from '../../vrrp/announcing.js';
import { deadline, initial, step } from '../../vrrp/machine.js';
import {
  type Gate,
  instanceKey,
  type Link,
  type Resume,
  type VrrpEffect,
  type VrrpEvent,
  type VrrpState,
} from '../../vrrp/types.js';
import { AUTH_NONE, AUTH_PASS, decodeAdvert, encodeAdvert, NO_AUTH, passwordData, VRRP_GROUP } from '../../wire/vrrp.js';
import type { Beating } from './beat.js';
import { countRefusal, createCounters } from './counters.js';
import { createHolder, type Holder } from './holder.js';
import { createLateness } from './lateness.js';
import { judgeLink } from './network.js';
import { reportInstance } from './report.js';
import { createRivalWatch } from './rival-watch.js';
import type { Saved } from './store.js';
import type { Host, HostInterface } from './types.js';
import { createVerifier } from './verifier.js';
import { createWitness } from './witness.js';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

export interface Runner extends Beating {
  readonly key: string;
  conf(): VrrpInstanceConfig;
  /** `left` is what a predecessor wrote down. */
  start(gate: Gate, left: Saved | undefined): void;
  gate(gate: Gate): void;
  stop(): void;
  reconfigure(conf: VrrpInstanceConfig): void;
  packet(packet: VrrpPacket): void;
  /** Interfaces or addresses have changed. */
  networkChanged(): void;
  /** The kernel says that this address left the interface; networkChanged follows. */
  addressGone(prefix: Prefix): void;
  /** The interface was down or without carrier, if only for a moment; networkChanged follows. */
  linkLost(): void;
  deadline(): Instant;
  tick(): void;
  /** It is over: nothing is held, nothing will come. */
  ended(): boolean;
  isHeld(prefix: Prefix): boolean;
  /** `master` as long as it holds its addresses, also while it hands them over; else its phase. */
  role(): string;
  saved(): Saved;
  report(): ApiInstance;
}

/** Wait before what the system refused is tried again. */
const RETRY_MS = 1000;
/** Least time between two restorations of addresses that somebody keeps removing. */
const RESTORE_MS = 100;
/** The time of the last advert is written down at most this often; a process that is started again needs about as long. */
const SAVE_MS = 100;
const TELL_EVERY_MS = 60_000;

/** The bytes of this instance's adverts from `source`; checksum and all. */
function encode(conf: VrrpInstanceConfig, source: string, priority: number): Uint8Array {
  const auth = conf.version === 2 && conf.password !== undefined;
  const advert = {
    version: conf.version,
    vrid: conf.vrid,
    priority,
    interval: conf.advertInterval,
    addresses: advertisedAddresses(conf),
    authType: auth ? AUTH_PASS : AUTH_NONE,
    authData: auth ? passwordData(conf.password) : NO_AUTH,
  };
  return encodeAdvert(advert, { source, destination: VRRP_GROUP[conf.family] }, conf.v3Checksum);
}

const macOf = (on: HostInterface): string => (on.mac ? toHex(on.mac) : '');

const sameLink = (a: Link, b: Link): boolean =>
  a.usable ? b.usable && a.source === b.source : !b.usable && a.reason === b.reason && a.wait === b.wait;

export function createRunner(host: Host, first: VrrpInstanceConfig): Runner {
  const key = instanceKey(first);
  let conf = first;
  let state: VrrpState = initial(host.now());
  let holder: Holder = createHolder(host, conf.name, conf.interface, []);
  let claims: { close(): void } | undefined;
  let ended = false;
  /** Effects are being carried out. */
  let busy = 0;
  let retryAt: Instant = NEVER;
  let restoredAt: Instant = -NEVER;
  let restored = 0;
  let toldRestored: Instant = -NEVER;
  let savedAt: Instant = -NEVER;
  let toldFailure: Instant = -NEVER;
  const counters = createCounters();
  /** Adverts ready to send, by source and priority. BOUNDED: emptied with every change, two priorities a source. */
  const encoded = new Map<string, Uint8Array>();

  const tell = (text: string) => host.event('vrrp', conf.name, text);
  const lateness = createLateness();
  const reannounce = () => deliver({ type: 'restored' });
  const rivals = createRivalWatch({ now: host.now, conf: () => conf, tell, reannounce });
  const verifier = createVerifier({ host, conf: () => conf, tell });
  const witness = createWitness({ host, conf: () => conf, answered: () => deliver({ type: 'witness' }) });
  /** The MAC that neighbours were told, as text; undefined: the link was away since. */
  let toldMac: string | undefined;
  const saved = (): Saved => ({
    interface: conf.interface,
    master: state.phase === 'master',
    lastAdvert: Number.isFinite(state.lastSent) ? state.lastSent : null,
    held: holder.held(),
  });

  function save(urgency: 'now' | 'soon', intended: readonly Prefix[] = []): void {
    const known = saved();
    const extra = intended.filter((one) => !holder.isHeld(one));
    host.save(key, { ...known, held: [...known.held, ...extra] }, urgency);
    savedAt = host.now();
  }

  function deliver(event: Happening): void {
    const before = state;
    const [next, effects] = step(conf, state, { ...event, now: host.now() } as VrrpEvent);
    state = next;
    busy++;
    for (const effect of effects) perform(effect);
    busy--;
    if (state.lastSent !== before.lastSent) noteLateness(before);
  }

  /** Of an advert that a running master owed: since its beat, or after a stop, since an interval after the last one. */
  function noteLateness(before: VrrpState): void {
    if (before.phase !== 'master' || state.phase !== 'master') return;
    const due = before.advertAt < NEVER ? before.advertAt : before.lastSent + conf.advertInterval;
    lateness.note(host.now() - due, host.now());
  }

  function perform(effect: VrrpEffect): void {
    switch (effect.type) {
      case 'advert':
        return send(effect.priority);
      case 'addresses':
        return hold(effect.want);
      case 'announce':
        return announce(effect.addresses);
      case 'watch':
        return watch(effect.on);
      case 'transition':
        if (effect.to === 'master') counters.becameMaster++;
        if (effect.from === 'master') silence();
        tell(`${effect.from} -> ${effect.to}: ${effect.reason}`);
        return save('soon');
      case 'reject':
        if (countRefusal(counters, effect.rejection, effect.source, host.now()))
          tell(`adverts of ${effect.source} are refused: ${effect.rejection}`);
        return;
      case 'note':
        return tell(effect.text);
      case 'stopped':
        witness.close();
        ended = true;
    }
  }

  function send(priority: number): void {
    const port = host.ports.find(conf.family, conf.interface);
    if (!port) return;
    const at = `${port.source} ${priority}`;
    const bytes = encoded.get(at) ?? encode(conf, port.source, priority);
    encoded.set(at, bytes);
    const result = port.send(bytes);
    if (result === 0) counters.sent++;
    else failed(`an advert cannot be sent on ${conf.interface}: errno ${-result}`);
    if (host.now() - savedAt >= Math.max(SAVE_MS, conf.advertInterval / 2)) save('soon');
  }

  /** What still waits to be announced must not follow the announcements of a new master. */
  function silence(): void {
    verifier.end();
    const on = host.network.link(conf.interface);
    if (on)
      host.announcer.cancel(
        on,
        state.holding.map((one) => one.address),
      );
  }

  function failed(text: string): void {
    if (host.now() - toldFailure < TELL_EVERY_MS) return;
    toldFailure = host.now();
    host.log('warn', text, { instance: conf.name });
  }

  /** On record before it is done: a successor must recognise what this process was about to add. */
  function hold(want: readonly Prefix[]): void {
    verifier.end();
    if (want.length > 0) save('now', want);
    const on = host.network.link(conf.interface);
    const gone = holder.held().filter((one) => !want.some((other) => formatPrefix(other) === formatPrefix(one)));
    if (on)
      host.announcer.cancel(
        on,
        gone.map((one) => one.address),
      );
    holder.reconcile(want);
    if (holder.lacking()) retryAt = host.now() + RETRY_MS;
    save('soon');
  }

  function announce(addresses: readonly string[]): void {
    const on = host.network.link(conf.interface);
    const there = addresses.filter((one) => !holder.lacks(one));
    if (!on) return;
    toldMac = macOf(on);
    host.announcer.announce(on, there, announcementsOf(conf).interval);
    verifier.announced(on, there);
  }

  function watch(on: boolean): void {
    claims?.close();
    claims = undefined;
    const link = host.network.link(conf.interface);
    if (!on || !link?.mac) return;
    try {
      claims = host.watchClaims(conf.family, link, link.mac, ({ address }) => deliver({ type: 'claimed', address }));
    } catch (error) {
      // Without it the hand-over only takes its full 100 ms.
      failed(`announcements on ${conf.interface} cannot be watched: ${(error as Error).message}`);
    }
  }

  /** The interface as it is now, with sockets on it when it is usable. */
  function look(): Link {
    const link = judgeLink(host.network, conf, (one) => one.own || host.isHeld(conf.interface, one));
    const on = host.network.link(conf.interface);
    if (!link.usable || !on) return link;
    try {
      host.ports.open(conf.family, on, link.source);
      return link;
    } catch (error) {
      retryAt = host.now() + RETRY_MS;
      return { usable: false, wait: false, reason: `no VRRP socket on ${conf.interface}: ${(error as Error).message}` };
    }
  }

  function networkChanged(): void {
    const link = look();
    const back = link.usable && !state.link.usable && state.phase === 'fault';
    if (!sameLink(link, state.link)) deliver({ type: 'link', link });
    if (back) host.recheck();
    restore();
    announceFrom(host.network.link(conf.interface));
  }

  /** Neighbours and switches may have forgotten the addresses with the link, and have never heard of another MAC. */
  function announceFrom(on: HostInterface | undefined): void {
    if (state.phase !== 'master' || !on?.mac || macOf(on) === toldMac) return;
    verifier.end();
    reannounce();
  }

  /** Puts back what somebody removed from a master, not more often than RESTORE_MS. */
  function restore(): void {
    if (state.phase !== 'master') return;
    const missing = state.holding.some((one) => !holder.isHeld(one));
    if (!missing) return;
    const now = host.now();
    if (now < restoredAt + RESTORE_MS) {
      retryAt = Math.min(retryAt, restoredAt + RESTORE_MS);
      return;
    }
    const added = holder.reconcile(state.holding);
    if (holder.lacking()) retryAt = Math.min(retryAt, now + RETRY_MS);
    if (added.length === 0) return;
    restoredAt = now;
    tellRestored(added, now);
    save('soon');
    deliver({ type: 'restored' });
  }

  /** The first time, then once a minute: somebody may fight for the address. */
  function tellRestored(added: readonly Ip[], now: Instant): void {
    restored++;
    if (now - toldRestored < TELL_EVERY_MS) return;
    const again = restored > 1 ? ` (${restored} times by now)` : '';
    toldRestored = now;
    tell(`${added.join(', ')} had been removed from ${conf.interface} and was added again${again}`);
  }

  /** What a predecessor added and the kernel still has: on record, or marked as lbd's. */
  function leftovers(left: Saved | undefined): Prefix[] {
    const on = host.network.link(conf.interface);
    const known = new Set(left?.held.map(formatPrefix));
    const ours = new Set(conf.addresses.map(formatPrefix));
    const present = on ? host.network.addresses(on.index) : [];
    return present
      .filter((one) => known.has(formatPrefix(one)) || (one.own && ours.has(formatPrefix(one))))
      .map(({ address, length }) => ({ address, length }));
  }

  function start(gate: Gate, left: Saved | undefined): void {
    const found = leftovers(left);
    holder = createHolder(host, conf.name, conf.interface, found);
    const resume: Resume | undefined =
      left && left.lastAdvert !== null ? { wasMaster: left.master, lastAdvertAge: host.now() - left.lastAdvert } : undefined;
    deliver({ type: 'start', link: look(), gate, resume });
    if (state.phase !== 'master' && found.length > 0) {
      tell(`removes what an earlier process left on ${conf.interface}: ${found.map(formatPrefix).join(', ')}`);
      hold([]);
    }
    save('soon');
  }

  return {
    key,
    conf: () => conf,
    start,
    gate: (gate) => deliver({ type: 'gate', gate }),
    stop: () => deliver({ type: 'stop' }),
    reconfigure(next) {
      const before = conf;
      conf = next;
      encoded.clear();
      deliver({ type: 'reconfigured', before });
    },
    packet({ source, destination, ttl, payload }) {
      const before = counters.refusals;
      const decoded = decodeAdvert(payload, { source, destination });
      const received = { decoded, source, destination, ttl };
      deliver({ type: 'advert', received });
      if (!state.link.usable || source !== state.link.source) rivals.heard(received, state);
      if (counters.refusals === before) counters.received++;
    },
    networkChanged,
    addressGone: (prefix) => holder.lost(prefix),
    linkLost: () => {
      toldMac = undefined;
    },
    deadline: () => Math.min(deadline(state), retryAt, rivals.deadline(), verifier.deadline(), witness.deadline(state)),
    tick() {
      if (host.now() >= retryAt) {
        retryAt = NEVER;
        networkChanged();
      }
      deliver({ type: 'tick' });
      rivals.tick(state);
      verifier.tick();
      witness.tick(state);
    },
    beat() {
      if (busy === 0 && state.phase === 'master' && host.now() >= state.advertAt) deliver({ type: 'tick' });
    },
    ended: () => ended,
    isHeld: (prefix) => holder.isHeld(prefix),
    role: () => (state.phase === 'master' || state.holding.length > 0 ? 'master' : state.phase),
    saved,
    report: () =>
      reportInstance(conf, state, counters, holder, host.now(), {
        rivals: rivals.report(state),
        lateness: lateness.report(host.now()),
        announcements: verifier.report(),
      }),
  };
}
