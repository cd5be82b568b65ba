/**
 * plan(have, want): the operations that turn the kernel's table into the wanted one. Start, verdict, weight change, reload, stop
 * and repair of drift all come through here. Order matters to live traffic: a service gets its new destinations before it loses
 * old ones, and whole services are deleted last.
 */
import { isHashed } from '../base/words.js';
import type { Destination, Operation, Service, ServiceAttributes, Table } from './types.js';
import { destinationKey, serviceKey } from './types.js';

function sameAttributes(a: ServiceAttributes, b: ServiceAttributes): boolean {
  return a.scheduler === b.scheduler && a.flags === b.flags && a.timeout === b.timeout && a.prefix === b.prefix && a.pe === b.pe;
}

function sameDestination(a: Destination, b: Destination): boolean {
  const limits = a.weight === b.weight && a.upper === b.upper && a.lower === b.lower;
  const way = a.forward === b.forward && a.tunType === b.tunType && a.tunPort === b.tunPort && a.tunFlags === b.tunFlags;
  return limits && way;
}

function attributesOf(service: Service): ServiceAttributes & { id: Service['id'] } {
  const { id, scheduler, flags, timeout, prefix, pe } = service;
  return { id, scheduler, flags, timeout, prefix, pe };
}

/**
 * mh hashes by the last weight that was not 0 (ip_vs_mh.c): a destination that is added with weight 0 has no place in the table, and its
 * clients go elsewhere than on a director that saw it fail. So it gets its place first, and its weight 0 with the next message.
 */
function addDestination(key: string, id: Service['id'], dest: Destination): Operation[] {
  if (dest.weight > 0 || !dest.place) return [{ kind: 'new-dest', key, id, dest }];
  return [
    { kind: 'new-dest', key, id, dest: { ...dest, weight: dest.place } },
    { kind: 'set-dest', key, id, dest },
  ];
}

/** Destinations that an operation adds or changes, and those that go. */
function planDestinations(have: Service | undefined, want: Service, doubtful: ReadonlySet<string>): Operation[] {
  const { id } = want;
  const key = serviceKey(id);
  const added: Operation[] = [];
  const raised: Operation[] = [];
  const lowered: Operation[] = [];
  const gone: Operation[] = [];
  const last: Operation[] = [];
  const again = have && isHashed(want.scheduler) ? outOfOrder(have, want, doubtful) : NOTHING;
  for (const [name, dest] of want.destinations) {
    const present = have?.destinations.get(name);
    if (!present) (doubtful.has(name) ? last : added).push(...addDestination(key, id, dest));
    else if (again.has(name)) added.push({ kind: 'del-dest', key, id, dest: present }, ...addDestination(key, id, dest));
    else if (!sameDestination(present, dest))
      (dest.weight > present.weight ? raised : lowered).push({ kind: 'set-dest', key, id, dest });
  }
  for (const [name, dest] of have?.destinations ?? []) {
    if (!want.destinations.has(name)) gone.push({ kind: 'del-dest', key, id, dest });
  }
  // What takes traffic comes before what loses it: at no moment is there nobody.
  return [...added, ...raised, ...lowered, ...gone, ...last];
}

const NOTHING: ReadonlySet<string> = new Set();

/**
 * A table of hashes depends on the order in which its destinations were added. Those that must be added again, so that the order is the
 * wanted one, whatever happened before: the same on both directors, and after a restart. What the kernel has refused has no place in it
 * until the kernel takes it: healthy servers are not moved again and again for one that never comes.
 */
function outOfOrder(have: Service, want: Service, doubtful: ReadonlySet<string>): ReadonlySet<string> {
  const kept = [...have.destinations.keys()].filter((name) => want.destinations.has(name));
  const order = [...want.destinations.keys()].filter((name) => have.destinations.has(name) || !doubtful.has(name));
  let right = 0;
  while (right < kept.length && kept[right] === order[right]) right++;
  return new Set(kept.slice(right));
}

/**
 * Operations for one service: `have` undefined when the kernel lacks it, `want` undefined when it must go. `doubtful`: destinations that
 * the kernel has refused to add.
 */
