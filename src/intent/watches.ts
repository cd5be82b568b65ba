/** What the check process watches for the VRRP instances: everything that they track, but interfaces, which vrrp sees itself. */
import { trackedKey } from '../base/tracked.js';
import type { ScriptConfig } from '../config/types.js';
import type { Intent } from './types.js';

/** By trackedKey. */
export type Watch = { readonly key: string } & (
  | { readonly kind: 'script'; readonly script: ScriptConfig }
  | { readonly kind: 'process' | 'virtual_server' | 'file'; readonly name: string }
);

export function watchesOf({ instances, scripts }: Pick<Intent, 'instances' | 'scripts'>): readonly Watch[] {
  const watches = new Map<string, Watch>();
  for (const { kind, name } of instances.flatMap((one) => one.track ?? [])) {
    const key = trackedKey({ kind, name });
    if (kind === 'script') {
      const script = scripts.find((one) => one.name === name);
      if (script) watches.set(key, { key, kind, script });
    } else if (kind !== 'interface') watches.set(key, { key, kind, name });
  }
  return [...watches.values()];
}
