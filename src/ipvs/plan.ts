/**
 * plan(have, want): the operations that turn the kernel's table into the wanted one. Start, verdict, weight change, reload, stop
 * and repair of drift all come through here. Order matters to live traffic: a service gets its new destinations before it loses
 * old ones, and whole services are deleted last.
 */
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

/** Operations for one service: `have` undefined when the kernel lacks it, `want` undefined when it must go. */
export function planService(have: Service | undefined, want: Service | undefined): Operation[] {
  if (!want) return have ? [{ kind: 'del-service', key: serviceKey(have.id), id: have.id }] : [];
  const key = serviceKey(want.id);
  const id = want.id;
  const operations: Operation[] = [];
  if (!have) operations.push({ kind: 'new-service', key, service: attributesOf(want) });
  else if (!sameAttributes(have, want)) operations.push({ kind: 'set-service', key, service: attributesOf(want) });
  for (const [name, dest] of want.destinations) {
    const present = have?.destinations.get(name);
    if (!present) operations.push({ kind: 'new-dest', key, id, dest });
    else if (!sameDestination(present, dest)) operations.push({ kind: 'set-dest', key, id, dest });
  }
  for (const [name, dest] of have?.destinations ?? []) {
    if (!want.destinations.has(name)) operations.push({ kind: 'del-dest', key, id, dest });
  }
  return operations;
}

/**
 * Operations for the whole table. Services of `have` that are neither wanted nor in `owned` are somebody else's: no operation
 * ever names them.
 */
export function plan(have: Table, want: Table, owned: ReadonlySet<string>): Operation[] {
  const operations: Operation[] = [];
  for (const [key, service] of want) operations.push(...planService(have.get(key), service));
  for (const [key, service] of have) {
    if (!want.has(key) && owned.has(key)) operations.push(...planService(service, undefined));
  }
  return operations;
}

/** The keys in the kernel's table that are neither wanted nor owned. */
export function foreignKeys(have: Table, want: Table, owned: ReadonlySet<string>): string[] {
  return [...have.keys()].filter((key) => !want.has(key) && !owned.has(key));
}

/** The table that results when the operations succeed: what lbd believes until it reads back. */
export function applyToTable(table: Table, operations: readonly Operation[]): Map<string, Service> {
  const next = new Map(table);
  for (const operation of operations) {
    const service = next.get(operation.key);
    switch (operation.kind) {
      case 'new-service':
        next.set(operation.key, { ...operation.service, destinations: new Map() });
        break;
      case 'set-service':
        next.set(operation.key, { ...operation.service, destinations: service?.destinations ?? new Map() });
        break;
      case 'del-service':
        next.delete(operation.key);
        break;
      default:
        if (service) next.set(operation.key, { ...service, destinations: changedDestinations(service, operation) });
    }
  }
  return next;
}

type DestinationOperation = Extract<Operation, { dest: Destination }>;

function changedDestinations(service: Service, operation: DestinationOperation): Map<string, Destination> {
  const destinations = new Map(service.destinations);
  const name = destinationKey(operation.dest);
  if (operation.kind === 'del-dest') destinations.delete(name);
  else destinations.set(name, operation.dest);
  return destinations;
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
