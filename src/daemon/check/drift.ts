/** Drift: what somebody else changed in the kernel's table. Counted by kind, told with before and after; healing it is the keeper's. */
import type { Instant } from '../../base/time.js';
import { describeOperation } from '../../ipvs/plan.js';
import { type Destination, destinationKey, type Operation, type Service } from '../../ipvs/types.js';

export type DriftKind =
  | 'service_missing'
  | 'service_changed'
  | 'service_unwanted'
  | 'server_missing'
  | 'server_changed'
  | 'server_unwanted'
  | 'server_order';

export interface Drift {
  readonly total: number;
  readonly last: string | null;
  /** Only kinds that happened. */
  readonly by_kind: Readonly<Partial<Record<DriftKind, number>>>;
  /** Services that somebody changes again as fast as they are healed. */
  readonly fought_over: readonly string[];
}

export interface DriftLog {
  /** `operations` heal what was read. */
  note(key: string, found: Service | undefined, operations: readonly Operation[]): void;
  state(): Drift;
}

/** A service that was healed more often than this within the time below is fought over; it is told no more often than that. */
const FIGHT = 4;
const FIGHT_MS = 60_000;
const SHOWN = 5;

const KIND: Readonly<Record<Operation['kind'], DriftKind>> = {
  'new-service': 'service_missing',
  'set-service': 'service_changed',
  'del-service': 'service_unwanted',
  'new-dest': 'server_missing',
  'set-dest': 'server_changed',
  'del-dest': 'server_unwanted',
};

/** Each difference once: a server that is only in the wrong place is deleted and added again. */
function differences(operations: readonly Operation[]): { kind: DriftKind; operation: Operation }[] {
  const renewed = new Set(operations.flatMap((one) => (one.kind === 'new-dest' ? [destinationKey(one.dest)] : [])));
  const moved = new Set(
    operations.flatMap((one) =>
      one.kind === 'del-dest' && renewed.has(destinationKey(one.dest)) ? [destinationKey(one.dest)] : [],
    ),
  );
  // Without the service all its servers are missing: that says nothing more.
  const whole = operations.some((one) => one.kind === 'new-service');
  return operations.flatMap((operation) => {
    if (whole && operation.kind === 'new-dest') return [];
    const isMoved = 'dest' in operation && moved.has(destinationKey(operation.dest));
    if (isMoved && operation.kind === 'del-dest') return [];
    // The second half of adding one with weight 0 (plan.ts).
    if (operation.kind === 'set-dest' && renewed.has(destinationKey(operation.dest))) return [];
    return [{ kind: isMoved ? 'server_order' : KIND[operation.kind], operation }];
  });
}

const FIELDS = ['forward', 'weight', 'upper', 'lower', 'tunType', 'tunPort', 'tunFlags'] as const;

function changes(found: Destination, wanted: Destination): string {
  const differing = FIELDS.filter((field) => found[field] !== wanted[field]);
  return differing.map((field) => `${field} ${found[field]} instead of ${wanted[field]}`).join(', ');
}

const SERVICE_FIELDS = ['scheduler', 'flags', 'timeout', 'prefix', 'pe'] as const;

function serviceChanges(found: Service, wanted: Extract<Operation, { service: unknown }>['service']): string {
  const differing = SERVICE_FIELDS.filter((field) => found[field] !== wanted[field]);
  return differing.map((field) => `${field} ${found[field] || '-'} instead of ${wanted[field] || '-'}`).join(', ');
}

/** Before and after, in words. */
function describe(kind: DriftKind, operation: Operation, found: Service | undefined, verb: 'was' | 'is' = 'was'): string {
  if (operation.kind === 'set-service' && found) return serviceChanges(found, operation.service);
  if (!('dest' in operation)) return kind === 'service_missing' ? `the service ${verb} gone` : describeOperation(operation);
  const name = destinationKey(operation.dest);
  const present = found?.destinations.get(name);
  if (kind === 'server_order') return `${name} ${verb} out of order`;
  if (kind === 'server_missing') return `${name} ${verb} gone`;
  if (kind === 'server_unwanted') return `${name} ${verb} there, weight ${operation.dest.weight}`;
  return `${name}: ${present ? changes(present, operation.dest) : describeOperation(operation)}`;
}

/** What the kernel has otherwise than the operations would make it, each in words. */
export const differencesOf = (
  found: Service | undefined,
  operations: readonly Operation[],
): { kind: DriftKind; text: string }[] =>
  differences(operations).map(({ kind, operation }) => ({ kind, text: describe(kind, operation, found, 'is') }));

function inWords(all: readonly { kind: DriftKind; operation: Operation }[], found: Service | undefined): string {
  const shown = all.slice(0, SHOWN).map(({ kind, operation }) => describe(kind, operation, found));
  return shown.join('; ') + (all.length > SHOWN ? `; and ${all.length - SHOWN} more` : '');
}

interface Fight {
  /** When it was healed, within FIGHT_MS; BOUNDED by how often the table is read. */
  readonly healed: Instant[];
  toldAt: Instant;
}

export function createDriftLog(options: {
  readonly now: () => Instant;
  readonly nameOf: (key: string) => string;
  readonly tell: (subject: string, text: string) => void;
}): DriftLog {
  const { now, nameOf, tell } = options;
  const counts = new Map<DriftKind, number>();
  const fights = new Map<string, Fight>();
  let total = 0;
  let last: string | null = null;

  function recent({ healed }: Fight): number {
    while (healed[0] !== undefined && now() - healed[0] > FIGHT_MS) healed.shift();
    return healed.length;
  }

  function count(all: readonly { kind: DriftKind }[]): void {
    total += all.length;
    for (const { kind } of all) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }

  return {
    note(key, found, operations) {
      const all = differences(operations);
      count(all);
      const text = inWords(all, found);
      last = `${nameOf(key)}: ${text}`;
      const fight = fights.get(key) ?? { healed: [], toldAt: -Infinity };
      fights.set(key, fight);
      fight.healed.push(now());
      const rounds = recent(fight);
      if (rounds > FIGHT + 1 && now() - fight.toldAt < FIGHT_MS) return;
      fight.toldAt = now();
      const again = rounds > FIGHT ? `, ${rounds} times in a minute: another program works against lbd` : '';
      tell(nameOf(key), `changed by somebody else, and healed${again}: ${text}`);
    },
    state: () => ({
      total,
      last,
      by_kind: Object.fromEntries(counts),
      fought_over: [...fights].filter(([, fight]) => recent(fight) > FIGHT).map(([key]) => nameOf(key)),
    }),
  };
}
