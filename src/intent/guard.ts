/** The guard against a change that takes away more than was meant: a file that was cut off, a glob that matches nothing. */
import type { Intent } from './types.js';

/** By name: one that is renamed and keeps an address is no removal. */
const addressesOf = ({ services }: Pick<Intent, 'services'>): ReadonlySet<string> =>
  new Set(services.flatMap(({ ids }) => ids.map((id) => JSON.stringify(id))));

function removedServices(before: Pick<Intent, 'services'>, after: Pick<Intent, 'services'>): number {
  const names = new Set(after.services.map(({ name }) => name));
  const addresses = addressesOf(after);
  return before.services.filter(({ name, ids }) => !names.has(name) && !ids.some((id) => addresses.has(JSON.stringify(id))))
    .length;
}

function removedInstances(before: Pick<Intent, 'instances'>, after: Pick<Intent, 'instances'>): number {
  const idOf = ({ interface: device, vrid, family }: Intent['instances'][number]): string => `${device} ${vrid} ${family}`;
  const names = new Set(after.instances.map(({ name }) => name));
  const ids = new Set(after.instances.map(idOf));
  return before.instances.filter((one) => !names.has(one.name) && !ids.has(idOf(one))).length;
}

/** The share that may go at once, in percent of what there is; 100: all. */
export function guardFault(before: Intent, after: Intent, maxRemoved: number): string | undefined {
  const counted = [
    ['virtual server', removedServices(before, after), before.services.length],
    ['VRRP instance', removedInstances(before, after), before.instances.length],
  ] as const;
  for (const [what, gone, all] of counted) {
    if (gone === 0 || 100 * gone <= maxRemoved * all) continue;
    const those = all === 1 ? `the only ${what}` : `${gone} of ${all} ${what}s`;
    return `it removes ${those}, and global.max_removed is ${maxRemoved}%`;
  }
  return undefined;
}
