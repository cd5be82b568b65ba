/** What a new intent changes, in words: the answer of reload and the text of its event. */
import type { Config, VrrpInstanceConfig } from '../config/types.js';
import type { DirectorIntent, Intent, ServiceIntent } from './types.js';

function named<T extends { readonly name: string }>(what: string, before: readonly T[], after: readonly T[]): string[] {
  if (before.length === after.length && after.every((one, i) => one === before[i])) return [];
  const old = new Map(before.map((one) => [one.name, one]));
  const fresh = new Map(after.map((one) => [one.name, one]));
  const lines: string[] = [];
  for (const name of fresh.keys()) if (!old.has(name)) lines.push(`${what} ${name} added`);
  for (const name of old.keys()) if (!fresh.has(name)) lines.push(`${what} ${name} removed`);
  for (const [name, one] of fresh) if (old.has(name) && !same(old.get(name), one)) lines.push(`${what} ${name} changed`);
  const moved = lines.length === 0 && after.some(({ name }, i) => name !== before[i]?.name);
  return moved ? [`order of the ${what}s changed`] : lines;
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

const SECTIONS = {
  kernel: 'kernel_settings',
  connectionSync: 'connection_sync',
  timeouts: 'timeouts',
  checking: 'probe_marks or suspicion',
} as const;

const sections = (before: DirectorIntent, after: DirectorIntent): string[] =>
  (Object.keys(SECTIONS) as (keyof DirectorIntent)[])
    .filter((key) => !same(before[key], after[key]))
    .map((key) => `${SECTIONS[key]} changed`);

type Compared = Pick<Intent, 'services' | 'instances' | 'groups' | 'scripts' | 'director'>;

const SHOWN = 10;

/** What the intent does not have: settings of the daemon itself, and what is only inherited. */
const OUTSIDE = ['global', 'defaults'] as const;
type Outside = Pick<Config, (typeof OUTSIDE)[number]>;

export const describeOutside = (before: Outside, after: Outside): string[] =>
  OUTSIDE.filter((key) => !same(before[key], after[key])).map((key) => `${key} changed`);

/**
 * `nothing changed`, or `virtual server web changed, instance VI_2 added`; a long list is cut with a count. `also`: what else has changed,
 * of describeOutside.
 */
export function describeDifference(before: Compared, after: Compared, also: readonly string[] = []): string {
  const lines = [
    ...named<ServiceIntent>('virtual server', before.services, after.services),
    ...named<VrrpInstanceConfig>('VRRP instance', before.instances, after.instances),
    ...named('sync group', before.groups, after.groups),
    ...named('script', before.scripts, after.scripts),
    ...sections(before.director, after.director),
    ...also,
  ];
  if (lines.length === 0) return 'nothing changed';
  const more = lines.length - SHOWN;
  return lines.slice(0, SHOWN).join(', ') + (more > 0 ? `, and ${more} more` : '');
}
