/**
 * Virtual servers and real servers: defaults, and the rules that look at several keys at once. What the kernel would take and then
 * do something else with (or nothing at all) is refused here, with the reason.
 */
import { addressBits, type Family, familyOf, formatEndpoint, isLinkLocal6 } from '../base/ip.js';
import { type ServiceId, serviceKey } from '../base/service-id.js';
import { isHashed, refusesIdle } from '../base/words.js';
import { buildCheck, checkTimes, type PartialTiming, slowHint, timingOf } from './build-check.js';
import { checkPolicy, checkRules, policyOf } from './build-policy.js';
import { portsOf, readServer, type ServerContext } from './build-server.js';
import { buildTunnel, tunnelFault } from './build-tunnel.js';
import { destinationsOf } from './destinations.js';
import type { Located, Report } from './located.js';
import type { FileShape } from './schema.js';
import type { PersistenceShape, VirtualServerShape } from './schema-service.js';
import type { OnFailure, Persistence, RealServerConfig, SchedulerFlag, ServiceSettings, VirtualServerConfig } from './types.js';

type Defaults = NonNullable<FileShape['defaults']>;

/** ipvsadm's. */
const PERSISTENCE_S = 300;

/** The family of a mark is the real servers', where they agree. */
function familyOfMark(shape: VirtualServerShape): Family {
  if (shape.family) return shape.family === 'ipv6' ? 6 : 4;
  const families = new Set(shape.real_servers.map((server) => familyOf(server.address.address)));
  return families.size === 1 && families.has(6) ? 6 : 4;
}

function idsOf(at: Located<VirtualServerShape>, report: Report): ServiceId[] {
  const { address, fwmark, protocol = 'tcp', name, family } = at.value;
  if (address === undefined && fwmark === undefined) {
    report('error', at, `the virtual server ${name} needs either "address" or "fwmark"`);
    return [];
  }
  if (address !== undefined && fwmark !== undefined) {
    report('error', at, `${name} has an address and a fwmark: they are two virtual servers`, ['fwmark']);
    return [];
  }
  if (fwmark !== undefined) {
    if (at.value.protocol) report('error', at, 'a fwmark service takes every protocol: leave "protocol" out', ['protocol']);
    return [{ kind: 'fwmark', family: familyOfMark(at.value), fwmark }];
  }
  if (family) report('error', at, '"family" is of use to a fwmark service only', ['family']);
  const ids = (address ?? []).flatMap(({ addresses, port }) =>
    addresses.map((one): ServiceId => ({ kind: 'address', family: familyOf(one), protocol, address: one, port })),
  );
  if (new Set(ids.map((id) => id.family)).size > 1)
    report('error', at, `IPv4 and IPv6 are two virtual servers: ${name} has addresses of both`, ['address']);
  return ids;
}

function buildPersistence(shape: PersistenceShape | undefined, family: Family): Persistence | undefined {
  if (!shape || shape === 'off') return undefined;
  const { timeout = PERSISTENCE_S, prefix = addressBits(family), engine } = shape;
  return { timeout, prefix, engine: engine ?? '' };
}

export function checkPersistence(at: Located<VirtualServerShape>, { persistence, ids }: ServiceSettings, report: Report): void {
  const id = ids[0];
  if (!persistence || !id) return;
  if (persistence.prefix > addressBits(id.family))
    report('error', at, `persistence: an IPv${id.family} address has ${addressBits(id.family)} bits, not ${persistence.prefix}`, [
      'persistence',
    ]);
  if (persistence.engine === 'sip' && id.kind === 'address' && id.protocol !== 'udp')
    report('error', at, `the persistence engine sip reads UDP only: the kernel would never find a Call-ID in ${id.protocol}`, [
      'persistence',
    ]);
}

/** Each would be taken by the kernel, and not do what it says. */
export function checkScheduling(at: Located<VirtualServerShape>, settings: ServiceSettings, report: Report): void {
  const { ids, scheduler, schedulerFlags, onePacket, persistence, onFailure } = settings;
  for (const flag of schedulerFlags) {
    if (flag.startsWith(`${scheduler}-`)) continue;
    report('error', at, `${flag} means nothing to the scheduler ${scheduler}: the kernel would ignore it`, ['scheduler_flags']);
  }
  if (isHashed(scheduler) && refusesIdle(scheduler, schedulerFlags))
    report(
      'warning',
      at,
      `without ${scheduler}-fallback the clients of a failed real server are refused until it is back`,
      at.value.scheduler_flags ? ['scheduler_flags'] : ['scheduler'],
    );
  if (scheduler === 'dh' && onFailure === 'quiesce')
    report('warning', at, 'dh refuses the clients of a real server with weight 0: on_failure: remove gives them to others', [
      at.value.on_failure ? 'on_failure' : 'scheduler',
    ]);
  const id = ids[0];
  if (onePacket && id?.kind === 'address' && id.protocol !== 'udp')
    report('error', at, `one_packet acts on UDP only: the kernel would ignore it for ${id.protocol}`, ['one_packet']);
  if (ids.some((one) => one.kind === 'address' && one.port === 0) && !persistence)
    report('error', at, 'a virtual server of every port (port 0) needs persistence: without it the kernel never schedules', [
      'address',
    ]);
}

