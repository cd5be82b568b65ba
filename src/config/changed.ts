/** What lbctl set-vs makes of a virtual server, by the rules of the file: the same defaults, the same refusals, the same warnings. */
import { addressBits, type Endpoint } from '../base/ip.js';
import { isHashed, type Parsed, refused } from '../base/words.js';
import { NOWHERE } from './added.js';
import { checkBackups, checkBelow, checkSlowStart } from './build-policy.js';
import { keptPortFault, readServer, type ServerContext } from './build-server.js';
import {
  checkPersistence,
  checkQuorum,
  checkScheduling,
  checkSorry,
  flagsOf,
  onFailureFault,
  twinFinder,
  warnSurprises,
} from './build-service.js';
import type { Located, Report } from './located.js';
import type { RealServerShape, VirtualServerShape } from './schema-service.js';
import type {
  CheckConfig,
  DefaultsConfig,
  OnFailure,
  Persistence,
  RealServerConfig,
  SchedulerFlag,
  ServiceSettings,
} from './types.js';

/** Settings by their words in the file; absent: as the file says. */
export interface ServiceSet {
  readonly scheduler?: string | undefined;
  readonly scheduler_flags?: readonly SchedulerFlag[] | undefined;
  /** Seconds; 0 none. */
  readonly persistence?: number | undefined;
  /** Of `persistence: { prefix }`. */
  readonly persistence_prefix?: number | undefined;
  readonly quorum?: number | undefined;
  readonly hysteresis?: number | undefined;
  readonly on_failure?: OnFailure | undefined;
  /** Milliseconds; 0 none. */
  readonly slow_start?: number | undefined;
  readonly sorry_server?: Endpoint | 'none' | undefined;
}

/** As it is, with its real servers. */
export interface Changeable {
  readonly name: string;
  readonly settings: ServiceSettings;
  readonly servers: readonly RealServerConfig[];
  readonly checks: readonly CheckConfig[];
}

export interface ChangedService {
  readonly settings: ServiceSettings;
  /** In the same order. */
  readonly servers: readonly RealServerConfig[];
  /** What the file would be warned of now, and was not before. */
  readonly warnings: readonly string[];
}

function persistenceOf({ persistence: now, ids }: ServiceSettings, set: ServiceSet): Persistence | undefined {
  const timeout = set.persistence ?? now?.timeout ?? 0;
  if (timeout === 0) return undefined;
  const prefix = set.persistence_prefix ?? now?.prefix ?? addressBits(ids[0]?.family ?? 4);
  return { timeout, prefix, engine: now?.engine ?? '' };
}

/** Those that do not hash know both reactions; which one the file would have said is in its defaults. */
function onFailureOf(now: ServiceSettings, set: ServiceSet, scheduler: string, defaults: DefaultsConfig): OnFailure {
  if (set.on_failure !== undefined) return set.on_failure;
  if (isHashed(scheduler)) return 'quiesce';
  return isHashed(now.scheduler) ? (defaults?.on_failure ?? 'remove') : now.onFailure;
}

function flagsNow(now: ServiceSettings, set: ServiceSet, scheduler: string, defaults: DefaultsConfig): readonly SchedulerFlag[] {
  if (set.scheduler_flags) return set.scheduler_flags;
  return scheduler === now.scheduler ? now.schedulerFlags : flagsOf({}, scheduler, defaults);
}

function sorryOf({ name, settings, checks }: Changeable, to: ServiceSettings, set: ServiceSet, report: Report) {
  const { sorry_server: address } = set;
  if (address === undefined) return settings.sorry;
  if (address === 'none') return undefined;
  const context: ServerContext = { name, settings: to, checks, levels: [], defaults: undefined };
  return readServer({ address, weight: 1, checks: [] } as unknown as RealServerShape, context, NOWHERE, [], report);
}

/** What the service would be, with the shape that its rules look at. */
interface Candidate {
  readonly name: string;
  readonly settings: ServiceSettings;
  readonly servers: readonly RealServerConfig[];
}

function check({ name, settings, servers }: Candidate, report: Report): void {
  const { scheduler, onFailure, slowStart, sorry } = settings;
  const shape = { name, slow_start: slowStart, real_servers: servers.map((one) => ({ slow_start: one.slowStart })) };
  const at: Located<VirtualServerShape> = { ...NOWHERE, value: shape as unknown as VirtualServerShape };
  if (onFailure === 'remove' && isHashed(scheduler)) report('error', at, onFailureFault(scheduler));
  checkPersistence(at, settings, report);
  checkScheduling(at, settings, report);
  for (const server of servers) {
    const fault = keptPortFault(server, { name, settings });
    if (fault) report('error', at, fault);
  }
  checkQuorum(at, servers, settings, report);
  checkBackups(at, servers, settings, report);
  checkSlowStart(at, servers, settings, report);
  checkBelow(at, settings, report);
  if (sorry) checkSorry(at, settings, report);
  warnSurprises(at, servers, settings, report);
}

function checkTwin({ name, settings, servers }: Candidate, report: Report): void {
  const find = twinFinder(name, settings);
  for (const server of servers) find(server);
  const twin = settings.sorry && find(settings.sorry);
  if (twin) report('error', NOWHERE, `the sorry server must be another one: ${twin}`);
}

/** Who starts as slowly as the service goes on to; who has a time of his own keeps it. */
const withSlowStart = (servers: readonly RealServerConfig[], from: ServiceSettings, to: ServiceSettings) =>
  from.slowStart === to.slowStart
    ? servers
    : servers.map((one) => (one.slowStart === from.slowStart ? { ...one, slowStart: to.slowStart } : one));

function warningsOf(candidate: Candidate): Set<string> {
  const found = new Set<string>();
  check(candidate, (severity, _at, message) => {
    if (severity === 'warning') found.add(message);
  });
  return found;
}

/** Or the first sentence that refuses it. */
export function changeService(service: Changeable, set: ServiceSet, defaults: DefaultsConfig): Parsed<ChangedService> {
  const { name, settings: now } = service;
  let fault: string | undefined;
  const report: Report = (severity, _at, message) => {
    if (severity === 'error') fault ??= message;
  };
  const scheduler = set.scheduler ?? now.scheduler;
  const persistence = persistenceOf(now, set);
  if (set.persistence_prefix !== undefined && !persistence)
    return refused(`persistence_prefix means nothing: ${name} has no persistence; set that too`);
  const plain: ServiceSettings = {
    ...now,
    scheduler,
    schedulerFlags: flagsNow(now, set, scheduler, defaults),
    persistence,
    quorum: set.quorum ?? now.quorum,
    hysteresis: set.hysteresis ?? now.hysteresis,
    onFailure: onFailureOf(now, set, scheduler, defaults),
    slowStart: set.slow_start === undefined ? now.slowStart : set.slow_start || undefined,
  };
  const settings = { ...plain, sorry: sorryOf(service, plain, set, report) };
  const servers = withSlowStart(service.servers, now, settings);
  const candidate = { name, settings, servers };
  check(candidate, report);
  if (set.sorry_server !== undefined) checkTwin(candidate, report);
  if (fault !== undefined) return refused(fault);
  const known = warningsOf({ name, settings: now, servers: service.servers });
  return { value: { settings, servers, warnings: [...warningsOf(candidate)].filter((one) => !known.has(one)) } };
}
