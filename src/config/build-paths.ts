/** Routes and rules of a VRRP instance: what is left out is settled, what cannot be is refused. */
import { type Family, familyOf, formatPrefix } from '../base/ip.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import { type VirtualRouteShape, type VirtualRuleShape, wholeNetwork } from './schema-paths.js';
import type { VirtualRoute, VirtualRule, VrrpInstanceConfig } from './types.js';

/** RT_TABLE_MAIN of linux/rtnetlink.h. */
const MAIN = 254;

type Instance = Pick<VrrpInstanceConfig, 'name' | 'interface' | 'family'>;
type Shape = Located<VrrpInstanceShape>;

const optional = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };

function routeOf(instance: Instance, shape: VirtualRouteShape): VirtualRoute {
  const { via, source, table = MAIN, metric, mtu } = shape;
  const beside = via ?? source;
  const family = beside === undefined ? instance.family : familyOf(beside);
  const to = shape.to === 'default' ? wholeNetwork(family) : shape.to;
  const dev = shape.interface ?? (via === undefined ? instance.interface : undefined);
  const words = { ...optional('via', via), ...optional('dev', dev), ...optional('source', source) };
  return { to, ...words, table, ...optional('metric', metric), ...optional('mtu', mtu) };
}

const familyOfRule = ({ family, from, to }: VirtualRuleShape, instance: Instance): Family => {
  if (family !== undefined) return family === 'ipv4' ? 4 : 6;
  const network = from ?? to;
  return network ? familyOf(network.address) : instance.family;
};

function ruleOf(instance: Instance, shape: VirtualRuleShape): VirtualRule {
  const { priority, table, from, to, iif, oif, fwmark } = shape;
  const networks = { ...optional('from', from), ...optional('to', to) };
  const words = { ...optional('iif', iif), ...optional('oif', oif), ...optional('fwmark', fwmark) };
  return { family: familyOfRule(shape, instance), priority, table, ...networks, ...words };
}

/** What the kernel tells routes apart by. */
export const routeKey = ({ to, table, metric = 0 }: VirtualRoute): string => `${formatPrefix(to)} ${table} ${metric}`;
export const ruleKey = (rule: VirtualRule): string => JSON.stringify(rule);

function checkRoute(route: VirtualRoute, at: Shape, path: readonly (string | number)[], report: Report): void {
  const family = familyOf(route.to.address);
  for (const [key, ip] of [
    ['via', route.via],
    ['source', route.source],
  ] as const) {
    if (ip !== undefined && familyOf(ip) !== family)
      report('error', at, `${key} ${ip} is of another family than ${formatPrefix(route.to)}`, [...path, key]);
  }
}

function checkRule(rule: VirtualRule, at: Shape, path: readonly (string | number)[], report: Report): void {
  for (const key of ['from', 'to'] as const) {
    const network = rule[key];
    if (network && familyOf(network.address) !== rule.family)
      report('error', at, `${key} ${formatPrefix(network)} is no network of the rule's family (IPv${rule.family})`, [
        ...path,
        key,
      ]);
  }
  const { from, to, iif, oif, fwmark } = rule;
  if (!from && !to && iif === undefined && oif === undefined && fwmark === undefined)
    report('warning', at, `the rule of priority ${rule.priority} is of every packet of the host`, path);
}

export interface Paths {
  readonly routes: readonly VirtualRoute[];
  readonly rules: readonly VirtualRule[];
}

export function buildPaths(instance: Instance, { value }: Shape): Paths {
  const routes = value.virtual_routes.map((one) => routeOf(instance, one));
  return { routes, rules: value.virtual_rules.map((one) => ruleOf(instance, one)) };
}

/** `holders`: which instance has which route or rule, by its key. */
export function checkPaths(name: string, paths: Paths, holders: Map<string, string>, at: Shape, report: Report): void {
  const take = (key: string, what: string, path: readonly (string | number)[]) => {
    const holder = holders.get(key);
    if (holder !== undefined)
      report('error', at, holder === name ? `${what} is listed twice` : `${what} is one of ${holder} already`, path);
    holders.set(key, name);
  };
  for (const [i, route] of paths.routes.entries()) {
    const path = ['virtual_routes', i];
    checkRoute(route, at, path, report);
    take(`route ${routeKey(route)}`, `the route to ${formatPrefix(route.to)} in table ${route.table}`, path);
  }
  for (const [i, rule] of paths.rules.entries()) {
    const path = ['virtual_rules', i];
    checkRule(rule, at, path, report);
    take(`rule ${ruleKey(rule)}`, `this rule of priority ${rule.priority}`, path);
  }
}