/** Of a hashing scheduler. */
export const onFailureFault = (scheduler: string): string =>
  `on_failure: remove does not go with ${scheduler}: every client would change its server; it quiesces`;

function onFailureOf(
  at: Located<VirtualServerShape>,
  scheduler: string,
  defaults: Defaults | undefined,
  report: Report,
): OnFailure {
  const own = at.value.on_failure;
  if (!isHashed(scheduler)) return own ?? defaults?.on_failure ?? 'remove';
  if (own === 'remove') report('error', at, onFailureFault(scheduler), ['on_failure']);
  return 'quiesce';
}

/** Of a hashing scheduler that is told nothing else: its clients are served while their server is away. */
export function flagsOf(
  value: Pick<VirtualServerShape, 'scheduler_flags'>,
  scheduler: string,
  defaults: Defaults | undefined,
): readonly SchedulerFlag[] {
  const inherited = defaults?.scheduler_flags?.filter((flag) => flag.startsWith(`${scheduler}-`));
  const given = value.scheduler_flags ?? (inherited && inherited.length > 0 ? inherited : undefined);
  return given ?? (isHashed(scheduler) ? [`${scheduler}-fallback`] : []);
}

function buildSettings(at: Located<VirtualServerShape>, defaults: Defaults | undefined, report: Report): ServiceSettings {
  const { value } = at;
  const ids = idsOf(at, report);
  const scheduler = value.scheduler ?? defaults?.scheduler ?? 'wlc';
  const mss = value.tun?.mss ?? defaults?.tun?.mss ?? 'auto';
  const settings: ServiceSettings = {
    ids,
    scheduler,
    schedulerFlags: flagsOf(value, scheduler, defaults),
    persistence: buildPersistence(value.persistence ?? defaults?.persistence, ids[0]?.family ?? 4),
    onePacket: value.one_packet ?? false,
    forward: value.forward ?? defaults?.forward ?? 'nat',
    tunnel: buildTunnel(value.tun, defaults?.tun),
    mss: mss === 'off' ? undefined : mss,
    snat: value.snat === 'auto',
    follow: value.follow ?? 'auto',
    onFailure: onFailureOf(at, scheduler, defaults, report),
    quorum: value.quorum ?? defaults?.quorum ?? 1,
    hysteresis: value.hysteresis ?? defaults?.hysteresis ?? 0,
    sorry: undefined,
    ...policyOf(value, defaults, scheduler),
  };
  checkPersistence(at, settings, report);
  checkScheduling(at, settings, report);
  return settings;
}

function twinText(name: string, server: Placed, twin: Placed): string {
  const [own, other] = [server, twin].map(({ address, port }) => formatEndpoint(address, port));
  if (own === other && server.forward === twin.forward) return `${own} is a real server of ${name} already`;
  const method = server.forward === 'nat' ? twin.forward : server.forward;
  return `${own} and ${other} are one real server to the kernel: ${method} does not change ports`;
}

type Placed = Pick<RealServerConfig, 'address' | 'port' | 'forward'>;

/** Tells of each real server which earlier one is the same to the kernel. */
export function twinFinder(name: string, settings: Pick<ServiceSettings, 'ids'>): (server: Placed) => string | undefined {
  const seen = new Map<string, Placed>();
  return (server) => {
    const ports = server.forward === 'nat' ? [server.port] : portsOf(settings);
    const keys = ports.map((port) => formatEndpoint(server.address, port));
    const twin = keys.map((key) => seen.get(key)).find((one) => one !== undefined);
    for (const key of keys) seen.set(key, server);
    return twin && twinText(name, server, twin);
  };
}

function checkTwins(
  name: string,
  servers: readonly RealServerConfig[],
  sorry: RealServerConfig | undefined,
  settings: ServiceSettings,
  at: Located<unknown>,
  report: Report,
): void {
  const find = twinFinder(name, settings);
  servers.forEach((server, i) => {
    const twin = find(server);
    if (twin) report('error', at, twin, ['real_servers', i, 'address']);
  });
  const twin = sorry && find(sorry);
  if (twin) report('error', at, `the sorry server must be another one: ${twin}`, ['sorry_server', 'address']);
}

