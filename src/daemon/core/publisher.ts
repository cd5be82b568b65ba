/** What the children need to know: sent when they are ready, and after every change. */
import { dirname } from 'node:path';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { DirectorIntent, Intent, ServiceIntent } from '../../intent/types.js';
import { type Watch, watchesOf } from '../../intent/watches.js';
import type { Reading } from '../../vrrp/track.js';
import type { CheckRest, Forwarding } from '../messages.js';
import { type Leftovers, NO_LEFTOVERS } from './leftovers.js';
import type { Supervisor } from './supervisor.js';
import type { Wanted } from './wanted.js';

const OWNER = 255;

export interface PublisherParts {
  readonly wanted: () => Wanted;
  readonly check: () => Supervisor;
  readonly vrrp: () => Supervisor;
}

export interface Publisher {
  /** Everything, to a child that has just begun. */
  toCheck(): void;
  toVrrp(): void;
  forwarding(state: Forwarding, reason: string): void;
  /** Another director should serve, or need no longer: this one's instances have the least priority meanwhile. */
  yield(now: boolean): void;
  /** What vrrp says of its instances. `connected`: those in fault whose network is there. */
  roles(roles: Readonly<Record<string, string>>, connected: readonly string[]): void;
  /** What check says of the things that VRRP instances track. */
  watched(readings: Readonly<Record<string, Reading>>): void;
  /** The check process has virtual servers, or had some; without any it only watches for VRRP, if it runs at all. */
  pooled(): boolean;
  /** vrrp says that an interface is back: its instances wait for fresh verdicts, as at start. */
  recheck(): void;
  all(intent: Intent, left?: Leftovers): void;
}

export interface Difference {
  /** What is not the same object as before. */
  readonly services: readonly ServiceIntent[];
  /** All of them, when there are more or fewer, or in another order. */
  readonly names?: readonly string[];
}

export function differenceOf(before: readonly ServiceIntent[], after: readonly ServiceIntent[]): Difference {
  const inPlace = before.length === after.length && after.every(({ name }, i) => name === before[i]?.name);
  if (inPlace) return { services: after.filter((service, i) => service !== before[i]) };
  const known = new Set(before);
  return { services: after.filter((service) => !known.has(service)), names: after.map(({ name }) => name) };
}

const sameDirector = (a: DirectorIntent, b: DirectorIntent): boolean =>
  a.kernel === b.kernel && a.connectionSync === b.connectionSync && a.timeouts === b.timeouts && a.checking === b.checking;

/**
 * The least priority: whoever is well takes over, and of two that suspect themselves one still serves. The owner of the addresses (255)
 * cannot have another one (RFC 9568 section 6.1).
 */
function standBack(instance: VrrpInstanceConfig): VrrpInstanceConfig {
  if (instance.priority === OWNER) return instance;
  const { track, ...rest } = instance;
  // Nothing raises it meanwhile.
  const kept = track?.filter(({ weight }) => weight === 0) ?? [];
  return { ...rest, priority: 1, ...(kept.length > 0 ? { track: kept } : {}) };
}

export function createPublisher({ wanted, check, vrrp }: PublisherParts): Publisher {
  let forwarding: { state: Forwarding; reason: string } = { state: 'starting', reason: 'the first table is not applied yet' };
  let roles: Readonly<Record<string, string>> = {};
  /** What the check process has, by its intent. */
  let sent: { readonly intent: Intent; readonly onStop: string } | undefined;
  let yielding = false;
  let pooled = false;
  /** What the check process watches, as text. */
  let watching = '[]';
  /** What it last said. BOUNDED by what is tracked. */
  let readings: Readonly<Record<string, Reading>> = {};
  const global = () => wanted().config().global;
  const runDir = () => dirname(global().socket);

  function gate(): void {
    const needed = wanted().intent().services.length > 0;
    const waived = forwarding.state === 'unusable' && !global().requireIpvs;
    const open = !needed || waived;
    vrrp().send({ type: 'gate', forwarding: open ? 'ready' : forwarding.state, reason: open ? '' : forwarding.reason });
  }

  function restOf({ instances, director }: Intent): CheckRest {
    const carriers = instances.map(({ name, addresses }) => ({ name, addresses: addresses.map((one) => one.address) }));
    return { onStop: global().onStop, director, carriers };
  }

  function toCheck(): void {
    // One that has just begun suspects nobody.
    yieldNow(false);
    watch(true);
    if (!pooled) return;
    const intent = wanted().intent();
    sent = { intent, onStop: global().onStop };
    const { services } = intent;
    check().send({ type: 'configure', services, stateDir: global().stateDir, runDir: runDir(), roles, ...restOf(intent) });
  }

  /** Where nothing is tracked, and nothing was, the check process hears nothing of it. */
  function watch(begins: boolean): void {
    const watches: readonly Watch[] = watchesOf(wanted().intent());
    const text = JSON.stringify(watches);
    if (begins ? watches.length > 0 : text !== watching) check().send({ type: 'watch', watches });
    watching = text;
    const keys = new Set(watches.map(({ key }) => key));
    readings = Object.fromEntries(Object.entries(readings).filter(([key]) => keys.has(key)));
  }

  /** What is the same is not sent again, however much it is. */
  function updateCheck(intent: Intent): void {
    if (!pooled) return;
    if (!sent) return toCheck();
    const { onStop } = global();
    const before = sent.intent;
    const same =
      before.instances === intent.instances && sent.onStop === onStop && sameDirector(before.director, intent.director);
    const difference = differenceOf(before.services, intent.services);
    sent = { intent, onStop };
    if (same && !difference.names && difference.services.length === 0) return;
    check().send({ type: 'update', ...difference, ...(same ? {} : { rest: restOf(intent) }) });
  }

  function toVrrp(): void {
    gate();
    if (Object.keys(readings).length > 0) vrrp().send({ type: 'watched', readings });
    vrrp().send({
      type: 'configure',
      groups: wanted().intent().groups,
      keys: wanted().keys(),
      instances: yielding ? wanted().intent().instances.map(standBack) : wanted().intent().instances,
      runDir: runDir(),
      routerId: global().routerId,
    });
  }

  function yieldNow(now: boolean): void {
    if (now === yielding) return;
    yielding = now;
    toVrrp();
  }

  return {
    toCheck,
    toVrrp,
    yield: yieldNow,
    forwarding(state, reason) {
      if (forwarding.state === state && forwarding.reason === reason) return;
      forwarding = { state, reason };
      gate();
    },
    roles(next, connected) {
      // What checks find counts: it is no interface that is away.
      roles = { ...next, ...Object.fromEntries(connected.map((name) => [name, 'backup'])) };
      if (check().state().state === 'running') check().send({ type: 'roles', roles });
    },
    recheck() {
      if (wanted().intent().services.length > 0 && check().state().state === 'running') check().send({ type: 'recheck' });
    },
    watched(next) {
      readings = { ...readings, ...next };
      vrrp().send({ type: 'watched', readings: next });
    },
    pooled: () => pooled,
    all(intent, left = NO_LEFTOVERS) {
      pooled ||= intent.services.length > 0 || left.services;
      if (pooled || watchesOf(intent).length > 0) check().start();
      if (intent.instances.length > 0 || left.addresses) vrrp().start();
      updateCheck(intent);
      watch(false);
      toVrrp();
    },
  };
}
