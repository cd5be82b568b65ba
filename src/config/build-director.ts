/** What concerns the whole director: connection sync, timeouts, kernel settings. */
import { familyOf } from '../base/ip.js';
import { destinationsOf } from './destinations.js';
import type { Located, Report } from './located.js';
import type { FileShape } from './schema.js';
import type {
  ConnectionSyncConfig,
  KernelSettingsConfig,
  RealServerConfig,
  TimeoutsConfig,
  VirtualServerConfig,
  VrrpInstanceConfig,
} from './types.js';

export function buildKernelSettings(shape: FileShape['kernel_settings']): KernelSettingsConfig {
  const { manage = true, restore = false, ...given } = shape ?? {};
  const values = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { manage, restore, values: Object.fromEntries(values) };
}

export const buildTimeouts = (shape: FileShape['timeouts']): TimeoutsConfig => ({
  tcp: shape?.tcp ?? 0,
  tcpFin: shape?.tcp_fin ?? 0,
  udp: shape?.udp ?? 0,
});

/** The kernel refuses its sync daemons while a real server of another family is in the table, and the other way round. */
export function mixedFault(
  { name, ids }: Pick<VirtualServerConfig, 'name' | 'ids'>,
  servers: readonly Pick<RealServerConfig, 'address'>[],
): string | undefined {
  const other = servers.find((server) => familyOf(server.address) !== ids[0]?.family);
  return (
    other &&
    `connection_sync does not go with a real server of another address family (${other.address} of ${name}): the kernel refuses the two together`
  );
}

function checkMixed(at: Located<unknown>, services: readonly VirtualServerConfig[], report: Report): void {
  const fault = services.map((one) => mixedFault(one, destinationsOf(one))).find((text) => text !== undefined);
  if (fault) report('error', at, fault);
}

export function buildConnectionSync(
  at: Located<NonNullable<FileShape['connection_sync']>> | undefined,
  instances: readonly VrrpInstanceConfig[],
  services: readonly VirtualServerConfig[],
  report: Report,
): ConnectionSyncConfig | undefined {
  if (!at) return undefined;
  const { interface: name, follow, id, group, port, ttl, maxlen } = at.value;
  const instance = instances.find((one) => one.name === follow);
  if (follow !== undefined && !instance)
    report('error', at, `connection_sync follows "${follow}": there is no such VRRP instance`, ['follow']);
  if (services.length === 0) report('warning', at, 'connection_sync without a virtual server has nothing to send');
  checkMixed(at, services, report);
  return { interface: name, follow, id: id ?? instance?.vrid ?? 0, group, port, ttl, maxlen };
}