/** The last resort: no check, and weight 1. */
function readSorry(at: Located<VirtualServerShape>, context: ServerContext, report: Report): RealServerConfig | undefined {
  const shape = at.value.sorry_server ?? context.defaults?.sorry_server;
  if (!shape || shape === 'none') return undefined;
  const whole = { ...shape, weight: 1, upper: undefined, lower: undefined, checks: [] };
  return readServer(whole, context, at, at.value.sorry_server ? ['sorry_server'] : [], report);
}

/** While it serves, the others have weight 0, and keep their places in a table of hashes. */
export function checkSorry(
  at: Located<VirtualServerShape>,
  { scheduler, schedulerFlags, quorum, floor }: ServiceSettings,
  report: Report,
): void {
  const place = [at.value.sorry_server ? 'sorry_server' : 'scheduler'];
  // With a quorum of 1 nobody is up any more when it is lost.
  if (scheduler === 'dh' && (quorum > 1 || floor?.below === 'sorry'))
    report(
      'warning',
      at,
      'while the sorry server serves, dh refuses the clients of those that are still up: they have weight 0',
      place,
    );
  if (!isHashed(scheduler) || !refusesIdle(scheduler, schedulerFlags)) return;
  const text = `a sorry server with ${scheduler} needs ${scheduler}-fallback: the clients of the others would be refused while it serves`;
  report('error', at, text, place);
}

export function checkQuorum(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  { quorum, hysteresis }: ServiceSettings,
  report: Report,
): void {
  if (hysteresis >= quorum)
    report('error', at, `hysteresis (${hysteresis}) must be below the quorum (${quorum}): it would never be lost`, [
      'hysteresis',
    ]);
  const all = servers.reduce((sum, { weight }) => sum + weight, 0);
  if (servers.length === 0 || quorum + hysteresis <= all) return;
  const text = `quorum ${quorum}${hysteresis > 0 ? ` with hysteresis ${hysteresis}` : ''} is more than all weights together (${all}): it is met when all are up`;
  report('warning', at, text, [at.value.quorum === undefined ? 'name' : 'quorum']);
}

/** One sentence where it is all of them: a file without checks must not drown what else is to say. */
function warnUnchecked(name: string, servers: readonly RealServerConfig[], at: Located<unknown>, report: Report): void {
  const bare = servers.map((server, i) => ({ server, i })).filter(({ server }) => server.checks.length === 0);
  const { length } = bare;
  if (length > 1 && length === servers.length)
    return report('warning', at, `none of the ${length} real servers of ${name} has a check: they are always up`, [
      'real_servers',
    ]);
  for (const { server, i } of bare) {
    const key = formatEndpoint(server.address, server.port);
    report('warning', at, `the real server ${key} of ${name} has no check: it is always up`, ['real_servers', i]);
  }
}

function checkUse(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  settings: ServiceSettings,
  report: Report,
): void {
  const uses = (forward: string) => settings.forward === forward || servers.some((server) => server.forward === forward);
  if (at.value.tun && !uses('tun'))
    report('error', at, `"tun" means nothing: no real server of ${at.value.name} is behind a tunnel`, ['tun']);
  const fault = (at.value.tun || uses('tun')) && tunnelFault(settings.tunnel);
  if (fault) report('error', at, fault, [at.value.tun ? 'tun' : 'forward']);
  if (settings.snat && !uses('nat'))
    report('error', at, `"snat" means nothing: no real server of ${at.value.name} is forwarded to by nat`, ['snat']);
}

/** What the kernel does as it is told, to the surprise of many. */
export function warnSurprises(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  { scheduler, onePacket, onFailure, ids }: ServiceSettings,
  report: Report,
): void {
  const isUdp = ids[0]?.kind === 'address' && ids[0].protocol === 'udp';
  const hashed = isHashed(scheduler);
  if (isUdp && !onePacket && onFailure === 'quiesce' && servers.length > 0) {
    const cure = hashed
      ? `one_packet: true moves it, and ${scheduler} still finds one server for a client`
      : 'on_failure: remove moves it';
    const text = `a UDP flow stays with its failed real server as long as the client sends: weight 0 does not end it; ${cure}`;
    report('warning', at, text, [hashed ? 'scheduler' : 'on_failure']);
  }
  if (scheduler === 'sh' && servers.some((server) => server.weight > 1)) {
    const fact = 'under sh a server with weight 0 has one place in the table of hashes, not as many as its weight was';
    const text = `${fact}: while one fails or drains, clients of the others move too; with weight 1 for all, or mh, they stay`;
    report('warning', at, text, ['scheduler']);
  }
  const id = ids[0];
  if (id?.kind === 'fwmark' && id.family === 6 && !at.value.family && servers.some((server) => server.forward === 'tun')) {
    const text = `the mark of ${at.value.name} is taken for one of IPv6, as its real servers are; a tunnel carries IPv4 too: write family: ipv6, or ipv4`;
    report('warning', at, text, ['fwmark']);
  }
  if (onePacket && servers.some((server) => server.forward === 'nat')) {
    const cure = 'that is fine for flows without answers (syslog), otherwise write forward: dr';
    report('warning', at, `one_packet with nat: answers do not come from the address of ${at.value.name}; ${cure}`, [
      'one_packet',
    ]);
  }
}

