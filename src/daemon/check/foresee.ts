/** What a change of the virtual servers would do to the kernel's table, from what is known now: nothing is changed, and nothing is probed. */
import { serviceKey } from '../../base/service-id.js';
import type { ServiceIntent } from '../../intent/types.js';
import { applyToService, describeOperation, planService } from '../../ipvs/plan.js';
import type { Operation, Service } from '../../ipvs/types.js';
import type { Catalogue } from './catalogue.js';
import type { Decider } from './decider.js';
import type { TableKeeper } from './table-types.js';

export interface Difference {
  /** New or other than before. */
  readonly services: readonly ServiceIntent[];
  /** All that there are then; absent: those that there are now. */
  readonly names?: readonly string[] | undefined;
}

/** An operation on a kernel service. */
export interface ForeseenOperation {
  readonly service: string;
  /** `tcp/192.0.2.10:80` */
  readonly key: string;
  /** `add 10.0.0.21:80 weight 10 (nat)` */
  readonly operation: string;
}

export interface Foreseen {
  /** At once. */
  readonly now: readonly ForeseenOperation[];
  /** When the checks that are new have passed. */
  readonly later: readonly ForeseenOperation[];
  /** How many there are of both; those above are cut where they are very many. */
  readonly total: number;
}

export interface ForeseeParts {
  readonly catalogue: Catalogue;
  readonly keeper: Pick<TableKeeper, 'believed'>;
  readonly decider: Pick<Decider, 'foresee'>;
  /** The kernel service is to be on this director. */
  readonly isHere: (service: ServiceIntent, key: string) => boolean;
}

/** Each list is cut behind so many. */
const SHOWN = 1000;

const describe = (name: string, operations: readonly Operation[]): ForeseenOperation[] =>
  operations.map((operation) => ({ service: name, key: operation.key, operation: describeOperation(operation) }));

/** Kernel services that nobody would want any more. */
function leftOver({ services, names }: Difference, catalogue: Catalogue): readonly (readonly [name: string, key: string])[] {
  const kept = new Set(services.flatMap(({ ids }) => ids.map(serviceKey)));
  const changed = new Set(services.map(({ name }) => name));
  const there = names && new Set(names);
  return [...catalogue.all()]
    .filter(({ name }) => changed.has(name) || (there && !there.has(name)))
    .flatMap(({ name, ids }) => ids.map((id) => [name, serviceKey(id)] as const))
    .filter(([, key]) => !kept.has(key));
}

export function foresee(change: Difference, { catalogue, keeper, decider, isHere }: ForeseeParts): Foreseen {
  const now: ForeseenOperation[] = [];
  const later: ForeseenOperation[] = [];
  const renamed = catalogue.renamed({ services: change.services, gone: change.names ? catalogue.goneWith(change.names) : [] });
  for (const service of change.services) {
    const from = renamed.get(service.name);
    const hoped = decider.foresee(service, true, from);
    for (const [i, one] of decider.foresee(service, false, from).entries()) {
      const key = serviceKey(one.id);
      const have = keeper.believed(key);
      const isWanted = isHere(service, key);
      const first = planService(have, isWanted ? one : undefined);
      now.push(...describe(service.name, first));
      if (!isWanted) continue;
      const after: Service | undefined = applyToService(have, first);
      later.push(...describe(service.name, planService(after, hoped[i])));
    }
  }
  for (const [name, key] of leftOver(change, catalogue)) {
    const have = keeper.believed(key);
    if (have) now.push(...describe(name, planService(have, undefined)));
  }
  return { now: now.slice(0, SHOWN), later: later.slice(0, SHOWN), total: now.length + later.length };
}
