/**
 * Would the firewall let a packet through? nftables' base chains of a hook are walked as the kernel walks them: rules in order, jumps,
 * the policy at the end; a packet must pass every base chain of its hooks. Where a rule asks for what nobody knows, both ways are
 * followed: what comes to the same is certain all the same.
 */
import { isAmong, matches, nameOfLeft, type Tri } from './match.js';
import type { Marks, Packet } from './packet.js';
import { type Chain, isObject, type Json, type JsonObject, type Rule, type Ruleset } from './ruleset.js';

export interface Hook {
  readonly name: 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Only base chains of a lower priority see the packet. */
  readonly before?: number;
}

/** A rule, or the policy of a base chain (handle undefined). */
export interface Place {
  readonly chain: Chain;
  readonly handle: number | undefined;
}

/** A base chain that does not surely accept. */
export interface Obstacle {
  readonly verdict: 'dropped' | 'unknown';
  readonly base: Chain;
  /** The rule that drops, or the one that cannot be judged. */
  readonly place: Place;
  /** What the rule has that cannot be judged; '' when dropped. */
  readonly doubt: string;
}

/** Rules looked at for one packet: beyond it the ruleset is too large to be walked in passing. */
const MAX_STEPS = 50_000;
/** The kernel allows 16 jumps. */
const MAX_DEPTH = 20;
/** Before this priority connection tracking has not seen a packet (NF_IP_PRI_CONNTRACK), and `ct state` says invalid. */
const CONNTRACK_PRIORITY = -200;
const BEFORE_CONNTRACK = new Set(['ingress', 'prerouting', 'output']);

interface Doubt {
  readonly place: Place;
  readonly text: string;
}

/** What may come of a chain or a rule: any of those that are set. */
interface Outcome {
  accept?: true | undefined;
  drop?: Place | undefined;
  /** On with the next rule; of a chain: back to the caller. */
  through?: true | undefined;
  /** Of a rule: out of its chain. */
  leave?: true | undefined;
  /** Why there is more than one. */
  doubt?: Doubt | undefined;
}

interface Walk {
  readonly ruleset: Ruleset;
  readonly packet: Packet;
  marks: Marks;
  steps: number;
}

/** Statements that decide nothing. */
const NEUTRAL = new Set([
  'counter',
  'log',
  'mangle',
  'notrack',
  'flow',
  'last',
  'dup',
  'continue',
  'reset',
  'ct helper',
  'ct timeout',
  'ct expectation',
]);
/** Statements that put the packet into a set; with a statement of their own (a limit) they decide. */
const COLLECTING = new Set(['set', 'map']);
/** Statements that end the walk of a base chain in favour of the packet. */
const TRANSLATIONS = new Set(['snat', 'dnat', 'masquerade', 'redirect', 'tproxy']);
/** Targets of iptables that let a packet go on. */
const HARMLESS_TARGETS = new Set('LOG NFLOG MARK CONNMARK TCPMSS CHECKSUM TOS DSCP CLASSIFY AUDIT TRACE comment'.split(' '));

function jump(walk: Walk, chain: Chain, place: Place, target: Json, depth: number): Outcome {
  const next = isObject(target) ? walk.ruleset.chain(chain.family, chain.table, String(target.target)) : undefined;
  if (!next || depth >= MAX_DEPTH) return anything(place, 'a jump to a chain that is not there');
  return walkChain(walk, next, depth + 1);
}

const anything = (place: Place, text: string): Outcome => ({ accept: true, drop: place, through: true, doubt: { place, text } });

function verdictOf(walk: Walk, place: Place, statement: JsonObject, depth: number): Outcome | undefined {
  if ('accept' in statement) return { accept: true };
  if ('drop' in statement || 'reject' in statement) return { drop: place };
  if ('return' in statement) return { leave: true };
  if ('jump' in statement) return jump(walk, place.chain, place, statement.jump, depth);
  if ('goto' in statement) {
    const { through, ...rest } = jump(walk, place.chain, place, statement.goto, depth);
    return through ? { ...rest, leave: true } : rest;
  }
  return undefined;
}

