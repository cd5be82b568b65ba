/** Tunnels that this kernel does not have. */
import type { Service } from '../../ipvs/types.js';

/** IP_VS_CONN_F_TUNNEL_TYPE_* (linux/ip_vs.h), and the kernel that brought them: what a user is told, never what decides. */
const TUNNELS: Readonly<Record<number, string>> = { 1: 'gue (Linux 5.2 has it)', 2: 'gre (Linux 5.3 has it)' };

/** The service without destinations that the kernel would take for something else, and the sentence that says so. */
export function withoutUnknownTunnels(
  service: Service,
  knows: (type: number) => boolean,
): { readonly service: Service; readonly lacking: string } {
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
