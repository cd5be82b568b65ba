/** What the words of a command line may be: the names of what is wanted. */
import { serviceKey } from '../base/service-id.js';
import type { Intent } from './types.js';

export interface Names {
  readonly services: readonly { readonly name: string; readonly keys: readonly string[] }[];
  /** Of the one service that was asked for. */
  readonly real_servers: readonly string[];
  readonly hosts: readonly string[];
  readonly instances: readonly string[];
}

/** `service` is a name or a key; an unknown one has no real servers. */
export function namesOf({ services, instances }: Pick<Intent, 'services' | 'instances'>, service: string | undefined): Names {
  const named = services.map(({ name, ids }) => ({ name, keys: ids.map(serviceKey) }));
  const at = named.findIndex(({ name, keys }) => name === service || (service !== undefined && keys.includes(service)));
  return {
    services: named,
    real_servers: services[at]?.realServers.map(({ key }) => key) ?? [],
    hosts: [...new Set(services.flatMap(({ realServers }) => realServers.map(({ address }) => address)))],
    instances: instances.map(({ name }) => name),
  };
}