/** A verdict map: the verdict of the element that fits, of each that may fit. */
function lookUp(walk: Walk, place: Place, map: JsonObject, depth: number): Outcome {
  const { family, table } = place.chain;
  const elements = (name: string) => walk.ruleset.elements(family, table, name);
  const { key, data } = map;
  const pairs = typeof data === 'string' ? elements(data.replace(/^@/, '')) : isObject(data) ? data.set : undefined;
  if (!Array.isArray(pairs)) return anything(place, 'a verdict map');
  const total: Outcome = {};
  for (const pair of pairs) {
    if (!Array.isArray(pair)) continue;
    const [pattern, verdict] = pair;
    const fits = isAmong(walk.packet, walk.marks, key, pattern, pair, elements);
    if (fits === false) continue;
    const outcome = (isObject(verdict) ? verdictOf(walk, place, verdict, depth) : undefined) ?? { through: true };
    add(total, outcome, fits, { place, text: `a verdict map of ${nameOfLeft(key)}` });
    if (fits) return total;
  }
  return { ...total, through: true };
}

/** Joins what may come of one thing to what may come of all before it. */
function add(total: Outcome, one: Outcome, certain: Tri, doubt: Doubt): void {
  total.accept ??= one.accept;
  total.drop ??= one.drop;
  total.leave ??= one.leave;
  total.doubt ??= one.doubt;
  if (certain === undefined) total.doubt ??= doubt;
}

/** Does a statement that is no verdict hold? Undefined with the words for what cannot be judged. */
function holds(walk: Walk, chain: Chain, statement: JsonObject): { readonly fits: Tri; readonly what: string } {
  const [kind = '', details] = Object.entries(statement)[0] ?? [];
  if (kind === 'match' && isObject(details)) {
    const elements = (name: string) => walk.ruleset.elements(chain.family, chain.table, name);
    return { fits: matches(walk.packet, walk.marks, details, elements), what: `a match on ${nameOfLeft(details.left)}` };
  }
  if (NEUTRAL.has(kind)) return { fits: true, what: '' };
  if (COLLECTING.has(kind) && isObject(details) && details.stmt === undefined) return { fits: true, what: '' };
  return { fits: undefined, what: kind === 'xt' ? `iptables' own ${xtName(details)}` : `"${kind}"` };
}

const xtName = (details: Json): string => (isObject(details) && typeof details.name === 'string' ? details.name : 'extension');

/** Statements that are verdicts beside the plain ones; undefined: it is none. */
function specialVerdict(walk: Walk, place: Place, statement: JsonObject, last: boolean, depth: number): Outcome | undefined {
  const [kind = '', details] = Object.entries(statement)[0] ?? [];
  if (kind === 'vmap' && isObject(details)) return lookUp(walk, place, details, depth);
  if (TRANSLATIONS.has(kind)) return { accept: true };
  if (kind === 'queue' || kind === 'fwd' || kind === 'synproxy') return anything(place, `"${kind}"`);
  if (kind !== 'xt' || !last) return undefined;
  const { type, name } = isObject(details) ? details : {};
  if (HARMLESS_TARGETS.has(String(name)) || type === 'match') return undefined;
  return anything(place, `iptables' own ${xtName(details)}`);
}

/** What a rule does to the packet itself. */
function change(walk: Walk, statement: JsonObject, fits: Tri): void {
  const { mangle } = statement;
  if ('notrack' in statement) walk.marks = { ...walk.marks, state: fits ? 'untracked' : undefined };
  if (!isObject(mangle) || !isObject(mangle.key) || !isObject(mangle.key.meta) || mangle.key.meta.key !== 'mark') return;
  walk.marks = { ...walk.marks, mark: fits && typeof mangle.value === 'number' ? mangle.value : undefined };
}

