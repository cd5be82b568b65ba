/**
 * All instances of the process and its loop: one timer for the earliest deadline, and before every tick all sockets are emptied, so
 * that a late tick never acts on what the waiting packets have overtaken.
 */
import { fromHex } from '../../base/bytes.js';
import type { Family } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import { trackedKey } from '../../base/tracked.js';
import type { SyncGroupConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { now, utc } from '../../os/clock.js';
import { openClosedAddresses } from '../../os/closed-addresses.js';
import { awaitLocal } from '../../os/local-address.js';
import { openMacvlans } from '../../os/macvlan.js';
import { type FrameSender, openFrameSender, watchClaims } from '../../os/packet.js';
import { openRoutes } from '../../os/routes.js';
import { type NetworkEvent, openRtnetlink, watchNetwork } from '../../os/rtnetlink.js';
import { openSysctls } from '../../os/sysctl.js';
import type { VrrpPacket } from '../../os/vrrp-socket.js';
import { devicesOf, heldKey } from '../../vrrp/held.js';
import type { Reading } from '../../vrrp/track.js';
import { type Gate, instanceKey } from '../../vrrp/types.js';
import { peekVrid } from '../../wire/vrrp.js';
import type { ChildLink } from '../child.js';
import { createAnnouncer } from './announcer.js';
import { createBeat, withBeats } from './beat.js';
import { type FailoverOutcome, failover, refuseFailover } from './failover.js';
import { createGroups } from './groups.js';
import { closedOf, createGuard } from './guard.js';
import { createHeardVrids } from './heard-vrids.js';
import { createHolder } from './holder.js';
import type { FailoverOrder, Synced, VrrpCommand } from './messages.js';
import { openNetwork } from './network.js';
import { createPaths, NO_PATHS } from './paths.js';
import { createPorts } from './ports.js';
import { createRunner } from './runner.js';
import type { Runner } from './runner-types.js';
import { openStore, type Saved, type Store } from './store.js';
import type { Host } from './types.js';
import { createVmac } from './vmac.js';
import { createWatched } from './watched.js';

/** setTimeout counts in whole milliseconds, and not beyond 31 bits. */
const LONGEST_TIMEOUT_MS = 60_000;

/** An instance of an earlier process that is configured no more, as far as its interface goes. */
const ghost = (key: string, saved: Saved): Pick<VrrpInstanceConfig, 'name' | 'interface'> => ({
  name: key,
  interface: saved.interface,
});

/** Every interface that matters to the instance. */
const interfacesOf = (conf: VrrpInstanceConfig): readonly string[] => [
  ...devicesOf(conf),
  ...(conf.track ?? []).flatMap(({ kind, name }) => (kind === 'interface' ? [name] : [])),
];

/** In fault, and neither its network nor IPVS is the reason: what checks find is true. */
function isConnected(runner: Runner): boolean {
  const { link, gate } = runner.state();
  return runner.role() === 'fault' && link.usable && gate.forwarding !== 'unusable';
}

/** Keys by file, in hexadecimal. */
type KeyTexts = Readonly<Record<string, string>>;

export interface Router {
  configure(instances: readonly VrrpInstanceConfig[], runDir: string, groups?: readonly SyncGroupConfig[], keys?: KeyTexts): void;
  /** What the check process found of what instances track. */
  watched(readings: Readonly<Record<string, Reading>>): void;
  synced(instances: Readonly<Record<string, Synced>>): void;
  gate(gate: Gate): void;
  report(): ApiInstance[];
  /** Resolves when it is decided; see failover.ts. */
  failover(order: FailoverOrder): Promise<FailoverOutcome>;
  /** Ordered stop of every instance; `done` is called when all have ended. */
  stop(done: () => void): void;
  /** Writes down the present state for a successor. */
  save(): void;
}

export function createRouter(link: Pick<ChildLink<VrrpCommand>, 'log' | 'event' | 'send'>): Router {
  /** BOUNDED by the configuration: an instance leaves when it has ended. */
  const runners = new Map<string, Runner>();
  /** What the configuration wants, by key: an instance that is on its way out comes back when it has ended. */
  let wanted = new Map<string, VrrpInstanceConfig>();
  /** Instances whose interface has changed. BOUNDED by the instances. */
  const changed = new Set<string>();
  let gate: Gate = { forwarding: 'starting', reason: 'nothing is known yet' };
  let store: Store | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  /** What core knows of the instances' roles, as text. */
  let toldRoles = '';
  let whenEmpty: (() => void) | undefined;
  /** By file. BOUNDED by the configuration. */
  let keys = new Map<string, Uint8Array>();

  const watched = createWatched();
  const mates = () =>
    [...runners.values()].map((one) => ({ conf: one.effective(), state: one.state(), lead: one.lead, hinder: one.hinder }));
  const groups = createGroups(mates, now);
  /** BOUNDED: emptied by settle. */
  const adverts: (() => unknown)[] = [];

  let frames: FrameSender | undefined;
  const beat = createBeat(now, () => runners.values());
  const rtnetlink = withBeats(openRtnetlink(), ['addAddress', 'deleteAddress'], beat);
  const ports = createPorts(onPacket, settle);
  const heardVrids = createHeardVrids();
  const guard = createGuard({ open: openClosedAddresses, now, event: (text) => link.event('vrrp', 'accept', text) });
  const host: Host = {
    now,
    utc,
    key: (file) => keys.get(file),
    rtnetlink,
    routes: withBeats(openRoutes(), ['addRoute', 'deleteRoute', 'addRule', 'deleteRule'], beat),
    macvlans: openMacvlans(),
    sysctls: openSysctls('/proc/sys/net'),
    settingsBefore: new Map(),
    freeVrid: (conf) => heardVrids.free(conf, wanted.values()),
    isShared: ({ name, interface: on }) =>
      [...runners.values()].some((one) => one.conf().vmac && one.conf().interface === on && one.conf().name !== name),
    frames() {
      frames ??= openFrameSender();
      return frames;
    },
    network: openNetwork(rtnetlink),
    ports,
    guard,
    announcer: createAnnouncer((name, errno) => link.log('debug', `an announcement cannot be sent on ${name}: errno ${errno}`)),
    watchClaims: (family, on, own, claimed) =>
      watchClaims(family, on, own, (claim) => {
        claimed(claim);
        settle();
      }),
    awaitLocal: (address, index, limitMs) => awaitLocal(address, index, limitMs, beat),
    log: link.log,
    event: link.event,
    recheck: () => link.send({ type: 'recheck' }),
    takenOver: (name, advertise) => (groups.of(name) === undefined ? advertise() : void adverts.push(advertise)),
    save(key: string, saved: Saved, urgency) {
      store?.put(key, saved);
      if (urgency === 'now') store?.write();
    },
    watched: watched.get,
    moved: groups.moved,
    objection: groups.objection,
    isHeld: (name, prefix) => [...runners.values()].some((one) => one.isHeld(name, prefix)),
  };
  watchNetwork(onNetwork);

  function onPacket(name: string, family: Family, packet: VrrpPacket): void {
    const vrid = peekVrid(packet.payload);
    if (vrid === undefined) return;
    heardVrids.note({ interface: name, family, vrid });
    runners.get(instanceKey({ interface: name, family, vrid }))?.packet(packet);
  }

  /** Events come in crowds: what they change is looked at once, when all that wait are taken. */
  function onNetwork(event: NetworkEvent): void {
    beat();
    const names = host.network.take(event);
    for (const runner of runners.values()) {
      if (names && !interfacesOf(runner.conf()).some((one) => names.includes(one))) continue;
      if (event.type === 'link-gone' || (event.type === 'link' && !(event.link.up && event.link.running))) {
        // That of a virtual MAC goes down with the office.
        if (!names || names.includes(runner.conf().interface)) runner.linkLost();
      }
      if (event.type === 'address-gone') for (const name of names ?? []) runner.addressGone(name, event.address);
      if (changed.size === 0) setImmediate(onNetworkChanged);
      changed.add(runner.key);
    }
  }

  function onNetworkChanged(): void {
    const keys = [...changed];
    changed.clear();
    for (const key of keys) runners.get(key)?.networkChanged();
    keepPorts();
    settle();
  }

  /** After anything that happened: who has ended goes, what changed is written down, the timer is set anew. */
  function settle(): void {
    groups.settle();
    for (const advertise of adverts.splice(0)) advertise();
    for (const runner of [...runners.values()]) if (runner.ended()) bury(runner);
    store?.write();
    tellRoles();
    arm();
    if (runners.size > 0 || !whenEmpty) return;
    whenEmpty();
    whenEmpty = undefined;
  }

  /** Core passes it on: connection sync and the services of a director that is a real server hang on it. */
  function tellRoles(): void {
    const roles = Object.fromEntries([...runners.values()].map((one) => [one.conf().name, one.role()]));
    const connected = [...runners.values()].filter(isConnected).map((one) => one.conf().name);
    const text = JSON.stringify([roles, connected]);
    if (text === toldRoles || !store) return;
    toldRoles = text;
    link.send({ type: 'roles', roles, connected });
  }

  function bury(runner: Runner): void {
    runners.delete(runner.key);
    store?.remove(runner.key);
    const again = stopping ? undefined : wanted.get(runner.key);
    if (again) begin(again, undefined);
    keepPorts();
  }

  const keepPorts = (): void => ports.keep([...runners.values()].map((one) => one.ports()));

  function earliest(): Instant {
    let at: Instant = Math.min(watched.deadline(), guard.deadline());
    for (const runner of runners.values()) at = Math.min(at, runner.deadline());
    return at;
  }

  function arm(): void {
    clearTimeout(timer);
    const at = earliest();
    if (at === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(tick, Math.min(LONGEST_TIMEOUT_MS, Math.max(0, Math.ceil(at - now()))));
  }

  function tick(): void {
    ports.drain();
    const at = now();
    if (watched.expire(at)) for (const runner of runners.values()) runner.watchedChanged();
    guard.tick(() => {
      for (const runner of runners.values()) runner.watchedChanged();
    });
    for (const runner of runners.values()) if (runner.deadline() <= at) runner.tick();
    settle();
  }

  function begin(conf: VrrpInstanceConfig, left: Saved | undefined): void {
    const runner = createRunner(host, conf);
    runners.set(runner.key, runner);
    runner.start(gate, left);
  }

  /** Addresses of an earlier process for instances that are no longer configured. */
  function cleanUp(left: ReadonlyMap<string, Saved>): void {
    for (const [key, saved] of left) {
      if (wanted.has(key) || (saved.held.length === 0 && !saved.paths && !saved.vmac)) continue;
      if (saved.vmac)
        createVmac(
          host,
          () => ghost(key, saved),
          saved.vmac,
          () => undefined,
        ).remove();
      if (saved.paths) createPaths(host, key, saved.paths).reconcile(NO_PATHS);
      createHolder(host, key, saved.interface, saved.held).reconcile([]);
      const interfaces = saved.vmac ? [`the interface ${saved.vmac.name}`] : [];
      const left = [...saved.held.map(heldKey), ...(saved.paths ? ['routes and rules'] : []), ...interfaces];
      link.event('vrrp', key, `no longer configured: removed ${left.join(', ')} from ${saved.interface}`);
    }
  }

  /** Before the first is begun: the table is one, and what others still hold is not to be open for a moment. */
  function closeAll(left: ReadonlyMap<string, Saved>): void {
    for (const [key, saved] of left) {
      if (!saved.closed) continue;
      guard.suspect();
      guard.want(key, closedOf(saved, saved.held));
    }
    for (const [key, conf] of wanted) {
      guard.want(key, conf.accept === false ? closedOf(conf, [...conf.addresses, ...(left.get(key)?.held ?? [])]) : []);
    }
  }

  /** After what they held is gone. */
  function openLeft(left: ReadonlyMap<string, Saved>): void {
    for (const key of left.keys()) if (!wanted.has(key)) guard.want(key, []);
    guard.ensure();
  }

  function configure(
    instances: readonly VrrpInstanceConfig[],
    runDir: string,
    syncGroups: readonly SyncGroupConfig[] = [],
    texts: KeyTexts = {},
  ): void {
    if (stopping) return;
    keys = new Map(Object.entries(texts).map(([file, text]) => [file, fromHex(text)]));
    groups.configure(syncGroups);
    watched.keep(new Set(instances.flatMap((one) => (one.track ?? []).map(trackedKey))));
    const before = wanted;
    wanted = new Map(instances.map((one) => [instanceKey(one), one]));
    const first = !store;
    store ??= openStore(runDir, (text) => link.log('error', text));
    if (first) closeAll(store.left);
    for (const [key, conf] of wanted) {
      const runner = runners.get(key);
      if (!runner) begin(conf, first ? store.left.get(key) : undefined);
      else if (before.has(key) && JSON.stringify(runner.conf()) !== JSON.stringify(conf)) runner.reconfigure(conf);
    }
    for (const [key, runner] of runners) if (!wanted.has(key) && before.has(key)) runner.stop();
    if (first) cleanUp(store.left);
    if (first) openLeft(store.left);
    keepPorts();
    settle();
  }

  return {
    configure,
    gate(next) {
      gate = next;
      for (const runner of runners.values()) runner.gate(next);
      settle();
    },
    async failover(order) {
      const runner = [...runners.values()].find((one) => one.conf().name === order.instance);
      if (!runner) return { error: `the vrrp process does not have ${order.instance} yet` };
      if (order.check) {
        const refused = refuseFailover(runner);
        return refused === undefined ? { text: `${order.instance} would be given to another director` } : { error: refused };
      }
      const group = groups.of(order.instance);
      const mates = [...runners.values()].filter(
        (one) => one !== runner && group !== undefined && groups.of(one.conf().name) === group,
      );
      const outcome = failover(runner, order, now(), mates);
      settle();
      return outcome;
    },
    watched(readings) {
      watched.hear(readings, now());
      for (const runner of runners.values()) runner.watchedChanged();
      settle();
    },
    synced(instances) {
      for (const runner of runners.values()) {
        const said = instances[runner.conf().name];
        if (said) runner.synced(said);
      }
      settle();
    },
    report: () => [...runners.values()].map((one) => one.report(groups.of(one.conf().name))),
    stop(done) {
      stopping = true;
      whenEmpty = done;
      for (const runner of [...runners.values()]) runner.stop();
      settle();
    },
    save() {
      for (const runner of runners.values()) store?.put(runner.key, runner.saved());
      store?.write();
    },
  };
}
