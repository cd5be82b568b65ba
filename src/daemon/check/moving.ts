/** Real servers whose part changes by itself, for `status`: they drain, or get their weight step by step. */
import { serviceKey } from '../../base/service-id.js';
import type { ApiStatus } from '../../control/api.js';
import type { ServiceIntent } from '../../intent/types.js';
import type { KernelService } from '../../ipvs/types.js';
import { kernelKey } from '../../pool/membership.js';
import type { CheckSummary } from '../messages.js';
import type { Sight } from './report.js';
import { memberOf } from './report-pool.js';
import { connectionsOf } from './stats.js';

/** Connections that are left of the drains of a service. `read`: its kernel services, as they are now. */
export function drainsOf(
  { name, ids, realServers }: ServiceIntent,
  read: () => ReadonlyMap<string, KernelService> | undefined,
): CheckSummary['drains'] {
  const draining = realServers.filter(({ admin }) => admin?.state === 'drain');
  if (draining.length === 0) return [];
  const kernel = read();
  if (!kernel) return [];
  return draining.map((server) => {
    const found = ids.flatMap((id) => kernel.get(serviceKey(id))?.destinations.get(kernelKey(server, id)) ?? []);
    return { target: `${name}/${server.key}`, host: server.address, left: connectionsOf(found) };
  });
}

export function slowStartsOf(sight: Sight, service: ServiceIntent): ApiStatus['slow_starts'] {
  const { ramps } = sight.poolOf(service);
  if (ramps.size === 0) return [];
  const wanted = sight.wantedOf(service.key);
  return service.realServers.flatMap((server) => {
    const { growing } = memberOf(sight, service, server);
    const weight = wanted?.destinations.get(kernelKey(server, service.id))?.weight;
    if (growing === undefined || weight === undefined) return [];
    return [{ target: `${service.name}/${server.key}`, weight, full_weight: server.weight, seconds: Math.ceil(growing / 1000) }];
  });
}
