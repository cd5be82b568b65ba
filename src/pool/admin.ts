/** What the administrator has said of a real server, and what comes of it now. */
import { formatDuration } from '../base/duration.js';
import type { RealServerIntent, ServiceIntent } from '../intent/types.js';

/** `out`: disabled, or a drain whose deadline has passed: the kernel cuts what is left when the destination is gone. */
export type Standing = 'ready' | 'draining' | 'out';

/** `now`: wall clock in ms since 1970. */
export function standingOf({ admin }: Pick<RealServerIntent, 'admin'>, now: number): Standing {
  if (!admin) return 'ready';
  if (admin.state === 'disabled') return 'out';
  return admin.until !== undefined && now >= admin.until ? 'out' : 'draining';
}

/** When a drain of the services is next to be cut. */
export function nextDeadline(services: Iterable<ServiceIntent>, now: number): number | undefined {
  let next: number | undefined;
  for (const { realServers } of services)
    for (const { admin } of realServers) {
      if (admin?.until === undefined || admin.until <= now) continue;
      next = Math.min(next ?? admin.until, admin.until);
    }
  return next;
}

/** In whole seconds, never 0. */
export const roughly = (ms: number): string => formatDuration(Math.max(1, Math.ceil(ms / 1000)) * 1000);

/** Connections that a real server still has in the kernel. */
export interface Left {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
}

const describeLeft = ({ active, inactive, persistent }: Left): string =>
  `${active} active and ${inactive} inactive connections left${persistent > 0 ? `, ${persistent} persistent clients` : ''}`;

/** `left`: undefined where the kernel does not have the server. */
export function describeStanding(
  { admin }: Pick<RealServerIntent, 'admin'>,
  left: Left | undefined,
  now: number,
): string | undefined {
  if (!admin) return undefined;
  if (admin.state === 'disabled') return 'disabled, not in the table';
  if (admin.until !== undefined && now >= admin.until) return 'drained: its deadline has passed, and it is not in the table';
  const cut = admin.until === undefined ? '' : `, cut in ${roughly(admin.until - now)}`;
  if (left === undefined) return `draining, not in the table${cut}`;
  if (left.active + left.inactive === 0) return 'drained: in the table with weight 0, no connections left';
  return `draining: in the table with weight 0, ${describeLeft(left)}${cut}`;
}
