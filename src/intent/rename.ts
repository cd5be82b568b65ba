/** A virtual server that has another name in the new file, and an address that it had before: what was said of it goes with it. */
import { serviceKey } from '../base/service-id.js';
import type { Config } from '../config/types.js';
import type { Override } from './types.js';

export interface Renamed {
  readonly overrides: readonly Override[];
  /** Old names to new ones, of services that overrides speak of. */
  readonly names: ReadonlyMap<string, string>;
}

export function followRenames(before: Config, after: Config, overrides: readonly Override[]): Renamed {
  const names = new Map<string, string>();
  const spoken = new Set(overrides.flatMap(({ change }) => ('service' in change ? [change.service] : [])));
  if (spoken.size === 0) return { overrides, names };
  const old = new Map(before.virtualServers.map((one) => [one.name, one]));
  const now = new Set(after.virtualServers.map((one) => one.name));
  const fresh = new Map(
    after.virtualServers.flatMap((one) => (old.has(one.name) ? [] : one.ids.map((id) => [serviceKey(id), one.name] as const))),
  );
  for (const name of spoken) {
    const renamed = now.has(name)
      ? undefined
      : old
          .get(name)
          ?.ids.map((id) => fresh.get(serviceKey(id)))
          .find(Boolean);
    if (renamed !== undefined) names.set(name, renamed);
  }
  if (names.size === 0) return { overrides, names };
  const follow = (override: Override): Override => {
    const { change } = override;
    const name = 'service' in change ? names.get(change.service) : undefined;
    return name === undefined ? override : { ...override, change: { ...change, service: name } as Override['change'] };
  };
  return { overrides: overrides.map(follow), names };
}
