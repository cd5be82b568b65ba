/** The checked shape -> Config: defaults filled in, and the rules that look at two places at once. */

import { buildChecking, checkMarks } from './build-checking.js';
import { buildHttp, buildPeers } from './build-control.js';
import { buildConnectionSync, buildKernelSettings, buildTimeouts } from './build-director.js';
import { checkSynced } from './build-failback.js';
import { type BuildService, buildService, buildServices } from './build-service.js';
import { buildGroups, buildScripts, buildTracks } from './build-track.js';
import { buildInstances } from './build-vrrp.js';
import type { Located, Report } from './located.js';
import { groupsOf, ofTheWhole, pairsAmong, shareOut, splitPairs, twinOf, withTwins } from './pairs.js';
import type { FileShape, VrrpInstanceShape } from './schema.js';
import type { VirtualServerShape } from './schema-service.js';
import type { ScriptShape, SyncGroupShape } from './schema-track.js';
import type { Config, GlobalConfig, Problem, VirtualServerConfig, VrrpInstanceConfig } from './types.js';

type Section<K extends keyof FileShape> = Located<NonNullable<FileShape[K]>> | undefined;

export interface Sections {
  readonly global: Section<'global'>;
  readonly defaults: Section<'defaults'>;
  readonly connection_sync: Section<'connection_sync'>;
  readonly timeouts: Section<'timeouts'>;
  readonly kernel_settings: Section<'kernel_settings'>;
  readonly services: readonly Located<VirtualServerShape>[];
  readonly instances: readonly Located<VrrpInstanceShape>[];
  readonly groups: readonly Located<SyncGroupShape>[];
  readonly scripts: readonly Located<ScriptShape>[];
}

/** A change that takes more than half away is rather a file that was cut off. */
const MAX_REMOVED = 50;

function buildGlobal(at: Section<'global'>, hostname: string, report: Report): GlobalConfig {
  const shape = at?.value;
  return {
    routerId: shape?.router_id ?? hostname,
    stateDir: shape?.state_dir ?? '/var/lib/lbd',
    socket: shape?.control?.socket ?? '/run/lbd/lbd.sock',
    group: shape?.control?.group ?? 'lbd',
    maxRemoved: shape?.max_removed ?? MAX_REMOVED,
    onStop: shape?.on_stop ?? 'keep',
    requireIpvs: shape?.require_ipvs ?? true,
    logLevel: shape?.log_level ?? 'info',
    http: at && buildHttp(at, shape?.http, report),
    peers: at ? buildPeers(at, at.value.peers, report) : [],
  };
}

/** A service that no director announces: right behind a router, a slip on a pair. */
function warnUncarried(
  sections: Sections,
  services: readonly VirtualServerConfig[],
  carried: ReadonlySet<string>,
  report: Report,
): void {
  if (sections.instances.length === 0) return;
  services.forEach((service, i) => {
    const bare = service.ids.flatMap((id) => (id.kind === 'address' && !carried.has(id.address) ? [id.address] : []));
    if (bare.length === 0) return;
    const shown = bare.length > 3 ? `${bare.slice(0, 3).join(', ')} and ${bare.length - 3} more` : bare.join(', ');
    const what = bare.length > 1 ? 'addresses' : 'the address';
    report('warning', sections.services[i] as Located<unknown>, `no VRRP instance carries ${shown}, ${what} of ${service.name}`, [
      'address',
    ]);
  });
}

/** `follow` must name an instance; what a service follows by itself is found out by the daemon. */
function checkFollow(
  sections: Sections,
  services: readonly VirtualServerConfig[],
  instances: readonly VrrpInstanceConfig[],
  report: Report,
): void {
  services.forEach(({ name, follow, ids }, i) => {
    if (follow === 'auto' || follow === 'always') return;
    const at = sections.services[i] as Located<unknown>;
    const instance = instances.find((one) => one.name === follow);
    if (!instance) report('error', at, `follow: there is no VRRP instance "${follow}" (or write auto, or always)`, ['follow']);
    const addresses = ids.flatMap((id) => (id.kind === 'address' ? [id.address] : []));
    const twin = instances.find((one) => one.name === twinOf(follow));
    const carried = new Set([...(instance?.addresses ?? []), ...(twin?.addresses ?? [])].map((prefix) => prefix.address));
    if (instance && addresses.length > 0 && !addresses.some((address) => carried.has(address)))
      report('warning', at, `${name} follows ${follow}, which carries no address of it`, ['follow']);
  });
}

