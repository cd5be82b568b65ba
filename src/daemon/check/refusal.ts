/** Refusals of the kernel in the user's words. */
import { errnoName } from '../../base/errors.js';
import { describeOperation } from '../../ipvs/plan.js';
import type { Operation, Refusal } from '../../ipvs/types.js';

const REFUSALS_SHOWN = 3;
const ENOENT = 2;

/** The refusals of one service. Without the service, all its destinations are refused too: they explain nothing. */
export function refusalsText(refusals: readonly Refusal[]): string {
  const ofService = refusals.filter(({ operation }) => operation.kind === 'new-service');
  const telling = ofService.length > 0 ? ofService : refusals;
  const more = telling.length > REFUSALS_SHOWN ? [`and ${telling.length - REFUSALS_SHOWN} more`] : [];
  return [...telling.slice(0, REFUSALS_SHOWN).map(refusalText), ...more].join('; ');
}

/** ENOENT on a service means that the kernel has no such scheduler, or no such persistence engine. */
function refusalText(refusal: Refusal): string {
  const { operation, errno, extack } = refusal;
  const detail = extack ? ` (${extack})` : '';
  if ('service' in operation && errno === ENOENT) {
    const { scheduler, pe } = operation.service;
    const engine = pe === '' ? '' : `, or no persistence engine "${pe}" (module ip_vs_pe_${pe})`;
    return `this kernel has no scheduler "${scheduler}" (module ip_vs_${scheduler})${engine}${detail}`;
  }
  return `${describeOperation(operation)}: ${errnoName(errno)}${detail}`;
}

/** `11000 operations: 10000 new-dest, 1000 new-service`. */
export function summarize(operations: readonly Operation[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} ${kind}`);
  return `${operations.length} operations: ${parts.join(', ')}`;
}

/** Somebody else has a service of this address. */
export const collisionText = (key: string, name: string): string =>
  `the kernel has a service ${key} that is not lbd's: it is left alone; delete it, or make it lbd's with "lbctl take-over ${name}"`;
