/**
 * The ruleset of nftables out of `nft -j list ruleset` (libnftables-json(5)). What is not understood stays as it is: the evaluator
 * says "cannot tell" of it.
 */

export type Json = unknown;
export type JsonObject = Readonly<Record<string, unknown>>;

export interface Rule {
  readonly handle: number;
  /** Matches, verdicts and other statements, each an object of one key. */
  readonly statements: readonly JsonObject[];
}

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Undefined: reached by jumps only. */
  readonly hook: string | undefined;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Of chains at ingress and egress; undefined where nft does not tell. */
  readonly devices: readonly string[] | undefined;
  readonly rules: readonly Rule[];
}

export interface Ruleset {
  readonly chains: readonly Chain[];
  chain(family: string, table: string, name: string): Chain | undefined;
  /** Elements of a named set, or of a map ([key, value] pairs); undefined: there is none of this name. */
  elements(family: string, table: string, name: string): readonly Json[] | undefined;
}

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const textOf = (value: Json): string => (typeof value === 'string' ? value : '');
const wordsOf = (value: Json): string[] => listOf(value).filter((one): one is string => typeof one === 'string');

type DraftChain = Chain & { readonly rules: Rule[] };

function readChain(one: JsonObject): DraftChain {
  return {
    family: textOf(one.family),
    table: textOf(one.table),
    name: textOf(one.name),
    hook: typeof one.hook === 'string' ? one.hook : undefined,
    priority: typeof one.prio === 'number' ? one.prio : 0,
    policy: one.policy === 'drop' ? 'drop' : 'accept',
    devices: one.dev === undefined ? undefined : wordsOf(one.dev),
    rules: [],
  };
}

const keyOf = (family: Json, table: Json, name: Json): string => [family, table, name].map(textOf).join('\0');

/** Undefined when it is no ruleset. A table that sleeps (`flags dormant`) is left out. */
export function readRuleset(json: Json): Ruleset | undefined {
  const listed = isObject(json) ? json.nftables : undefined;
  if (!Array.isArray(listed)) return undefined;
  const chains = new Map<string, DraftChain>();
  const sets = new Map<string, readonly Json[]>();
  const dormant = new Set<string>();
  for (const entry of listed.filter(isObject)) {
    const { table, chain, rule } = entry;
    const set = entry.set ?? entry.map;
    if (isObject(table) && wordsOf(table.flags).includes('dormant')) dormant.add(keyOf(table.family, table.name, ''));
    if (isObject(chain)) chains.set(keyOf(chain.family, chain.table, chain.name), readChain(chain));
    if (isObject(set)) sets.set(keyOf(set.family, set.table, set.name), listOf(set.elem));
    if (isObject(rule)) {
      const statements = listOf(rule.expr).filter(isObject);
      const handle = typeof rule.handle === 'number' ? rule.handle : 0;
      chains.get(keyOf(rule.family, rule.table, rule.chain))?.rules.push({ handle, statements });
    }
  }
  const awake = [...chains.values()].filter((one) => !dormant.has(keyOf(one.family, one.table, '')));
  return {
    chains: awake,
    chain: (family, table, name) => chains.get(keyOf(family, table, name)),
    elements: (family, table, name) => sets.get(keyOf(family, table, name)),
  };
}