/** Looks at nothing but its entry and `defaults`: an entry that is written as before is not built again (reparse.ts). */
export function buildService(
  at: Located<VirtualServerShape>,
  defaults: Defaults | undefined,
  report: Report,
): VirtualServerConfig {
  const { value } = at;
  const levels: readonly PartialTiming[] = [value.check, defaults?.check];
  const settings = buildSettings(at, defaults, report);
  const checks = (value.checks ?? defaults?.checks ?? []).map((check) => buildCheck(check, levels));
  checkTimes(checks, at, value.checks ? ['checks'] : [], report);
  if (value.real_servers.length === 0)
    report('warning', at, `the virtual server ${value.name} has no real server: connections to it are refused`);
  const context: ServerContext = { name: value.name, settings, checks, levels, defaults };
  const sorry = settings.ids.length === 0 ? undefined : readSorry(at, context, report);
  const realServers =
    settings.ids.length === 0
      ? []
      : value.real_servers.map((shape, i) => readServer(shape, context, at, ['real_servers', i], report));
  warnUnchecked(value.name, realServers, at, report);
  checkTwins(value.name, realServers, sorry, settings, at, report);
  checkUse(at, destinationsOf({ realServers, sorry }), settings, report);
  checkQuorum(at, realServers, settings, report);
  checkPolicy(at, realServers, { ...settings, sorry }, report);
  if (sorry) checkSorry(at, settings, report);
  warnSurprises(at, realServers, settings, report);
  return { name: value.name, ...settings, sorry, checks, realServers };
}

export type BuildService = typeof buildService;

/** What is odd about the times of the defaults is told there, and once: not at each check that has them. */
function tellingDefaults(defaults: Located<Defaults> | undefined, report: Report): Report {
  const hint = defaults?.value.check && slowHint(timingOf(defaults.value.check));
  if (!defaults || hint === undefined) return report;
  return (severity, at, message, below) =>
    message === hint ? report(severity, defaults, message, ['check']) : report(severity, at, message, below);
}

/** The rules that look at several entries look at what was built, not at the shape. */
export function buildServices(
  sections: readonly Located<VirtualServerShape>[],
  defaults: Located<Defaults> | undefined,
  report: Report,
  build: BuildService = buildService,
): VirtualServerConfig[] {
  const names = new Set<string>();
  const holders = new Map<string, VirtualServerConfig>();
  const wrapped = defaults?.value.tun?.type && tunnelFault(buildTunnel(defaults.value.tun));
  if (defaults && wrapped) report('error', defaults, wrapped, ['tun']);
  if (defaults) checkRules(defaults, report);
  const ofOne = tellingDefaults(defaults, report);
  return sections.map((at) => {
    const service = build(at, defaults?.value, ofOne);
    if (names.has(service.name)) report('error', at, `there is another virtual server named "${service.name}"`, ['name']);
    names.add(service.name);
    checkHolders(service, holders, at, report);
    const local = service.ids.find((id) => id.kind === 'address' && isLinkLocal6(id.address));
    if (local?.kind === 'address')
      report('warning', at, `${local.address} is link-local: only hosts of the same link can reach it`, ['address']);
    return service;
  });
}

/** Addresses that are there already: of ranges that overlap, one sentence for all that they share. */
function checkHolders(
  service: VirtualServerConfig,
  holders: Map<string, VirtualServerConfig>,
  at: Located<unknown>,
  report: Report,
): void {
  let shared: Map<VirtualServerConfig, string[]> | undefined;
  for (const id of service.ids) {
    const key = serviceKey(id);
    const holder = holders.get(key);
    holders.set(key, service);
    // Of two with one name that is what is told.
    if (holder === undefined || (holder !== service && holder.name === service.name)) continue;
    shared ??= new Map();
    shared.set(holder, [...(shared.get(holder) ?? []), key]);
  }
  if (!shared) return;
  const isMark = service.ids[0]?.kind === 'fwmark';
  for (const [holder, [first, ...more]] of shared) {
    const what = `${first}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
    const text = `${what} is ${isMark ? 'the mark' : 'the address'} of "${holder.name}" already`;
    report('error', at, holder === service ? `${what} is listed twice` : text, [isMark ? 'fwmark' : 'address']);
  }
}
