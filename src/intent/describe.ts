/** What a new intent changes, in words: the answer of reload and the text of its event. */
import type { VrrpInstanceConfig } from '../config/types.js';
import type { Intent, ServiceIntent } from './types.js';

function named<T extends { readonly name: string }>(
  what: string,
  before: readonly T[],
  after: readonly T[],
  content: (one: T) => string,
): string[] {
  const old = new Map(before.map((one) => [one.name, content(one)]));
  const fresh = new Map(after.map((one) => [one.name, content(one)]));
  const lines: string[] = [];
  for (const name of fresh.keys()) if (!old.has(name)) lines.push(`${what} ${name} added`);
  for (const name of old.keys()) if (!fresh.has(name)) lines.push(`${what} ${name} removed`);
  for (const [name, text] of fresh) if (old.has(name) && old.get(name) !== text) lines.push(`${what} ${name} changed`);
  return lines;
}

const SHOWN = 10;

/** `nothing changed`, or `virtual server web changed, instance VI_2 added`; a long list is cut with a count. */
export function describeDifference(
  before: Pick<Intent, 'services' | 'instances'>,
  after: Pick<Intent, 'services' | 'instances'>,
): string {
  const lines = [
    ...named<ServiceIntent>('virtual server', before.services, after.services, (one) => JSON.stringify(one)),
    ...named<VrrpInstanceConfig>('VRRP instance', before.instances, after.instances, (one) => JSON.stringify(one)),
  ];
  if (lines.length === 0) return 'nothing changed';
  const more = lines.length - SHOWN;
  return lines.slice(0, SHOWN).join(', ') + (more > 0 ? `, and ${more} more` : '');
}