/** snat is conntrack's: without it the kernel's rule never sees the connection. */
function checkTracked(sections: Sections, services: readonly VirtualServerConfig[], report: Report): void {
  const tracked = services.find((service) => service.snat);
  if (!tracked || !sections.kernel_settings || sections.kernel_settings.value.conntrack !== '0') return;
  report('error', sections.kernel_settings, `conntrack: 0 does not go with snat (${tracked.name}): leave it out`, ['conntrack']);
}

export type { BuildService } from './build-service.js';

/** What is told of the same place already is not told again. */
function reporter(problems: Problem[]): Report {
  const told = new Set<string>();
  return (severity, at, message, below = []) => {
    const problem = at.source.problem(severity, message, [...at.path, ...below]);
    const key = JSON.stringify([problem.file, problem.line, problem.column, ofTheWhole(message)]);
    if (told.has(key)) return;
    told.add(key);
    problems.push(problem);
  };
}

/**
 * Of a configuration that is wrong elsewhere: what its entries say by themselves, and of each other. What is missing is not told: it may be
 * among what could not be read.
 */
export function checkEntries(
  { services, defaults, instances, isPartial }: Pick<Sections, 'services' | 'defaults' | 'instances'> & { isPartial: boolean },
  problems: Problem[],
): void {
  const tell = reporter(problems);
  const report: Report = (severity, ...rest) => {
    if (severity === 'error') tell(severity, ...rest);
  };
  if (!isPartial) buildServices(services, defaults, report);
  buildInstances(splitPairs(instances, report), report);
}

export function buildConfig(
  sections: Sections,
  hostname: string,
  problems: Problem[],
  build: BuildService = buildService,
): Config {
  const report = reporter(problems);
  const virtualServers = buildServices(sections.services, sections.defaults, report, build);
  const scripts = buildScripts(sections.scripts, report);
  const pairs = pairsAmong(sections.instances);
  const syncGroups = groupsOf(buildGroups(sections, report), pairs);
  const halves = { ...sections, instances: splitPairs(sections.instances, report), groups: withTwins(sections.groups, pairs) };
  const plain = shareOut(buildInstances(halves.instances, report), pairs);
  const vrrpInstances = buildTracks(halves, plain, { scripts, virtualServers }, report);
  const carried = new Set(vrrpInstances.flatMap((instance) => instance.addresses.map((prefix) => prefix.address)));
  warnUncarried(sections, virtualServers, carried, report);
  checkFollow(sections, virtualServers, vrrpInstances, report);
  checkTracked(sections, virtualServers, report);
  const synced = { peers: (sections.global?.value.peers.length ?? 0) > 0, sync: sections.connection_sync !== undefined };
  checkSynced(sections.instances, synced, report);
  const checking = buildChecking(sections.global?.value);
  checkMarks(sections, virtualServers, checking, report);
  if (sections.global && checking.suspicion?.yields && vrrpInstances.length === 0)
    report('warning', sections.global, 'yield means nothing here: there is no VRRP instance', ['suspicion', 'yield']);
  return {
    global: buildGlobal(sections.global, hostname, report),
    virtualServers,
    vrrpInstances,
    syncGroups,
    scripts,
    kernel: buildKernelSettings(sections.kernel_settings?.value),
    connectionSync: buildConnectionSync(sections.connection_sync, vrrpInstances, virtualServers, report),
    timeouts: buildTimeouts(sections.timeouts?.value),
    checking,
    defaults: sections.defaults?.value,
  };
}
