/**
 * `via: vip`: a check goes to an address of its virtual server, through the forwarding of the real server that it belongs to. Which
 * address and port that is, and what makes no sense.
 */
import { familyOf, formatEndpoint, type Ip } from '../base/ip.js';
import { isRefused, type Parsed, refused } from '../base/words.js';
import type { CheckConfig } from './check-types.js';
import { type MarkRange, markFault, type Passage } from './passage.js';
import type { RealServerConfig, ServiceSettings, VirtualServerConfig } from './types.js';
import { isVia, type ViaCheck } from './via.js';

interface Place {
  readonly address: Ip;
  readonly port: number;
}

/** The first address of the service with the real server's port, unless the check says which. */
function vipOf(check: ViaCheck, server: RealServerConfig, { ids }: Pick<ServiceSettings, 'ids'>): Parsed<Place> {
  const own = ids.flatMap((id) => (id.kind === 'address' ? [id] : []));
  const first = own.find((id) => id.port === server.port) ?? own[0];
  const address = check.connect ?? first?.address;
  if (address === undefined) return refused('via: vip needs the "address" to go to: a firewall mark says none');
  if (familyOf(address) !== ids[0]?.family) return refused(`via: vip: ${address} is not of the virtual server's address family`);
  if (own.length > 0 && !own.some((id) => id.address === address))
    return refused(`via: vip: ${address} is no address of the virtual server: leave "address" out, or name one of its own`);
  // Without any port it is told as of every check.
  return { value: { address, port: check.port ?? (first?.port || server.port) } };
}

function passageOf({ address, forward, tunnel }: RealServerConfig): Passage | undefined {
  if (forward === 'nat') return undefined;
  return forward === 'dr' ? { address, forward } : { address, forward, tunnel };
}

function through(check: ViaCheck, server: RealServerConfig, settings: Pick<ServiceSettings, 'ids'>): Parsed<CheckConfig> {
  const passage = passageOf(server);
  const cure = 'leave "via" out, or forward by dr or tun';
  if (!passage)
    return refused(`via: vip means nothing with nat: ${server.address} has its own address only, and is checked there; ${cure}`);
  const vip = vipOf(check, server, settings);
  if (isRefused(vip)) return vip;
  const { address, port } = vip.value;
  if (check.source === address || settings.ids.some((id) => id.kind === 'address' && id.address === check.source))
    return refused(`via: vip cannot leave from ${check.source}, the address that it goes to: the answer would not come back`);
  return { value: { ...check, connect: address, port, passage } };
}

/** The server with its checks led through its passage. */
export function leadThrough(
  server: RealServerConfig,
  settings: Pick<ServiceSettings, 'ids'>,
  tell: (message: string) => void,
): RealServerConfig {
  if (!server.checks.some(isVia)) return server;
  const checks = server.checks.map((check) => {
    const led = isVia(check) ? through(check, server, settings) : { value: check };
    if (!isRefused(led)) return led.value;
    tell(`the ${check.type} check of ${formatEndpoint(server.address, server.port)}: ${led.refused}`);
    return check;
  });
  return { ...server, checks };
}

/** What is wrong with the marks of a virtual server, and of its checks. */
export function* markFaults(service: VirtualServerConfig, range: MarkRange): Generator<string> {
  for (const id of service.ids) {
    const fault = id.kind === 'fwmark' ? markFault(range, id.fwmark) : undefined;
    if (fault) yield fault;
  }
  const marks = new Set(service.realServers.flatMap(({ checks }) => checks.map((check) => 'fwmark' in check && check.fwmark)));
  for (const mark of marks) {
    const fault = typeof mark === 'number' ? markFault(range, mark) : undefined;
    if (fault) yield `a check of ${service.name}: ${fault}`;
  }
}

/** Passages that the services need, each once. */
export function countPassages(services: readonly VirtualServerConfig[]): number {
  const found = new Set<string>();
  for (const { ids, realServers } of services)
    for (const { checks } of realServers)
      for (const check of checks) if (isVia(check)) found.add(JSON.stringify([ids[0]?.family, check.passage]));
  return found.size;
}