function walkRule(walk: Walk, chain: Chain, rule: Rule, depth: number): Outcome {
  const place = { chain, handle: rule.handle };
  let fits: Tri = true;
  let doubt: Doubt | undefined;
  const total: Outcome = {};
  for (const [i, statement] of rule.statements.entries()) {
    const outcome =
      verdictOf(walk, place, statement, depth) ?? specialVerdict(walk, place, statement, i === rule.statements.length - 1, depth);
    if (outcome) {
      add(total, outcome, fits, doubt ?? { place, text: '' });
      if (outcome.through || fits !== true) total.through = true;
      return total;
    }
    const { fits: one, what } = holds(walk, chain, statement);
    if (one === false) return { through: true };
    if (one === undefined) {
      fits = undefined;
      doubt ??= { place, text: what };
    }
    change(walk, statement, fits);
  }
  return { through: true };
}

/** Who leaves a chain goes on where it was called from. */
function backToCaller({ leave: _left, through: _through, ...rest }: Outcome, returns: true | undefined): Outcome {
  return returns ? { ...rest, through: true } : rest;
}

function walkChain(walk: Walk, chain: Chain, depth: number): Outcome {
  const total: Outcome = {};
  for (const rule of chain.rules) {
    const place = { chain, handle: rule.handle };
    if (++walk.steps > MAX_STEPS) {
      add(total, anything(place, 'too many rules before it'), true, { place, text: '' });
      return { ...total, through: true };
    }
    const outcome = walkRule(walk, chain, rule, depth);
    add(total, outcome, true, { place, text: '' });
    if (!outcome.through) return backToCaller(total, total.leave);
  }
  return backToCaller(total, true);
}

function judgeBase(walk: Walk, base: Chain): Obstacle | undefined {
  const policy: Place = { chain: base, handle: undefined };
  const { accept, drop, through, doubt } = walkChain(walk, base, 0);
  const dropped = drop ?? (through && base.policy === 'drop' ? policy : undefined);
  const accepted = accept || (through && base.policy === 'accept');
  if (!dropped) return undefined;
  if (!accepted) return { verdict: 'dropped', base, place: dropped, doubt: '' };
  return { verdict: 'unknown', base, place: doubt?.place ?? dropped, doubt: doubt?.text ?? '' };
}

/** Is it the packet's way? Chains at ingress belong to interfaces, which old nft does not name. */
function concerns(chain: Chain, hook: Hook, packet: Packet): Tri {
  if (chain.hook !== hook.name || (hook.before !== undefined && chain.priority >= hook.before)) return false;
  const families = hook.name === 'ingress' ? ['netdev', 'inet'] : ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  if (!families.includes(chain.family)) return false;
  if (hook.name !== 'ingress') return true;
  if (!chain.devices) return undefined;
  const on = packet.inputs.filter((name) => chain.devices?.includes(name));
  return on.length === 0 ? false : on.length === packet.inputs.length ? true : undefined;
}

const stateAt = (hook: Hook, chain: Chain, marks: Marks): Marks =>
  BEFORE_CONNTRACK.has(hook.name) && chain.priority < CONNTRACK_PRIORITY ? { ...marks, state: 'invalid' } : marks;

/** The base chains on the packet's way that do not surely accept it, in its order. */
export function obstacles(ruleset: Ruleset, packet: Packet, hooks: readonly Hook[]): Obstacle[] {
  const walk: Walk = { ruleset, packet, marks: { state: packet.state, mark: 0 }, steps: 0 };
  const found: Obstacle[] = [];
  for (const hook of hooks) {
    const chains = ruleset.chains.filter((chain) => concerns(chain, hook, packet) !== false);
    for (const base of chains.sort((a, b) => a.priority - b.priority)) {
      const before = walk.marks;
      walk.marks = stateAt(hook, base, before);
      const obstacle = judgeBase(walk, base);
      if (walk.marks.state === 'invalid' && before.state !== 'invalid') walk.marks = { ...walk.marks, state: before.state };
      if (!obstacle) continue;
      const certain = concerns(base, hook, packet) === true;
      found.push(certain ? obstacle : { ...obstacle, verdict: 'unknown', doubt: 'an interface that nft does not name' });
    }
  }
  return found;
}

/** `rule 12 of chain inet filter input`, `the policy of chain inet filter input`. */
export function describePlace({ chain, handle }: Place): string {
  const where = `chain ${chain.family} ${chain.table} ${chain.name}`;
  return handle === undefined ? `the policy of ${where}` : `rule handle ${handle} of ${where}`;
}
