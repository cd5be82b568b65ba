/** Real servers: defaults from their virtual server, and what the kernel would misread or refuse. */
import { familyOf, formatEndpoint, type Ip, isLinkLocal6 } from '../base/ip.js';
import { buildCheck, checkTimes, type PartialTiming } from './build-check.js';
import { checkMode, policyOfServer } from './build-policy.js';
import { buildTunnel, tunnelFault } from './build-tunnel.js';
import { leadThrough } from './build-via.js';
import type { Path } from './document.js';
import type { Located, Report } from './located.js';
import type { FileShape } from './schema.js';
import type { RealServerShape } from './schema-service.js';
import type { CheckConfig, Forward, RealServerConfig, ServiceSettings } from './types.js';

/** What a real server inherits. */
export interface ServerContext {
  readonly name: string;
  readonly settings: ServiceSettings;
  readonly checks: readonly CheckConfig[];
  /** Of checks of its own. */
  readonly levels: readonly PartialTiming[];
  readonly defaults: FileShape['defaults'];
}

/** The ports of the service, each once; 0 for every port. */
export const portsOf = ({ ids }: Pick<ServiceSettings, 'ids'>): number[] => [
  ...new Set(ids.map((id) => (id.kind === 'address' ? id.port : 0))),
];

function build(shape: RealServerShape, { settings, checks, levels, defaults }: ServerContext): RealServerConfig {
  return {
    address: shape.address.address,
    port: shape.address.port ?? portsOf(settings)[0] ?? 0,
    weight: shape.weight ?? 1,
    forward: shape.forward ?? settings.forward,
    tunnel: shape.tun ? buildTunnel(shape.tun, settings.tunnel, defaults?.tun) : settings.tunnel,
    upper: shape.upper ?? 0,
    lower: shape.lower ?? 0,
    checks: shape.checks ? shape.checks.map((check) => buildCheck(check, levels)) : checks,
    ...policyOfServer(shape, settings),
  };
}

type Tell = (message: string, key?: string) => void;

function checkFamily(server: RealServerConfig, { name, settings }: ServerContext, tell: Tell): void {
  const family = settings.ids[0]?.family;
  if (isLinkLocal6(server.address)) return tell(`${server.address} is link-local: the kernel takes no such real server`);
  if (familyOf(server.address) === family || server.forward === 'tun') return;
  const cure = 'only a tunnel (forward: tun) carries one family in the other';
  tell(`${server.address} is IPv${familyOf(server.address)}, the virtual server ${name} IPv${family}; ${cure}`);
}

function checkPort(server: RealServerConfig, { settings }: ServerContext, tell: Tell): void {
  const ports = portsOf(settings);
  const free = ports.includes(0);
  if (server.forward !== 'nat' && !free && !ports.includes(server.port)) {
    const cure = `write ${formatEndpoint(server.address, ports[0] as number)}, or forward: nat`;
    tell(`${server.forward} does not change ports: port ${server.port} must be ${ports.join(' or ')}; ${cure}`);
  }
  if (server.port === 0 && !free) tell(`port 0 is no port: write ${formatEndpoint(server.address, ports[0] as number)}`);
}

/** With nat the port is the real server's own, one for all: which one, when the service has several, is nobody's to guess. */
export function whichPortFault(address: Ip, forward: Forward, settings: Pick<ServiceSettings, 'ids'>): string | undefined {
  const ports = portsOf(settings);
  if (forward !== 'nat' || ports.length < 2) return undefined;
  const cure = `write ${formatEndpoint(address, ports[0] as number)}, or a virtual server for each port`;
  return `with nat every port (${ports.join(', ')}) goes to one port of ${address}: say which; ${cure}`;
}

function checkWhichPort(server: RealServerConfig, shape: RealServerShape, { settings }: ServerContext, tell: Tell): void {
  const fault = shape.address.port === undefined && whichPortFault(server.address, server.forward, settings);
  if (fault) tell(fault);
}

/** A persistent service without a port of its own sends a client to the port that it named (ip_vs_sched_persist). */
const keepsPort = ({ forward }: RealServerConfig, settings: ServiceSettings): boolean =>
  forward === 'nat' && settings.persistence !== undefined && portsOf(settings).every((port) => port === 0);

/** Why its port would never be used. */
export function keptPortFault(
  server: RealServerConfig,
  { name, settings }: Pick<ServerContext, 'name' | 'settings'>,
): string | undefined {
  if (server.port === 0 || !keepsPort(server, settings)) return undefined;
  const why = `${name} is persistent and has no port of its own: the kernel keeps the port that the client named`;
  return `${why}, and never uses port ${server.port}; write ${server.address} (a check has a "port" of its own)`;
}

function checkKeptPort(server: RealServerConfig, context: ServerContext, tell: Tell): void {
  const fault = keptPortFault(server, context);
  if (fault) tell(fault);
}

const needsPort = (check: CheckConfig): check is Exclude<CheckConfig, { type: 'file' | 'icmp' | 'script' }> =>
  check.type !== 'icmp' && check.type !== 'file' && check.type !== 'script';

/** A check must know where to knock. */
function checkTarget(server: RealServerConfig, { settings }: ServerContext, tell: Tell): void {
  const blind = server.checks.find((check) => needsPort(check) && !check.port);
  // Where the service has a port, 0 is none at all, and refused as such.
  if (server.port !== 0 || !blind || !portsOf(settings).includes(0)) return;
  const other = keepsPort(server, settings) ? '' : `, or write ${formatEndpoint(server.address, 80)}`;
  tell(`the ${blind.type} check of ${server.address} has no port: give the check a port${other}`);
}

/** A socket of one family cannot leave from an address of the other: every probe would fail here, and say nothing of the server. */
function checkSources(server: RealServerConfig, tell: Tell): void {
  for (const check of server.checks) {
    if (!('source' in check) || check.source === undefined) continue;
    const target = check.connect ?? server.address;
    if (familyOf(check.source) === familyOf(target)) continue;
    tell(
      `the ${check.type} check of ${target} (IPv${familyOf(target)}) cannot leave from ${check.source}: it is IPv${familyOf(check.source)}`,
    );
  }
}

function checkTunnel(server: RealServerConfig, shape: RealServerShape, tell: Tell): void {
  if (!shape.tun) return;
  const unused = server.forward !== 'tun' && `"tun" means nothing to ${server.address}: it is forwarded to by ${server.forward}`;
  const fault = unused || tunnelFault(server.tunnel);
  if (fault) tell(fault, 'tun');
}

export function readServer(
  shape: RealServerShape,
  context: ServerContext,
  at: Located<unknown>,
  below: Path,
  report: Report,
): RealServerConfig {
  const tell: Tell = (message, key = 'address') => report('error', at, message, [...below, key]);
  const server = leadThrough(build(shape, context), context.settings, (message) =>
    tell(message, shape.checks ? 'checks' : 'address'),
  );
  checkFamily(server, context, tell);
  checkPort(server, context, tell);
  checkWhichPort(server, shape, context, tell);
  checkKeptPort(server, context, tell);
  checkTarget(server, context, tell);
  checkSources(server, tell);
  checkTunnel(server, shape, tell);
  if (server.lower > server.upper) tell(`lower (${server.lower}) is above upper (${server.upper})`, 'lower');
  checkMode(server, shape, at, below, report);
  if (shape.checks) checkTimes(server.checks, at, [...below, 'checks'], report);
  return server;
}
