/** Several changes that are made together, or none of them. */
import type { Config } from '../config/types.js';
import { type ChangeRequest, type Decision, decideChange } from './change.js';
import type { Override, Provenance } from './types.js';

type Decided = Exclude<Decision, { refused: string }>;

export interface Batch {
  readonly overrides: readonly Override[];
  /** Each of the changes. */
  readonly decided: readonly Decided[];
}

/** One after the other, each on top of what those before it made. The overrides are numbered from the provenance's. */
export function decideBatch(
  config: Config,
  overrides: readonly Override[],
  requests: readonly ChangeRequest[],
  provenance: Provenance,
): Batch | { readonly refused: string } {
  const decided: Decided[] = [];
  let list = overrides;
  for (const [i, request] of requests.entries()) {
    const decision = decideChange(config, list, request, { ...provenance, id: provenance.id + i });
    if ('refused' in decision) return requests.length === 1 ? decision : { refused: `change ${i + 1}: ${decision.refused}` };
    decided.push(decision);
    list = decision.overrides;
  }
  return { overrides: list, decided };
}

/** A revision, an event and an answer have all of it: a thousand would be no line for people any more. */
const SHOWN = 10;

/** What they do, in one line; a long list is cut with a count. */
export function describeBatch({ decided }: Batch): string {
  const more = decided.length - SHOWN;
  const texts = decided.slice(0, SHOWN).map(({ text }) => text);
  if (decided.length === 1) return texts.join();
  return `${decided.length} changes: ${texts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
