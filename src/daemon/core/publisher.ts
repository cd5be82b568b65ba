/** What the children need to know: sent when they are ready, and after every change. */
import { dirname } from 'node:path';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { DirectorIntent, Intent, ServiceIntent } from '../../intent/types.js';
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
  /** What vrrp says of its instances. */
  roles(roles: Readonly<Record<string, string>>): void;
  /** vrrp says that an interface is back: its instances wait for fresh verdicts, as at start. */
  recheck(): void;
  all(intent: Intent, left?: Leftovers): void;
}

interface Difference {
  /** What is not the same object as before. */
  readonly services: readonly ServiceIntent[];
  /** All of them, when there are more or fewer, or in another order. */
  readonly names?: readonly string[];
}

function differenceOf(before: readonly ServiceIntent[], after: readonly ServiceIntent[]): Difference {
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
const standBack = (instance: VrrpInstanceConfig): VrrpInstanceConfig =>
  instance.priority === OWNER ? instance : { ...instance, priority: 1 };

export function createPublisher({ wanted, check, vrrp }: PublisherParts): Publisher {
  let forwarding: { state: Forwarding; reason: string } = { state: 'starting', reason: 'the first table is not applied yet' };
  let roles: Readonly<Record<string, string>> = {};
  /** What the check process has, by its intent. */
  let sent: { readonly intent: Intent; readonly onStop: string } | undefined;
  let yielding = false;
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
    const intent = wanted().intent();
    sent = { intent, onStop: global().onStop };
    const { services } = intent;
    check().send({ type: 'configure', services, stateDir: global().stateDir, runDir: runDir(), roles, ...restOf(intent) });
  }

  /** What is the same is not sent again, however much it is. */
  function updateCheck(intent: Intent): void {
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
    vrrp().send({
      type: 'configure',
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
    roles(next) {
      roles = next;
      if (check().state().state === 'running') check().send({ type: 'roles', roles });
    },
    recheck() {
      if (wanted().intent().services.length > 0 && check().state().state === 'running') check().send({ type: 'recheck' });
    },
    all(intent, left = NO_LEFTOVERS) {
      if (intent.services.length > 0 || left.services) check().start();
      if (intent.instances.length > 0 || left.addresses) vrrp().start();
      updateCheck(intent);
      toVrrp();
    },
  };
}
