/** What another intent would change, object by object: for people who want to see it before it is done. */
import { serviceKey } from '../base/service-id.js';
import type { Intent, RealServerIntent, ServiceIntent } from './types.js';

export interface ObjectChange {
  /** `virtual server web`, `VRRP instance VI_1`, `timeouts` */
  readonly object: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** `scheduler: wlc -> wrr`, `real server 10.0.0.9:80 added, weight 1, nat`; none of what is removed. */
  readonly details: readonly string[];
}

/** A longer value is only named. */
const SHORT = 60;

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  return typeof value === 'object' ? JSON.stringify(value).replaceAll('"', '') : String(value);
}

/** `ids` and `source` say nothing that the others do not. */
const UNSAID = new Set(['name', 'id', 'key', 'source', 'weightSource', 'configuredWeight', 'realServers', 'said']);

/** Who may look may not have them. */
const SECRET = new Set(['password']);

function fields(before: object, after: object): string[] {
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => !UNSAID.has(key));
  return keys
    .filter((key) => !same(old[key], now[key]))
    .map((key) => {
      const [from, to] = [shown(old[key]), shown(now[key])];
      const isSaid = !SECRET.has(key) && from.length <= SHORT && to.length <= SHORT;
      return isSaid ? `${snake(key)}: ${from} -> ${to}` : `${snake(key)} changed`;
    });
}

const describeServer = ({ weight, forward }: RealServerIntent): string => `weight ${weight}, ${forward}`;

function servers(before: readonly RealServerIntent[], after: readonly RealServerIntent[]): string[] {
  const old = new Map(before.map((one) => [one.key, one]));
  const now = new Map(after.map((one) => [one.key, one]));
  const details: string[] = [];
  for (const [key, one] of now) {
    const was = old.get(key);
    if (!was) details.push(`real server ${key} added, ${describeServer(one)}`);
    else if (!same(was, one)) {
      const changed = fields(was, one);
      // Only who said so.
      if (changed.length > 0) details.push(`real server ${key}: ${changed.join(', ')}`);
    }
  }
  for (const key of old.keys()) if (!now.has(key)) details.push(`real server ${key} removed`);
  return details;
}

const keysOf = ({ ids }: ServiceIntent): string => ids.map(serviceKey).join(', ');

const isService = (one: object): one is ServiceIntent => 'realServers' in one;

/** Of one that is new. */
function introduce(one: object): string[] {
  if (isService(one))
    return [
      `${keysOf(one)}, ${one.scheduler}, ${one.forward}`,
      ...one.realServers.map((server) => `real server ${server.key} added, ${describeServer(server)}`),
    ];
  const { addresses } = one as { readonly addresses?: readonly { readonly address: string; readonly length: number }[] };
  return addresses ? addresses.map(({ address, length }) => `address ${address}/${length}`) : [];
}

function compare(before: object, after: object): string[] {
  if (!isService(before) || !isService(after)) return fields(before, after);
  const { ids: oldIds, ...old } = before;
  const { ids: newIds, ...now } = after;
  const moved = same(oldIds, newIds) ? [] : [`address: ${keysOf(before)} -> ${keysOf(after)}`];
  return [...moved, ...fields(old, now), ...servers(before.realServers, after.realServers)];
}

function named<T extends { readonly name: string }>(what: string, before: readonly T[], after: readonly T[]): ObjectChange[] {
  const old = new Map(before.map((one) => [one.name, one]));
  const now = new Map(after.map((one) => [one.name, one]));
  const changes: ObjectChange[] = [];
  for (const [name, one] of now) {
    const was = old.get(name);
    const object = `${what} ${name}`;
    if (!was) changes.push({ object, change: 'added', details: introduce(one) });
    else if (!same(was, one)) {
      const details = compare(was, one);
      if (details.length > 0) changes.push({ object, change: 'changed', details });
    }
  }
  for (const name of old.keys()) if (!now.has(name)) changes.push({ object: `${what} ${name}`, change: 'removed', details: [] });
  return changes;
}

const SECTIONS = {
  kernel: 'kernel_settings',
  connectionSync: 'connection_sync',
  timeouts: 'timeouts',
  checking: 'global',
} as const;

function sections(before: Intent['director'], after: Intent['director']): ObjectChange[] {
  return (Object.keys(SECTIONS) as (keyof typeof SECTIONS)[])
    .filter((key) => !same(before[key], after[key]))
    .map((key) => ({ object: SECTIONS[key], change: 'changed' as const, details: fields(before[key] ?? {}, after[key] ?? {}) }));
}

/** In the order of the file; what is removed behind what stays of its kind. */
export const objectChanges = (before: Intent, after: Intent): readonly ObjectChange[] => [
  ...named('virtual server', before.services, after.services),
  ...named('VRRP instance', before.instances, after.instances),
  ...named('sync group', before.groups, after.groups),
  ...named('script', before.scripts, after.scripts),
  ...sections(before.director, after.director),
];
