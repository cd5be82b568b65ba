/** The checked shape -> Config: defaults filled in, and the rules that look at two places at once. */

import { formatDuration } from '../base/duration.js';
import { familyOf, formatEndpoint } from '../base/ip.js';
import { buildInstances } from './build-vrrp.js';
import type { Path, Source } from './document.js';
import { laterText } from './later.js';
import type { CheckShape, FileShape, RealServerShape, TimingShape, VirtualServerShape, VrrpInstanceShape } from './schema.js';
import type { CheckConfig, CheckTiming, Config, GlobalConfig, Problem, RealServerConfig, VirtualServerConfig } from './types.js';

/** A value and where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly source: Source;
  readonly path: Path;
}

export type Report = (
  severity: Problem['severity'],
  at: Pick<Located<unknown>, 'source' | 'path'>,
  message: string,
  below?: Path,
) => void;

export interface Sections {
  readonly global: Located<NonNullable<FileShape['global']>> | undefined;
  readonly defaults: Located<NonNullable<FileShape['defaults']>> | undefined;
  readonly services: readonly Located<VirtualServerShape>[];
  readonly instances: readonly Located<VrrpInstanceShape>[];
}

const TIMING: CheckTiming = { interval: 2000, timeout: 1000, rise: 1, fall: 2 };

function buildGlobal(shape: FileShape['global'], hostname: string): GlobalConfig {
  return {
    routerId: shape?.router_id ?? hostname,
    stateDir: shape?.state_dir ?? '/var/lib/lbd',
    socket: shape?.control?.socket ?? '/run/lbd/lbd.sock',
    group: shape?.control?.group ?? 'lbd',
    onStop: shape?.on_stop ?? 'keep',
    requireIpvs: shape?.require_ipvs ?? true,
    logLevel: shape?.log_level ?? 'info',
  };
}

type PartialTiming = NonNullable<TimingShape> | undefined;

/** Nearest first: the check's own, the service's, the defaults', the built-in. */
function timingOf(...levels: readonly PartialTiming[]): CheckTiming {
  const pick = <K extends keyof CheckTiming>(key: K) => levels.find((level) => level?.[key] !== undefined)?.[key] ?? TIMING[key];
  return { interval: pick('interval'), timeout: pick('timeout'), rise: pick('rise'), fall: pick('fall') };
}

const DEFAULT_STATUS: CheckStatus = [[200, 299]];
type CheckStatus = readonly (readonly [number, number])[];

function buildCheck(shape: CheckShape, levels: readonly PartialTiming[]): CheckConfig {
  const timing = timingOf(shape, ...levels);
  switch (shape.type) {
    case 'icmp':
      return { type: 'icmp', ...timing };
    case 'tcp':
      return { type: 'tcp', port: shape.port, ...timing };
    case 'http':
      return {
        type: 'http',
        port: shape.port,
        path: shape.path ?? '/',
        host: shape.host,
        headers: Object.entries(shape.headers ?? {}),
        status: shape.status ?? DEFAULT_STATUS,
        body: shape.body,
        ...timing,
      };
  }
}

function checkTimes(checks: readonly CheckConfig[], at: Located<unknown>, below: Path, report: Report): void {
  for (const check of checks) {
    if (check.timeout <= check.interval) continue;
    report(
      'error',
      at,
      `the check's timeout (${formatDuration(check.timeout)}) is longer than its interval (${formatDuration(check.interval)})`,
      below,
    );
  }
}

type ServiceBase = Omit<VirtualServerConfig, 'realServers'>;

function buildServer(shape: RealServerShape, service: ServiceBase, levels: readonly PartialTiming[]): RealServerConfig {
  return {
    address: shape.address.address,
    port: shape.address.port,
    weight: shape.weight ?? 1,
    forward: shape.forward ?? service.forward,
    upper: shape.upper ?? 0,
    lower: shape.lower ?? 0,
    checks: shape.checks ? shape.checks.map((check) => buildCheck(check, levels)) : service.checks,
  };
}

