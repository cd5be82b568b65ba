/** Whether two intents want the same of the kernel and of VRRP, wherever each part comes from. */
import type { Intent, RealServerIntent, ServiceIntent } from './types.js';

/** What says where something comes from, and the weight that a share would be of. */
const ORIGIN = new Set(['source', 'weightSource', 'configuredWeight', 'realServers', 'sorry', 'changed']);

const sides = (a: object, b: object): (readonly [string, unknown, unknown])[] => {
  const before = a as Readonly<Record<string, unknown>>;
  const after = b as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((key) => [key, before[key], after[key]]);
};

const text = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** The first key that differs, or undefined. */
function otherKey(a: object, b: object, subject: string): string | undefined {
  for (const [key, before, after] of sides(a, b)) {
    if (ORIGIN.has(key) || before === after || text(before) === text(after)) continue;
    return `${key} of ${subject} would be ${text(after)}, not ${text(before)}`;
  }
  return undefined;
}

function otherServers(name: string, before: readonly RealServerIntent[], after: readonly RealServerIntent[]): string | undefined {
  const known = new Map(after.map((one) => [one.key, one]));
  for (const server of before) {
    const other = known.get(server.key);
    if (!other) return `${name}/${server.key} would be gone`;
    const fault = otherKey(server, other, `${name}/${server.key}`);
    if (fault) return fault;
  }
  const wanted = new Set(before.map(({ key }) => key));
  const more = after.find(({ key }) => !wanted.has(key));
  if (more) return `${name}/${more.key} would be there`;
  return before.every(({ key }, i) => after[i]?.key === key)
    ? undefined
    : `the real servers of ${name} would be in another order`;
}

function otherService(before: ServiceIntent, after: ServiceIntent): string | undefined {
  if (before === after) return undefined;
  const { name } = before;
  const sorry = (service: ServiceIntent) => (service.sorry ? [service.sorry] : []);
  return (
    otherKey(before, after, name) ??
    otherServers(name, before.realServers, after.realServers) ??
    otherServers(`the sorry server of ${name}`, sorry(before), sorry(after))
  );
}

type Compared = Pick<Intent, 'services' | 'instances' | 'groups' | 'scripts' | 'director'>;
const REST = ['instances', 'groups', 'scripts', 'director'] as const;

/** The first difference as a sentence; undefined: there is none. The order of virtual servers means nothing. */
export function firstDifference(before: Compared, after: Compared): string | undefined {
  const known = new Map(after.services.map((one) => [one.name, one]));
  for (const service of before.services) {
    const other = known.get(service.name);
    const fault = other ? otherService(service, other) : `the virtual server ${service.name} would be gone`;
    if (fault) return fault;
  }
  const wanted = new Set(before.services.map(({ name }) => name));
  const more = after.services.find(({ name }) => !wanted.has(name));
  if (more) return `the virtual server ${more.name} would be there`;
  const rest = REST.find((key) => before[key] !== after[key] && text(before[key]) !== text(after[key]));
  return rest && `${rest} would be others`;
}
