/** Who is out of service by the administrator's word: what `status` lists. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint } from '../base/ip.js';
import { isCut } from './admin.js';
import type { AdminState, Override, Provenance, ServiceIntent } from './types.js';

export interface OutOfService {
  /** `web/10.0.0.21:80`, `host 10.0.0.21` */
  readonly target: string;
  readonly state: AdminState['state'];
  readonly by: Provenance;
  /** Milliseconds since it was said. */
  readonly since: number;
  readonly text: string;
  /** It has stood for more than a day, and does not end by itself: somebody may have forgotten it. */
  readonly forgotten: boolean;
}

const DAY_MS = 86_400_000;

const roughly = (ms: number): string => formatDuration(Math.max(1, Math.ceil(ms / 1000)) * 1000);

function textOf(state: AdminState & { readonly remove?: true | undefined }, now: number): string {
  const back = state.expires === undefined ? '' : `, ready again in ${roughly(state.expires - now)}`;
  if (state.state === 'disabled') return `disabled${back}`;
  const cut = state.until === undefined ? '' : `, what is left is cut in ${roughly(state.until - now)}`;
  if (isCut(state, now)) return `drained, its deadline has passed${back}`;
  return `draining${cut}${state.remove ? ', then removed' : ''}${back}`;
}

function counted(services: readonly ServiceIntent[], hosts: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  if (hosts.size === 0) return counts;
  for (const { realServers } of services)
    for (const { address } of realServers) if (hosts.has(address)) counts.set(address, (counts.get(address) ?? 0) + 1);
  return counts;
}

/** Hosts first, the rest in the order in which it was said. `now`: wall clock in ms since 1970. */
export function outOfService(overrides: readonly Override[], services: readonly ServiceIntent[], now: number): OutOfService[] {
  const hosts = new Set(overrides.flatMap(({ change }) => (change.kind === 'set-host' ? [change.address] : [])));
  const counts = counted(services, hosts);
  const found: OutOfService[] = [];
  for (const { change, ...by } of overrides) {
    if (change.kind !== 'set-state' && change.kind !== 'set-host') continue;
    const began = Date.parse(by.when);
    const count = change.kind === 'set-host' ? (counts.get(change.address) ?? 0) : undefined;
    const servers = count === undefined ? '' : ` (${count} real ${count === 1 ? 'server' : 'servers'})`;
    found.push({
      target:
        change.kind === 'set-host'
          ? `host ${change.address}`
          : `${change.service}/${formatEndpoint(change.address, change.port)}`,
      state: change.state,
      by,
      since: Math.max(0, now - began),
      text: `${textOf(change, now)}${servers}`,
      forgotten: change.expires === undefined && now - Math.max(began, change.until ?? began) > DAY_MS,
    });
  }
  const isHost = ({ target }: OutOfService) => target.startsWith('host ');
  return [...found.filter(isHost), ...found.filter((one) => !isHost(one))];
}
