/** Tunnels that this kernel does not have. */
import type { Service } from '../../ipvs/types.js';
import type { TableOptions } from './table-types.js';

/** IP_VS_CONN_F_TUNNEL_TYPE_* (linux/ip_vs.h), and the kernel that brought them: what a user is told, never what decides. */
const TUNNELS: Readonly<Record<number, string>> = { 1: 'gue (Linux 5.2 has it)', 2: 'gre (Linux 5.3 has it)' };

/** Most services have none. */
function hasTunnel({ destinations }: Service): boolean {
  for (const dest of destinations.values()) if (dest.tunType !== 0) return true;
  return false;
}

/** The service without destinations that the kernel would take for something else, and the sentence that says so. */
function withoutUnknownTunnels(
  service: Service,
  knows: (type: number) => boolean,
): { readonly service: Service; readonly lacking: string } {
  if (!hasTunnel(service)) return { service, lacking: '' };
  const unknown = [...service.destinations].filter(([, dest]) => dest.tunType !== 0 && !knows(dest.tunType));
  if (unknown.length === 0) return { service, lacking: '' };
  const names = [...new Set(unknown.map(([, dest]) => TUNNELS[dest.tunType] ?? `type ${dest.tunType}`))];
  const left = new Set(unknown.map(([key]) => key));
  const destinations = new Map([...service.destinations].filter(([key]) => !left.has(key)));
  return {
    service: { ...service, destinations },
    lacking: `this kernel has no tunnel ${names.join(', ')}: ${[...left].join(', ')} left out`,
  };
}

export interface TunnelSieve {
  /** Without what this kernel cannot do. */
  possible(key: string, target: Service | undefined): Service | undefined;
  /** What was left out. */
  lacking(key: string): string | undefined;
}

export function createTunnelSieve({
  log,
  nameOf,
  knows,
}: Pick<TableOptions, 'log' | 'nameOf'> & { readonly knows: (type: number) => boolean }): TunnelSieve {
  const lacking = new Map<string, string>();
  return {
    possible(key, target) {
      const result = target && withoutUnknownTunnels(target, knows);
      if (!result?.lacking) lacking.delete(key);
      else if (lacking.get(key) !== result.lacking) {
        lacking.set(key, result.lacking);
        log('error', 'this kernel lacks something', { service: nameOf(key), reason: result.lacking });
      }
      return result?.service;
    },
    lacking: (key) => lacking.get(key),
  };
}
