/**
 * Routes and rules of one instance: wanted against held, the difference done in the kernel. The kernel drops routes by itself, with an
 * address or a link, and tells of it among all the routes of the host, thousands a second on some: so what is wanted is added again and
 * again instead, which the kernel refuses for what is there.
 */
import { OsError } from '../../base/errors.js';
import { formatPrefix } from '../../base/ip.js';
import { routeKey, ruleKey } from '../../config/build-paths.js';
import type { VirtualRoute, VirtualRule } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { routeText, ruleText } from '../../vrrp/path-text.js';
import type { Route } from '../../wire/route.js';
import type { Host } from './types.js';

export interface HeldPaths {
  readonly routes: readonly VirtualRoute[];
  readonly rules: readonly VirtualRule[];
}

export const NO_PATHS: HeldPaths = { routes: [], rules: [] };
export const hasPaths = ({ routes, rules }: HeldPaths): boolean => routes.length + rules.length > 0;

export interface Paths {
  /** What lbd has added and not removed. */
  held(): HeldPaths;
  /** Makes the host hold exactly these. */
  reconcile(want: HeldPaths): void;
  /** Adds again what is gone. */
  assert(): void;
  /** Each of these, and whether it was there at the last look, which is every second. */
  report(all: HeldPaths): ApiInstance['paths'];
}

type Item = { readonly kind: 'route'; readonly value: VirtualRoute } | { readonly kind: 'rule'; readonly value: VirtualRule };

const keyOf = (item: Item): string => (item.kind === 'route' ? `route ${routeKey(item.value)}` : `rule ${ruleKey(item.value)}`);
/** Two that differ in this are not the same, though the kernel could not have both. */
const formOf = (item: Item): string => JSON.stringify(item.value);
const textOf = (item: Item): string =>
  item.kind === 'route'
    ? `the route to ${formatPrefix(item.value.to)} in table ${item.value.table}`
    : `the rule of priority ${item.value.priority} for table ${item.value.table}`;

/** Rules last: what they lead to is there then. */
const itemsOf = ({ routes, rules }: HeldPaths): Item[] => [
  ...routes.map((value) => ({ kind: 'route', value }) as const),
  ...rules.map((value) => ({ kind: 'rule', value }) as const),
];

/** `adopted`: what a predecessor had on record. */
export function createPaths(host: Host, subject: string, adopted: HeldPaths): Paths {
  /** BOUNDED by the instance's configuration. */
  const held = new Map<string, Item>(itemsOf(adopted).map((one) => [keyOf(one), one]));
  const told = new Set<string>();
  /** Of what is wanted, by key. BOUNDED by the instance's configuration. */
  const found = new Map<string, { readonly there: boolean; readonly text: string }>();
  let wanted: readonly Item[] = [];

  function tell(key: string, text: string): void {
    if (told.has(key)) return;
    told.add(key);
    host.event('vrrp', subject, text);
  }

  /** Undefined: its interface is not there. */
  function resolve({ dev, ...route }: VirtualRoute): Route | undefined {
    if (dev === undefined) return route;
    const link = host.network.link(dev);
    return link && { ...route, oif: link.index };
  }

  function attempt(item: Item, add: boolean): 'done' | 'as it was' | 'failed' {
    const { routes } = host;
    try {
      if (item.kind === 'rule') {
        const outcome = add ? routes.addRule(item.value) : routes.deleteRule(item.value);
        return outcome === 'added' || outcome === 'deleted' ? 'done' : 'as it was';
      }
      const route = resolve(item.value);
      if (!route) throw new Error(`there is no interface ${item.value.dev}`);
      const outcome = add ? routes.addRoute(route) : routes.deleteRoute(route);
      return outcome === 'added' || outcome === 'deleted' ? 'done' : 'as it was';
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      found.set(keyOf(item), { there: false, text: error.message });
      // A route whose interface is gone is gone.
      if (add) tell(`failed ${formOf(item)}`, `${textOf(item)} cannot be added: ${error.message}; it is tried again`);
      else if (error instanceof OsError) host.log('warn', `${textOf(item)} cannot be removed: ${error.message}`);
      return 'failed';
    }
  }

  function put(item: Item): void {
    const key = keyOf(item);
    const known = held.get(key);
    const outcome = attempt(item, true);
    if (outcome === 'failed') return;
    told.delete(`failed ${formOf(item)}`);
    found.set(key, { there: true, text: outcome === 'done' || known ? '' : 'lbd did not put it there' });
    if (outcome === 'done') {
      held.set(key, item);
      if (known) host.log('info', `${textOf(item)} was gone and was added again`);
    } else if (!known) {
      tell(`foreign ${key}`, `${textOf(item)} is there already and lbd did not add it: it is used, and never removed`);
    }
  }

  function assert(): void {
    for (const item of wanted) put(item);
  }

  return {
    held() {
      const items = [...held.values()];
      return {
        routes: items.flatMap((one) => (one.kind === 'route' ? [one.value] : [])),
        rules: items.flatMap((one) => (one.kind === 'rule' ? [one.value] : [])),
      };
    },
    reconcile(want) {
      wanted = itemsOf(want);
      found.clear();
      const forms = new Map(wanted.map((one) => [keyOf(one), formOf(one)]));
      for (const [key, item] of [...held].reverse()) {
        if (forms.get(key) === formOf(item)) continue;
        held.delete(key);
        attempt(item, false);
      }
      assert();
    },
    assert,
    report: (all) =>
      itemsOf(all).map((item) => {
        const what = item.kind === 'route' ? `route ${routeText(item.value)}` : `rule ${ruleText(item.value)}`;
        return { what, ...(found.get(keyOf(item)) ?? { there: false, text: '' }) };
      }),
  };
}
