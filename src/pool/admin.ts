/** What the administrator has said of a real server, and what comes of it now. */
import { formatDuration } from '../base/duration.js';
import type { Admin, RealServerIntent, ServiceIntent } from '../intent/types.js';

/** `out`: disabled, or a drain whose deadline has passed: the kernel cuts what is left when the destination is gone. */
export type Standing = 'ready' | 'draining' | 'out';

type Server = Pick<RealServerIntent, 'admin'>;

/** `now`: wall clock in ms since 1970. */
export function standingOf({ admin }: Server, now: number): Standing {
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

/** Persistent clients that keep coming are not done with it; the templates of others only wait for their end. */
export const isEmpty = ({ active, inactive, persistent }: Left, honoured: boolean): boolean =>
  active + inactive + (honoured ? persistent : 0) === 0;

function describeLeft({ active, inactive, persistent }: Left, honoured: boolean): string {
  const clients = `${persistent} persistent ${persistent === 1 ? 'client' : 'clients'}`;
  const kept = persistent === 0 ? '' : `, ${clients}${honoured ? ' who may come again' : ''}`;
  return `${active} active and ${inactive} inactive connections left${kept}`;
}

/** What becomes of it then, and when it comes back. */
function describeEnd({ expires, remove }: Admin, now: number): string {
  const gone = remove ? ', then removed' : '';
  return `${gone}${expires === undefined ? '' : `, ready again in ${roughly(expires - now)}`}`;
}

/**
 * `left`: undefined where the kernel does not have the server. `honoured`: its persistent clients keep coming (intent/admin.ts).
 * `now`: wall clock in ms since 1970.
 */
export function describeStanding({ admin }: Server, left: Left | undefined, now: number, honoured = false): string | undefined {
  if (!admin) return undefined;
  const host = admin.host ? ' with its host' : '';
  const end = describeEnd(admin, now);
  if (admin.state === 'disabled') return `disabled${host}, not in the table${end}`;
  if (admin.until !== undefined && now >= admin.until)
    return `drained${host}: its deadline has passed, and it is not in the table${end}`;
  const cut = admin.until === undefined ? '' : `, cut in ${roughly(admin.until - now)}`;
  if (left === undefined) return `draining${host}, not in the table${cut}${end}`;
  if (isEmpty(left, honoured)) return `drained${host}: in the table with weight 0, no connections left${end}`;
  return `draining${host}: in the table with weight 0, ${describeLeft(left, honoured)}${cut}${end}`;
}
