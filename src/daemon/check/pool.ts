/**
 * All virtual servers of the check process and what they share: a verdict changes the wanted services, the table keeper makes the kernel
 * follow. Everything arrives as an event of this process's loop: commands of core, results of probes, readings of the kernel.
 */
import { networkInterfaces } from 'node:os';
import { type Ip, parseIp } from '../../base/ip.js';
import { serviceKey } from '../../base/service-id.js';
import { describeCheck, describeDoubt } from '../../health/key.js';
import { isRunning } from '../../health/machine.js';
import type { HealthState, Remembered, ResultRecord, Verdict } from '../../health/types.js';
import { sameBeside } from '../../intent/beside.js';
import { chooseTemplates } from '../../intent/sticky.js';
import type { RealServerIntent, ServiceIntent } from '../../intent/types.js';
import type { KernelDestination } from '../../ipvs/types.js';
import { now } from '../../os/clock.js';
import { openIpvs } from '../../os/ipvs.js';
import type { Nft } from '../../os/nft.js';
import type { OwnPaths } from '../../os/own-paths.js';
import { startProbe } from '../../os/probe/index.js';
import type { StartProbe } from '../../os/probe/types.js';
import type { Sysctls } from '../../os/sysctl.js';
import { describePassed } from '../../pool/explain.js';
import { belongs, type Carrier, isCutOff, isServer, leaderOf } from '../../pool/follow.js';
import { checksOf, isIn, kernelKey } from '../../pool/membership.js';
import type { Reading } from '../../vrrp/track.js';
import type { ChildLink } from '../child.js';
import type { CheckCommand } from '../messages.js';
import { Catalogue, type Consequences } from './catalogue.js';
import { createDeadlines } from './deadlines.js';
import { createDecider } from './decider.js';
import { createDirector, type DirectorReport } from './director.js';
import { type Difference, type Foreseen, foresee } from './foresee.js';
import { createGate } from './gate.js';
import { openOwnership } from './ownership.js';
import type { Passages } from './passages.js';
import type { KernelTable } from './reading.js';
import { createRemovals } from './removals.js';
import type { Sight } from './report.js';
import { createCheckRunner, type Load } from './scheduler.js';
import { createSuspicion } from './suspicion.js';
import { createTableKeeper } from './table.js';
import type { TableKeeper } from './table-types.js';
import { openVerdictStore } from './verdicts.js';
import { createVia } from './via.js';

export type Configure = Extract<CheckCommand, { type: 'configure' }>;
export type Update = Extract<CheckCommand, { type: 'update' }>;
export type Roles = Readonly<Record<string, string>>;

export interface Pool {
  configure(command: Configure): void;
  update(command: Update): void;
  roles(roles: Roles): void;
  recheck(): void;
  readonly catalogue: Catalogue;
  readonly keeper: TableKeeper;
  readonly passages: Passages;
  /** What a change would do to the kernel's table. */
  foresee(change: Difference): Foreseen;
  sight(): Sight;
  director(): DirectorReport;
  load(): Load;
  /** Why this director suspects itself; undefined: it does not. */
  suspicion(): string | undefined;
  /** For the VRRP instances that track the virtual server: 1 while its quorum is met; undefined while that is not decided. */
  quorum(name: string): Reading | undefined;
  close(ordered: boolean): Promise<void>;
}

/** The addresses of this host. */
function ownAddresses(): ReadonlySet<Ip> {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(all.flatMap(({ address }) => parseIp(address.split('%')[0] as string) ?? []));
}

/** What the tests put in the place of the kernel and the network. */
export interface PoolParts {
  readonly openIpvs: () => Promise<KernelTable>;
  readonly startProbe: StartProbe;
  readonly ownAddresses: () => ReadonlySet<Ip>;
  /** Below net.ipv4.vs. */
  readonly sysctls?: Sysctls;
  readonly nft?: Nft;
  readonly paths?: OwnPaths;
}

const REAL: PoolParts = { openIpvs, startProbe, ownAddresses };