export function planService(
  have: Service | undefined,
  want: Service | undefined,
  doubtful: ReadonlySet<string> = NOTHING,
): Operation[] {
  if (!want) return have ? [{ kind: 'del-service', key: serviceKey(have.id), id: have.id }] : [];
  const key = serviceKey(want.id);
  const operations = planDestinations(have, want, doubtful);
  if (!have) operations.unshift({ kind: 'new-service', key, service: attributesOf(want) });
  else if (!sameAttributes(have, want)) operations.unshift({ kind: 'set-service', key, service: attributesOf(want) });
  return operations;
}

/**
 * Operations for the whole table. Services of `have` that are neither wanted nor in `owned` are somebody else's: no operation
 * ever names them.
 */
export function plan(have: Table, want: Table, owned: ReadonlySet<string>): Operation[] {
  const operations: Operation[] = [];
  for (const [key, service] of want) operations.push(...planService(have.get(key), service));
  // What goes as a whole goes last: its successor may be another service.
  for (const [key, service] of have) {
    if (!want.has(key) && owned.has(key)) operations.push(...planService(service, undefined));
  }
  return operations;
}

/** The keys in the kernel's table that are neither wanted nor owned. */
export function foreignKeys(have: Table, want: Table, owned: ReadonlySet<string>): string[] {
  return [...have.keys()].filter((key) => !want.has(key) && !owned.has(key));
}

/** The service that results when these operations on it succeed; undefined: there is none then. */
export function applyToService(service: Service | undefined, operations: readonly Operation[]): Service | undefined {
  let attributes: Omit<Service, 'destinations'> | undefined = service;
  let destinations = new Map(service?.destinations);
  for (const operation of operations) {
    switch (operation.kind) {
      case 'new-service':
        attributes = operation.service;
        destinations = new Map();
        break;
      case 'set-service':
        attributes = operation.service;
        break;
      case 'del-service':
        attributes = undefined;
        break;
      case 'del-dest':
        destinations.delete(destinationKey(operation.dest));
        break;
      default:
        destinations.set(destinationKey(operation.dest), operation.dest);
    }
  }
  return attributes && { ...attributes, destinations };
}

const taking = ({ destinations }: Service): string[] =>
  [...destinations].flatMap(([name, { weight }]) => (weight > 0 ? [name] : []));

/**
 * Where everybody who takes traffic is replaced: the half that makes the new ones, to be sent by itself. The kernel may refuse them, and
 * then those that they replace must go on. Undefined: all can go at once.
 */
export function makeFirst(have: Service | undefined, operations: readonly Operation[]): Operation[] | undefined {
  const after = have && applyToService(have, operations);
  if (!have || !after) return undefined;
  const before = new Set(taking(have));
  const next = new Set(taking(after));
  if (before.size === 0 || next.size === 0 || [...next].some((name) => before.has(name))) return undefined;
  const first = operations.filter((one) => ('dest' in one ? next.has(destinationKey(one.dest)) : true));
  return first.length < operations.length ? first : undefined;
}

/** Operations by the service that they are about, each in its order. */
export function byService(operations: readonly Operation[]): Map<string, Operation[]> {
  const found = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = found.get(operation.key);
    if (list) list.push(operation);
    else found.set(operation.key, [operation]);
  }
  return found;
}

/** What lbd believes of the kernel's table until it reads back: changed in place, at the cost of what the operations name. */
export function applyToTable(table: Map<string, Service>, operations: readonly Operation[]): void {
  for (const [key, list] of byService(operations)) {
    const service = applyToService(table.get(key), list);
    if (service) table.set(key, service);
    else table.delete(key);
  }
}

/** `add 10.0.0.21:80 weight 10 (nat)`: an operation in the words of the log. */
export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'new-service':
      return `add service, scheduler ${operation.service.scheduler}`;
    case 'set-service':
      return `set service, scheduler ${operation.service.scheduler}`;
    case 'del-service':
      return 'delete service';
    case 'new-dest':
      return `add ${destinationKey(operation.dest)} weight ${operation.dest.weight} (${operation.dest.forward})`;
    case 'set-dest':
      return `set ${destinationKey(operation.dest)} weight ${operation.dest.weight} (${operation.dest.forward})`;
    case 'del-dest':
      return `delete ${destinationKey(operation.dest)}`;
  }
}
