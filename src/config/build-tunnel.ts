/** How packets are wrapped on their way to real servers behind a tunnel. */
import type { Tunnel } from './types.js';

/** IANA's port of GUE. */
const GUE_PORT = 6080;

type Level = { readonly [K in keyof Tunnel]?: Tunnel[K] | undefined } | undefined;

/** Nearest first. */
export function buildTunnel(...levels: readonly Level[]): Tunnel {
  const type = levels.find((level) => level?.type)?.type ?? 'ipip';
  // What was said of another type does not hold for this one.
  const same = levels.filter((level) => level && (level.type === undefined || level.type === type));
  const port = same.find((level) => level?.port !== undefined)?.port ?? (type === 'gue' ? GUE_PORT : 0);
  return { type, port, checksum: same.find((level) => level?.checksum)?.checksum ?? 'none' };
}

/** What the kernel would take and ignore. */
export function tunnelFault({ type, port, checksum }: Tunnel): string | undefined {
  if (type !== 'gue' && port !== 0) return `a tunnel of type ${type} has no port: only gue has`;
  if (type === 'ipip' && checksum !== 'none') return 'a tunnel of type ipip has no checksum';
  if (type === 'gre' && checksum === 'remcsum') return 'remote checksum offload is of gue only: gre has none and csum';
  return undefined;
}