/** `decided`: called when the quorum of a virtual server may have become another. */
export function createPool(
  first: Configure,
  link: ChildLink<CheckCommand>,
  parts: PoolParts = REAL,
  decided: () => void = () => {},
): Pool {
  const catalogue = new Catalogue();
  const warn = (text: string) => link.log('warn', text);
  const store = openVerdictStore(first.stateDir, { now, warn });
  const owned = openOwnership(first.stateDir, warn);
  const keeper = createTableKeeper({
    open: parts.openIpvs,
    owned,
    now,
    log: link.log,
    event: link.event,
    nameOf: (key) => catalogue.ofKey(key)?.name ?? via.nameOf(key),
    onState: () => {
      if (unsaved) remember();
      gate.tell();
    },
    onReading: () => lookAround(),
  });
  const via = createVia({ ...parts, keeper, owned, now, services: () => catalogue.all(), carriers: () => carriers() });
  const suspicion = createSuspicion({
    now,
    startProbe: parts.startProbe,
    tell: (text) => link.event('suspicion', 'director', text),
    decide(keys) {
      for (const service of new Set([...keys].flatMap((key) => [...catalogue.usersOf(key)]))) decide(service);
      remember();
    },
    serves: (key) => [...catalogue.usersOf(key)].some((service) => decider.serves(service, key)),
    yields(now) {
      const text = now
        ? 'its VRRP instances stand back for another one: priority 1'
        : 'its VRRP instances have their priority again';
      link.event('suspicion', 'director', text);
      link.send({ type: 'yield', now });
    },
  });
  const runner = createCheckRunner({ now, startProbe: via.startProbe, onVerdict, onShare, onResult });
  const gate = createGate({
    now,
    send: (state) => link.send({ type: 'forwarding', state: state.state, reason: state.reason }),
    obstacle: () => {
      if (!opened) return { state: 'starting', reason: 'IPVS is being opened' };
      if (keeper.problem) return { state: 'unusable', reason: keeper.problem };
      return keeper.applied ? undefined : { state: 'starting', reason: 'the first table is on its way to the kernel' };
    },
    undecided: () => runner.undecided(),
    onLooked: () => trustAgain(),
  });
  const director = createDirector(
    { ...parts, stateDir: first.stateDir, now, client: () => keeper.client(), onStop: () => latest.onStop },
    link,
  );
  const deadlines = createDeadlines({
    services: () => catalogue.all(),
    event: link.event,
    due: (services) => {
      for (const service of services) program(service);
      direct();
    },
  });
  const removals = createRemovals({
    services: () => catalogue.all(),
    read: destinations,
    empty: (id) => link.send({ type: 'drained', id }),
  });
  const decider = createDecider({
    now,
    event: link.event,
    stateOf: (key) => runner.state(key),
    latestOf: (key) => runner.latest(key),
    isHeld: (key) => suspicion.holds(key),
    believed: (key) => keeper.believed(key),
    store,
    due(name) {
      const service = catalogue.find(name);
      if (service) decide(service);
      remember();
    },
  });
  let latest = first;
  let roles: Roles = first.roles;
  let own = parts.ownAddresses();
  let opened = false;
  let unsaved = false;
  /** Persistent clients of a real server that drains keep coming. */
  let kept = false;
  /** What an earlier life remembered is of use once: what is removed and comes back later is new. */
  let begun = false;
  /** Services whose network is away, or just back: a check that fails changes nothing. BOUNDED by the services. */
  const cutOff = new Set<string>();
  void start();

  function onResult(key: string, result: ResultRecord, verdicts: { readonly before: Verdict; readonly after: Verdict }): void {
    const { ok, local } = result;
    suspicion.result(key, result, verdicts);
    // A failure of this director says nothing of the server.
    if (!gate.result(key, { ok: ok || local, up: verdicts.after === 'up' })) return;
    trustAgain();
    // The table follows first: `ready` means that what the verdicts say is in the kernel.
    keeper.flush();
    gate.tell();
  }

  function onVerdict(checkKey: string, change: { from: string; to: string; reason: string }): void {
    if (change.to === 'down') suspicion.down(checkKey);
    for (const service of catalogue.usersOf(checkKey)) {
      for (const server of service.realServers) {
        const checks = checksOf(server);
        const spec = checks.find((one) => one.key === checkKey);
        if (!spec) continue;
        const verdicts = checks.map(({ key }) => runner.state(key)?.verdict ?? 'unknown');
        const counted = server.needed === undefined ? '' : `; ${describePassed(verdicts, server.needed)}`;
        const doubt = change.to === 'down' ? describeDoubt(spec, change.reason) : '';
        const text = `${change.from} -> ${change.to}: ${change.reason}${doubt}${counted}`;
        const told = { cause: describeCheck(spec), before: change.from, after: change.to };
        link.event('verdict', `${service.name}/${server.key}`, text, told);
      }
      decide(service);
    }
    remember(true);
    gate.tell();
  }

  function onShare(checkKey: string, share: number): void {
    for (const service of catalogue.usersOf(checkKey)) {
      decider.tellShare(service, checkKey, share);
      decide(service);
    }
    remember();
  }

  /** Whether the kernel service is there, of a virtual server that this director may have to stand back with. */
  function isHere(service: ServiceIntent, key: string): boolean {
    const follows = leader(service);
    return belongs(follows, follows === undefined ? undefined : roles[follows], keeper.believed(key) !== undefined);
  }

  const carriers = (): readonly Carrier[] => latest.carriers;
  const leader = (service: ServiceIntent) => leaderOf(service, carriers(), (address) => own.has(address));

  function decide(service: ServiceIntent): void {
    decider.decide(service, !cutOff.has(service.name));
    decided();
    program(service);
  }

  /** Roles are others: whose network is away now. */
  function distrust(services: Iterable<ServiceIntent>): void {
    for (const service of services) if (isCutOff(service, carriers(), roles)) cutOff.add(service.name);
  }

  /** The network is back, and what was down has been looked at again. */
  function trustAgain(): void {
    if (gate.looking || cutOff.size === 0) return;
    for (const service of catalogue.all()) {
      if (!cutOff.has(service.name) || isCutOff(service, carriers(), roles)) continue;
      cutOff.delete(service.name);
      decide(service);
    }
    remember();
  }

  function program(service: ServiceIntent): void {
    for (const one of decider.wanted(service)) {
      const key = serviceKey(one.id);
      keeper.want(key, isHere(service, key) ? one : undefined);
    }
  }

  /** In the kernel, in each service that the virtual server is there; undefined while the kernel is not as wanted. */
  function destinations(service: ServiceIntent, server: RealServerIntent): KernelDestination[] | undefined {
    if (!keeper.applied || keeper.problem !== undefined) return undefined;
    return keeper.read(service.ids)?.flatMap((found) => found?.destinations.get(kernelKey(server, found.id)) ?? []);
  }

  /** What the next life may begin with: not a verdict that does not count, for it would, and nobody would be left. */
  const known: Iterable<readonly [string, HealthState]> = {
    *[Symbol.iterator]() {
      for (const one of runner.states()) if (!suspicion.holds(one[0])) yield one;
    },
  };

  /** Not while the first table is on its way: writing a large file would keep it waiting. */
  function remember(urgent = false): void {
    unsaved = !keeper.applied && keeper.problem === undefined;
    if (!unsaved) store.save(known, decider.pools, urgent);
  }

  /** That it had in an earlier life; undefined: it is another one's now. */
  function nameBefore({ key }: ServiceIntent): string | undefined {
    const name = store.nameOf(key);
    return name !== undefined && catalogue.find(name) ? undefined : name;
  }

  /** What servers ask for their weight holds until the check that was changed says something: it has decided nothing. */
  function placesOf({ replaced }: Consequences): ReadonlyMap<string, Remembered> {
    const places = new Map<string, Remembered>();
    for (const [key, old] of replaced) {
      const share = runner.state(old)?.share;
      if (share !== undefined) places.set(key, { verdict: 'unknown', since: now(), reason: '', share });
    }
    return places;
  }

  /** A check that is new begins with what is known of it, and one that a serving member depends on begins as serving. */
  function follow(consequences: Consequences): void {
    const serving = new Set<string>();
    for (const service of consequences.changed) {
      const from = begun ? consequences.renamed.get(service.name) : nameBefore(service);
      decider.adopt(service, !begun, from);
      if (from !== undefined && cutOff.has(from)) cutOff.add(service.name);
      const { members } = decider.poolOf(service);
      for (const server of service.realServers) {
        if (isIn(members.get(server.key))) for (const spec of checksOf(server)) serving.add(spec.key);
      }
    }
    // Before the services, so that the kernel has them with the first of these: checks begin at once.
    via.change(consequences.newChecks, consequences.goneChecks);
    suspicion.change(consequences.newChecks, consequences.goneChecks);
    const places = placesOf(consequences);
    runner.change(consequences.newChecks, consequences.goneChecks, (key) => ({
      remembered: begun ? places.get(key) : store.verdict(key),
      serving: serving.has(key),
    }));
    begun = true;
    for (const name of consequences.removed) {
      decider.forget(name);
      cutOff.delete(name);
    }
    for (const key of consequences.unwanted) keeper.want(key, undefined);
    for (const service of consequences.changed) decide(service);
    decided();
    remember();
    deadlines.arm();
    removals.arm();
  }

  /** What concerns all checks together; before those that are new begin. */
  function check(): void {
    const { probeMarks, suspicion: suspicious } = latest.director.checking;
    via.use(probeMarks, !begun);
    suspicion.use(suspicious);
  }

  function configure(command: Configure): void {
    latest = command;
    roles = command.roles;
    if (!opened) return;
    distrust(command.services);
    check();
    follow(catalogue.replace(command.services));
    trustAgain();
    reprogram();
    direct();
  }

  /** Roles, carriers or own addresses are others: what depends on them is decided anew. */
  function reprogram(): void {
    for (const service of catalogue.all()) if (service.follow !== 'always') program(service);
  }

  /** The VRRP instance that keeps the service out of the kernel. */
  function standsBack(service: ServiceIntent): string | undefined {
    const follows = leader(service);
    const role = follows === undefined ? undefined : roles[follows];
    return role === undefined || role === 'master' ? undefined : follows;
  }

  /** What the services, and the roles of the instances, mean for the kernel beside the table. */
  function direct(): void {
    const services = [...catalogue.all()];
    // Persistent clients are kept before the weight goes to 0, and sent away only when it is back.
    const keeps = chooseTemplates(services, Date.now())?.value === '0';
    if (kept && !keeps) keeper.flush();
    kept = keeps;
    director.want({
      director: latest.director,
      roles,
      services,
      paired: latest.carriers.length > 0,
      localServer: services.some((service) => isServer(service, (address) => own.has(address))),
    });
  }

  /** After an ordered stop nobody is master here: what hangs on that must not forward again what comes to this host's own server. */
  function giveUp(): void {
    for (const service of catalogue.all())
      if (leader(service) !== undefined) for (const id of service.ids) keeper.want(serviceKey(id), undefined);
    keeper.drain();
  }

  /** With every reading of the table. */
  function lookAround(): void {
    director.reconcile();
    const found = parts.ownAddresses();
    if (found.size === own.size && [...found].every((address) => own.has(address))) return;
    own = found;
    reprogram();
    direct();
  }

  /** The kernel is read before anything is decided: what it holds is where a restarted daemon goes on from. */
  async function start(): Promise<void> {
    await keeper.open();
    opened = true;
    configure(latest);
    keeper.begin();
    gate.tell();
  }

  /** The fall that a check was configured with; the key alone does not tell. */
  function fallOf(key: string): number {
    for (const service of catalogue.usersOf(key)) {
      for (const server of service.realServers) {
        const spec = checksOf(server).find((one) => one.key === key);
        if (spec) return spec.check.fall;
      }
    }
    return 1;
  }

  /** What the absence of the network has to do with, or may have: checks that failed, and probes that began while it was away. */
  function recheck(): void {
    const again = new Map<string, number>();
    for (const [key, state] of runner.states()) {
      const { verdict, streak } = state;
      const running = isRunning(state);
      const failing = verdict === 'down' || (streak.count > 0 && !streak.ok);
      if (failing || running) again.set(key, fallOf(key) + (running ? 1 : 0));
    }
    runner.hasten(again.keys());
    gate.recheck(again);
  }

  return {
    catalogue,
    keeper,
    passages: via.passages,
    foresee: (change) => foresee(change, { catalogue, keeper, decider, isHere }),
    configure,
    update({ services, names, rest }) {
      latest = { ...latest, ...rest };
      if (!opened) {
        // The whole configuration still waits for IPVS to be opened; this is newer than it.
        const newer = new Map([...latest.services, ...services].map((one) => [one.name, one]));
        latest = { ...latest, services: (names ?? [...newer.keys()]).map((name) => newer.get(name) as ServiceIntent) };
        return;
      }
      const beside = rest || names || !services.every((one) => sameBeside(catalogue.find(one.name), one));
      distrust(services);
      if (rest) check();
      follow(names ? catalogue.arrange(services, names) : catalogue.change({ services, gone: [] }));
      if (rest) distrust(catalogue.all());
      trustAgain();
      if (rest) reprogram();
      if (beside) direct();
    },
    roles(next) {
      roles = next;
      latest = { ...latest, roles: next };
      if (!opened) return;
      distrust(catalogue.all());
      trustAgain();
      reprogram();
      direct();
    },
    recheck,
    sight: () => ({
      now: now(),
      stateOf: (key) => runner.state(key),
      latestOf: (key) => runner.latest(key),
      historyOf: (key) => runner.history(key),
      poolOf: decider.poolOf,
      wantedOf: (key) => keeper.wanted(key),
      believedOf: (key) => keeper.believed(key),
      refusalOf: (key) => keeper.refusal(key),
      isHeld: (key) => suspicion.holds(key),
      standsBack,
    }),
    director: () => director.report(),
    load: () => runner.load(),
    suspicion: () => suspicion.text,
    quorum: (name) => (opened ? decider.reading(catalogue.find(name)) : undefined),
    async close(ordered) {
      // Taken while the runner still knows it: what is written last is what the next one begins with.
      if (begun) store.save([...known], decider.pools);
      runner.close();
      suspicion.close();
      deadlines.close();
      decider.close();
      removals.close();
      if (ordered && latest.onStop === 'remove') keeper.removeAll();
      else if (ordered) giveUp();
      await director.stop(ordered);
      keeper.close();
      await store.flush();
    },
  };
}