function checkServer(server: RealServerConfig, service: ServiceBase, at: Located<unknown>, below: Path, report: Report): void {
  const family = familyOf(service.address);
  if (familyOf(server.address) !== family) {
    const mixed = server.forward === 'tun' ? `: ${laterText('another address family behind a tunnel')}` : '';
    report(
      'error',
      at,
      `${server.address} is IPv${familyOf(server.address)}, the virtual server ${service.name} IPv${family}${mixed}`,
      [...below, 'address'],
    );
  }
  if (server.forward !== 'nat' && server.port !== service.port) {
    const cure = `write ${formatEndpoint(server.address, service.port)}, or forward: nat`;
    report('error', at, `${server.forward} does not change ports: port ${server.port} must be ${service.port}; ${cure}`, [
      ...below,
      'address',
    ]);
  }
  if (server.lower > server.upper)
    report('error', at, `lower (${server.lower}) is above upper (${server.upper})`, [...below, 'lower']);
}

function buildServers(
  at: Located<VirtualServerShape>,
  service: ServiceBase,
  levels: readonly PartialTiming[],
  report: Report,
): RealServerConfig[] {
  const seen = new Set<string>();
  return at.value.real_servers.map((shape, i) => {
    const below = ['real_servers', i];
    const server = buildServer(shape, service, levels);
    const key = formatEndpoint(server.address, server.port);
    if (seen.has(key)) report('error', at, `${key} is a real server of ${service.name} already`, [...below, 'address']);
    seen.add(key);
    checkServer(server, service, at, below, report);
    if (shape.checks) checkTimes(server.checks, at, [...below, 'checks'], report);
    if (server.checks.length === 0)
      report('warning', at, `the real server ${key} of ${service.name} has no check: it is always up`, below);
    return server;
  });
}

function buildService(at: Located<VirtualServerShape>, defaults: FileShape['defaults'], report: Report): VirtualServerConfig {
  const { value } = at;
  const levels = [value.check, defaults?.check];
  const base: ServiceBase = {
    name: value.name,
    protocol: value.protocol ?? 'tcp',
    address: value.address.address,
    port: value.address.port,
    scheduler: value.scheduler ?? defaults?.scheduler ?? 'wlc',
    forward: value.forward ?? defaults?.forward ?? 'nat',
    onFailure: value.on_failure ?? defaults?.on_failure ?? 'remove',
    checks: (value.checks ?? defaults?.checks ?? []).map((check) => buildCheck(check, levels)),
  };
  checkTimes(base.checks, at, value.checks ? ['checks'] : [], report);
  if (value.real_servers.length === 0)
    report('warning', at, `the virtual server ${base.name} has no real server: connections to it are refused`);
  return { ...base, realServers: buildServers(at, base, levels, report) };
}

function buildServices(sections: Sections, report: Report): VirtualServerConfig[] {
  const names = new Set<string>();
  const tuples = new Map<string, string>();
  return sections.services.map((at) => {
    const service = buildService(at, sections.defaults?.value, report);
    const tuple = `${service.protocol}/${formatEndpoint(service.address, service.port)}`;
    const holder = tuples.get(tuple);
    if (names.has(service.name)) report('error', at, `there is another virtual server named "${service.name}"`, ['name']);
    if (holder) report('error', at, `${tuple} is the address of "${holder}" already`, ['address']);
    names.add(service.name);
    tuples.set(tuple, service.name);
    return service;
  });
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
    if (carried.has(service.address)) return;
    report(
      'warning',
      sections.services[i] as Located<VirtualServerShape>,
      `no VRRP instance carries ${service.address}, the address of ${service.name}`,
      ['address'],
    );
  });
}

export function buildConfig(sections: Sections, hostname: string, problems: Problem[]): Config {
  const report: Report = (severity, at, message, below = []) =>
    problems.push(at.source.problem(severity, message, [...at.path, ...below]));
  const virtualServers = buildServices(sections, report);
  const vrrpInstances = buildInstances(sections.instances, report);
  const carried = new Set(vrrpInstances.flatMap((instance) => instance.addresses.map((prefix) => prefix.address)));
  warnUncarried(sections, virtualServers, carried, report);
  return { global: buildGlobal(sections.global?.value, hostname), virtualServers, vrrpInstances };
}
