/** One instance at work: its machine, fed with what happens on the host, and its effects carried out in the order they come. */
import { toHex } from '../../base/bytes.js';
import type { Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { HeldAddress, VrrpInstanceConfig } from '../../config/types.js';
import type { ApiEventChange } from '../../control/api.js';
import { announcementsOf } from '../../vrrp/announcing.js';
import { devicesOf, heldKey } from '../../vrrp/held.js';
import { deadline, initial, step } from '../../vrrp/machine.js';
import {
  type Gate,
  type Hindrance,
  instanceKey,
  type Link,
  type Resume,
  type VrrpEffect,
  type VrrpEvent,
  type VrrpState,
} from '../../vrrp/types.js';
import { decodeAdvert, VRRP_TTL } from '../../wire/vrrp.js';
import { countRefusal, createCounters } from './counters.js';
import { type FailoverOutcome, failoverOutcome } from './failover.js';
import { createClosing } from './guard.js';
import { createHolder, type Holder } from './holder.js';
import { createLateness } from './lateness.js';
import { leftBehind } from './left-behind.js';
import { judgeLink } from './network.js';
import { createAdverts } from './packing.js';
import { createPaths, type HeldPaths, hasPaths, NO_PATHS, type Paths } from './paths.js';
import type { Port, PortWords } from './ports.js';
import { reportInstance } from './report.js';
import { createRestored, TELL_EVERY_MS } from './restored.js';
import { createRivalWatch } from './rival-watch.js';
import type { Runner } from './runner-types.js';
import { createSigner } from './signer.js';
import type { Saved } from './store.js';
import { createTracker } from './tracker.js';
import type { Host, HostInterface } from './types.js';
import { createVerifier } from './verifier.js';
import { createVmac, type SavedVmac, type Vmac } from './vmac.js';
import { createWitness } from './witness.js';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

/** Wait before what the system refused is tried again. */
const RETRY_MS = 1000;
/** Least time between two restorations of addresses that somebody keeps removing. */
const RESTORE_MS = 100;
/** The time of the last advert is written down at most this often; a process that is started again needs about as long. */
const SAVE_MS = 100;
/** Routes and rules that somebody removed are back within this. */
const ASSERT_MS = 1000;

const optionalVmac = (vmac: SavedVmac | undefined) => (vmac ? { vmac } : {});

const both = (a: HeldPaths, b: HeldPaths): HeldPaths => ({
  routes: [...a.routes, ...b.routes],
  rules: [...a.rules, ...b.rules],
});

/** Who speaks to peers does not hear the group. */
const portWords = ({ unicast }: VrrpInstanceConfig): PortWords => ({ group: !unicast, ttl: unicast?.ttl ?? VRRP_TTL });

const macOf = (on: HostInterface): string => (on.mac ? toHex(on.mac) : '');

const sameLink = (a: Link, b: Link): boolean =>
  a.usable ? b.usable && a.source === b.source : !b.usable && a.reason === b.reason && a.wait === b.wait;

export function createRunner(host: Host, first: VrrpInstanceConfig): Runner {
  const key = instanceKey(first);
  const tracker = createTracker(host);
  let base = first;
  /** With the priority that what it tracks gives it. */
  let conf = first;
  let state: VrrpState = initial(host.now());
  let holder: Holder = createHolder(host, conf.name, conf.interface, []);
  let paths: Paths = createPaths(host, conf.name, NO_PATHS);
  let port: Port | undefined;
  let vmac: Vmac = newVmac(undefined);
  let assertAt: Instant = NEVER;
  let claims: { close(): void } | undefined;
  let ended = false;
  /** Effects are being carried out. */
  let busy = 0;
  let retryAt: Instant = NEVER;
  let restoredAt: Instant = -NEVER;
  let savedAt: Instant = -NEVER;
  let toldFailure: Instant = -NEVER;
  let asked: ((outcome: FailoverOutcome) => void) | undefined;
  let syncText = 'the other director has not been asked yet';
  const counters = createCounters();
  const signer = createSigner(host, () => conf);
  const adverts = createAdverts(host, () => conf, signer);

  const tell = (text: string, change?: ApiEventChange) => host.event('vrrp', conf.name, text, change);
  const restored = createRestored(() => conf.interface, tell);
  const pathsOf = (): HeldPaths => ({ routes: conf.routes ?? [], rules: conf.rules ?? [] });
  const lateness = createLateness();
  const reannounce = () => deliver({ type: 'restored' });
  const rivals = createRivalWatch({ host, conf: () => conf, base: () => base, tell, reannounce });
  const verifier = createVerifier({ host, conf: () => conf, tell });
  const closing = createClosing({ host, key, conf: () => conf, held: () => holder.held() });
  const witness = createWitness({
    host,
    conf: () => conf,
    answered: () => deliver({ type: 'witness' }),
    asks: (someone) => someone !== state.asked && deliver({ type: 'asked', someone }),
  });
  /** The MAC that neighbours were told, as text; undefined: the link was away since. */
  let toldMac: string | undefined;
  const saved = (): Saved => ({
    interface: conf.interface,
    master: state.phase === 'master',
    lastAdvert: Number.isFinite(state.lastSent) ? state.lastSent : null,
    held: holder.held(),
    ...(hasPaths(paths.held()) ? { paths: paths.held() } : {}),
    ...optionalVmac(vmac.saved()),
    ...(conf.accept === false ? { closed: true } : {}),
    ...signer.saved(),
  });

  function newVmac(left: SavedVmac | undefined): Vmac {
    return createVmac(
      host,
      () => conf,
      left,
      () => save('now'),
    );
  }

  /** `intended`: what a master is about to add, and its routes. */
  function save(urgency: 'now' | 'soon', intended?: readonly HeldAddress[]): void {
    const known = saved();
    const extra = (intended ?? []).filter((one) => !holder.isHeld(one));
    const routes = intended && hasPaths(pathsOf()) ? { paths: both(paths.held(), pathsOf()) } : {};
    host.save(key, { ...known, held: [...known.held, ...extra], ...routes }, urgency);
    savedAt = host.now();
  }

  /** Before the table is made: a process that is killed right after it must not leave one that nobody knows of. */
  function recordClosing(): void {
    if (conf.accept === false) save('now');
  }

  function deliver(event: Happening): void {
    const before = state;
    const [next, effects] = step(conf, state, { ...event, now: host.now() } as VrrpEvent);
    state = next;
    busy++;
    const first = before.phase !== 'master' && next.phase === 'master';
    for (const effect of effects) perform(effect, first);
    busy--;
    if (state.lastSent !== before.lastSent) noteLateness(before);
    const outcome = asked && failoverOutcome(conf.name, state);
    if (!asked || !outcome) return;
    const tellOutcome = asked;
    asked = undefined;
    tellOutcome(outcome);
  }

  /** Of an advert that a running master owed: since its beat, or after a stop, since an interval after the last one. */
  function noteLateness(before: VrrpState): void {
    if (before.phase !== 'master' || state.phase !== 'master') return;
    const due = before.advertAt < NEVER ? before.advertAt : before.lastSent + conf.advertInterval;
    lateness.note(host.now() - due, host.now());
  }

  const prioritized = (priority: number): VrrpInstanceConfig => (priority === base.priority ? base : { ...base, priority });

  function hinder(by: 'tracked' | 'mates', hindrance: Hindrance | undefined): void {
    if (hindrance?.reason !== state[by]?.reason || hindrance?.phase !== state[by]?.phase)
      deliver({ type: 'hindered', by, hindrance });
  }

  /** What is in FAULT first leaves, and then has another priority; what comes back has it when it begins. */
  function track(beginning = false): void {
    const { priority, hindrance: tracked } = tracker.look(base, beginning);
    const hindrance = closing.hindrance(state) ?? tracked;
    if (hindrance?.phase === 'fault') hinder('tracked', hindrance);
    if (priority !== conf.priority) {
      const before = conf;
      conf = prioritized(priority);
      adverts.clear();
      if (!beginning) deliver({ type: 'reconfigured', before });
    }
    hinder('tracked', hindrance);
  }

  function perform(effect: VrrpEffect, first: boolean): void {
    switch (effect.type) {
      case 'advert':
        return first ? host.takenOver(conf.name, () => state.phase === 'master' && send(effect.priority)) : send(effect.priority);
      case 'addresses':
        return hold(effect.want);
      case 'announce':
        return announce(effect.addresses);
      case 'watch':
        return watch(effect.on);
      case 'transition':
        if (effect.to === 'master') counters.becameMaster++;
        if (effect.from === 'master') silence();
        host.moved({ name: conf.name, from: effect.from, to: effect.to });
        tell(`${effect.from} -> ${effect.to}: ${effect.reason}`, { cause: effect.reason, before: effect.from, after: effect.to });
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
        vmac.remove();
        closing.end();
    }
  }

  function send(priority: number): void {
    if (!port) return;
    const results = adverts.send(port, priority);
    const refused = results.find((one) => one < 0);
    if (results.some((one) => one === 0)) counters.sent++;
    if (refused !== undefined) failed(`an advert cannot be sent on ${conf.interface}: errno ${-refused}`);
    if (host.now() - savedAt >= Math.max(SAVE_MS, conf.advertInterval / 2)) save('soon');
  }

  /** What still waits to be announced must not follow the announcements of a new master. */
  function silence(): void {
    verifier.end();
    cancel(state.holding);
  }

  function cancel(addresses: readonly HeldAddress[]): void {
    each(addresses, (on, some) => host.announcer.cancel(on, some));
  }

  /** By the interface that has them, as far as there is one. */
  function each(addresses: readonly HeldAddress[], work: (on: HostInterface, some: readonly Ip[]) => void): void {
    for (const name of devicesOf(conf)) {
      const on = host.network.link(name);
      const some = addresses.filter((one) => (one.dev ?? conf.interface) === name).map((one) => one.address);
      if (on && some.length > 0) work(on, some);
    }
  }

  function failed(text: string): void {
    if (host.now() - toldFailure < TELL_EVERY_MS) return;
    toldFailure = host.now();
    host.log('warn', text, { instance: conf.name });
  }

  /** On record before it is done: a successor must recognise what this process was about to add. */
  function hold(want: readonly HeldAddress[]): void {
    verifier.end();
    const masters = want.length > 0 || (conf.addresses.length === 0 && state.phase === 'master');
    if (masters) save('now', want);
    closing.ensure();
    const wanted = new Set(want.map(heldKey));
    cancel(holder.held().filter((one) => !wanted.has(heldKey(one))));
    // Routes may name addresses as their source: they come after them, and go before.
    if (!masters) paths.reconcile(NO_PATHS);
    if (masters) vmac.up(true);
    holder.reconcile(want);
    if (!masters) vmac.up(false);
    if (masters) paths.reconcile(pathsOf());
    assertAt = masters && (hasPaths(pathsOf()) || conf.vmac) ? host.now() + ASSERT_MS : NEVER;
    if (holder.lacking()) retryAt = host.now() + RETRY_MS;
    closing.ensure();
    save('soon');
  }

  function announce(addresses: readonly string[]): void {
    const there = state.holding.filter((one) => addresses.includes(one.address) && !holder.lacks(one));
    const own = carrier();
    if (own) toldMac = macOf(own);
    each(there, (on, some) => {
      host.announcer.announce(on, some, announcementsOf(conf).interval);
      if (on.name === own?.name) verifier.announced(on, some);
    });
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
      port = host.ports.open(conf.family, on, link.source, portWords(conf));
      const trouble = vmac.ready(on);
      if (trouble !== undefined) retryAt = host.now() + RETRY_MS;
      return trouble === undefined ? link : { usable: false, wait: false, reason: trouble };
    } catch (error) {
      retryAt = host.now() + RETRY_MS;
      return { usable: false, wait: false, reason: `no VRRP socket on ${conf.interface}: ${(error as Error).message}` };
    }
  }

  function networkChanged(): void {
    track();
    const link = look();
    const back = link.usable && !state.link.usable && state.phase === 'fault';
    if (!sameLink(link, state.link)) deliver({ type: 'link', link });
    if (back) host.recheck();
    restore();
    announceFrom(carrier());
  }

  /** The interface that has the addresses, but those that name another one. */
  const carrier = (): HostInterface | undefined => host.network.link(conf.vmac?.name ?? conf.interface);

  /** Neighbours and switches may have forgotten the addresses with the link, and have never heard of another MAC. */
  function announceFrom(on: HostInterface | undefined): void {
    if (state.phase !== 'master' || !on?.mac || macOf(on) === toldMac) return;
    verifier.end();
    reannounce();
  }

  /** Puts back what somebody removed from a master, not more often than RESTORE_MS. */
  function restore(): void {
    if (state.phase !== 'master') return;
    if (assertAt !== NEVER) assertPaths();
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
    restored.tell(added, now);
    save('soon');
    deliver({ type: 'restored' });
  }

  function assertPaths(): void {
    assertAt = host.now() + ASSERT_MS;
    if (conf.vmac) vmac.up(true);
    paths.assert();
  }

  function start(gate: Gate, left: Saved | undefined): void {
    const found = leftBehind(host, conf, left);
    holder = createHolder(host, conf.name, conf.interface, found);
    paths = createPaths(host, conf.name, left?.paths ?? NO_PATHS);
    vmac = newVmac(left?.vmac);
    recordClosing();
    closing.ensure();
    signer.resume(left?.signing);
    const resume: Resume | undefined =
      left && left.lastAdvert !== null ? { wasMaster: left.master, lastAdvertAge: host.now() - left.lastAdvert } : undefined;
    track(true);
    deliver({ type: 'start', link: look(), gate, resume });
    if (state.phase !== 'master' && (found.length > 0 || left?.paths)) {
      tell(
        `removes what an earlier process left on ${conf.interface}: ${[...found.map(heldKey), ...(left?.paths ? ['routes and rules'] : [])].join(', ')}`,
      );
      hold([]);
    }
    save('soon');
  }

  return {
    key,
    conf: () => base,
    effective: () => conf,
    state: () => state,
    lead: (to, reason) => deliver({ type: 'lead', to, reason }),
    hinder: (hindrance) => hinder('mates', hindrance),
    watchedChanged: () => track(),
    start,
    gate: (gate) => deliver({ type: 'gate', gate }),
    stop: () => deliver({ type: 'stop' }),
    failover(until, done) {
      asked = done;
      deliver({ type: 'stand-down', until });
    },
    standUp: () => deliver({ type: 'stand-up' }),
    synced({ synced, text }) {
      syncText = text;
      deliver({ type: 'synced', synced });
    },
    stoodDown: () => state.standDown !== undefined && host.now() < state.standDown.until,
    reconfigure(next) {
      const before = conf;
      base = next;
      conf = prioritized(tracker.look(next).priority);
      adverts.clear();
      const on = host.network.link(conf.interface);
      if (conf.vmac && on) vmac.ready(on);
      recordClosing();
      closing.ensure();
      deliver({ type: 'reconfigured', before });
      track();
      if (before.vmac && before.vmac.name !== conf.vmac?.name) vmac.drop(before.vmac.name);
      // Adverts may have another source now.
      if (JSON.stringify(before.unicast) !== JSON.stringify(conf.unicast)) networkChanged();
    },
    packet({ source, destination, ttl, payload }) {
      const before = counters.refusals;
      const decoded = decodeAdvert(payload, { source, destination });
      const own = state.link.usable && source === state.link.source;
      const bare = { decoded, source, destination, ttl };
      const received = { ...bare, signature: own ? undefined : signer.judge(bare, payload) };
      deliver({ type: 'advert', received });
      if (!own) rivals.heard(received, state);
      if (counters.refusals !== before) return;
      counters.received++;
      if (!own) signer.taken(received);
    },
    networkChanged,
    addressGone: (name, prefix) => holder.lost(name, prefix),
    linkLost: () => {
      toldMac = undefined;
    },
    ports: () => ({ family: conf.family, interface: conf.interface, source: port?.source ?? '', ...portWords(conf) }),
    deadline: () =>
      Math.min(
        ...[deadline(state), retryAt, assertAt, tracker.deadline()],
        ...[rivals.deadline(), verifier.deadline(), witness.deadline(state)],
      ),
    tick() {
      if (host.now() >= retryAt) {
        retryAt = NEVER;
        networkChanged();
      }
      if (host.now() >= assertAt) assertPaths();
      if (host.now() >= tracker.deadline()) track();
      deliver({ type: 'tick', objection: host.objection(conf.name) });
      rivals.tick(state);
      verifier.tick();
      witness.tick(state);
    },
    beat() {
      if (busy === 0 && state.phase === 'master' && host.now() >= state.advertAt) deliver({ type: 'tick' });
    },
    ended: () => ended,
    isHeld: (name, { address, length }) =>
      holder.isHeld(name === conf.interface ? { address, length } : { address, length, dev: name }),
    role: () => (state.phase === 'master' || state.handover || state.holding.length > 0 ? 'master' : state.phase),
    saved,
    report: (group) => ({
      ...reportInstance(conf, state, counters, holder, host.now(), {
        ...rivals.report(state),
        lateness: lateness.report(host.now()),
        announcements: verifier.report(),
        waits_for: conf.syncedShare === undefined ? null : syncText,
        ...closing.report(),
        paths: paths.report(pathsOf()),
        virtual_mac: vmac.report(),
        signing: signer.report(),
      }),
      priority: base.priority,
      group: group ?? null,
      free_virtual_router_id: host.freeVrid(base) ?? null,
      tracked: tracker.report(base, host.now()),
    }),
  };
}
