/** After a reload most of a configuration is as before: the same objects stay, so that everything after sees by identity what changed. */
import type { Config } from '../config/types.js';

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
const keep = <T>(before: T, after: T): T => (same(before, after) ? before : after);

function keepEach<T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): readonly T[] {
  const known = new Map(before.map((one) => [one.name, one]));
  const merged = after.map((one) => {
    const old = known.get(one.name);
    return old && same(old, one) ? old : one;
  });
  return merged.length === before.length && merged.every((one, i) => one === before[i]) ? before : merged;
}

/** `after`, with every part of `before` that is the same; `before` itself when all is. */
export function reuse(before: Config, after: Config): Config {
  const merged: Config = {
    global: keep(before.global, after.global),
    virtualServers: keepEach(before.virtualServers, after.virtualServers),
    vrrpInstances: keepEach(before.vrrpInstances, after.vrrpInstances),
    syncGroups: keepEach(before.syncGroups, after.syncGroups),
    scripts: keepEach(before.scripts, after.scripts),
    kernel: keep(before.kernel, after.kernel),
    connectionSync: keep(before.connectionSync, after.connectionSync),
    timeouts: keep(before.timeouts, after.timeouts),
    checking: keep(before.checking, after.checking),
    defaults: keep(before.defaults, after.defaults),
  };
  return (Object.keys(merged) as (keyof Config)[]).every((key) => merged[key] === before[key]) ? before : merged;
}
