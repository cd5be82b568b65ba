/** `lbctl diff --kernel`: what is wanted beside what the kernel has at this moment. */
import { serviceKey } from '../../base/service-id.js';
import type { ServiceIntent } from '../../intent/types.js';
import { planService } from '../../ipvs/plan.js';
import type { Service } from '../../ipvs/types.js';
import { type DriftKind, differencesOf } from './drift.js';

export interface KernelDifference {
  /** `added`: only wanted; `removed`: only in the kernel. */
  readonly change: 'added' | 'removed' | 'changed';
  /** `web (tcp/192.0.2.10:80)` */
  readonly target: string;
  readonly text: string;
}

export interface KernelDiffInput {
  readonly services: Iterable<ServiceIntent>;
  readonly kernel: ReadonlyMap<string, Service>;
  readonly wantedOf: (key: string) => Service | undefined;
  /** Keys of what somebody else has there. */
  readonly foreign: readonly string[];
}

const CHANGE: Readonly<Record<DriftKind, KernelDifference['change']>> = {
  service_missing: 'added',
  service_changed: 'changed',
  service_unwanted: 'removed',
  server_missing: 'added',
  server_changed: 'changed',
  server_unwanted: 'removed',
  server_order: 'changed',
};

/** BOUNDED: of a table that somebody flushed there is one for each service. */
const SHOWN = 1000;

export function kernelDifferences({ services, kernel, wantedOf, foreign }: KernelDiffInput): readonly KernelDifference[] {
  const found: KernelDifference[] = [];
  for (const { name, ids } of services) {
    for (const key of ids.map(serviceKey)) {
      const have = kernel.get(key);
      const target = `${name} (${key})`;
      for (const { kind, text } of differencesOf(have, planService(have, wantedOf(key))))
        found.push({ change: CHANGE[kind], target, text });
    }
  }
  for (const key of foreign)
    if (kernel.has(key)) found.push({ change: 'removed', target: key, text: "somebody else's: lbd leaves it alone" });
  return found.slice(0, SHOWN);
}
