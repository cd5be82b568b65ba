/** Does a match of nftables hold for a packet? Yes, no, or it depends on what nobody knows. */
import { familyOf, parseIp } from '../../base/ip.js';
import {
  type Candidate,
  exactly,
  type Field,
  fieldOf,
  type Marks,
  type Packet,
  prefixRange,
  type Range,
  toNumber,
} from './packet.js';
import { isObject, type Json, type JsonObject } from './ruleset.js';

/** Undefined: cannot tell. */
export type Tri = boolean | undefined;

/** Elements of a named set, by its name. */
export type Elements = (name: string) => readonly Json[] | undefined;

export const not = (tri: Tri): Tri => (tri === undefined ? undefined : !tri);

/** True when all are, false when one is not. */
export function every(all: readonly Tri[]): Tri {
  if (all.includes(false)) return false;
  return all.includes(undefined) ? undefined : true;
}

/** True when one is, false when none is. */
export const some = (all: readonly Tri[]): Tri => not(every(all.map(not)));

/** Numbers that nft may print by name. Protocols: /etc/protocols, where `nft -p` is not enough. */
const NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  vrrp: 112,
  sctp: 132,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'mld2-listener-report': 143,
  'echo-request': 128,
  'echo-reply': 129,
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
};

function rangeOfText(text: string): Range | undefined {
  const address = parseIp(text);
  if (address) return { low: toNumber(address), high: toNumber(address) };
  const number = NUMBERS[text];
  return number === undefined ? undefined : exactly(number);
}

/** A number, an address, a prefix, a range; undefined when it is none of these. */
function rangeOf(pattern: Json): Range | undefined {
  if (typeof pattern === 'number') return Number.isSafeInteger(pattern) ? exactly(pattern) : undefined;
  if (typeof pattern === 'string') return rangeOfText(pattern);
  if (!isObject(pattern)) return undefined;
  if (isObject(pattern.prefix)) {
    const { addr, len } = pattern.prefix;
    const address = typeof addr === 'string' ? parseIp(addr) : undefined;
    if (!address || typeof len !== 'number' || len < 0 || len > (familyOf(address) === 4 ? 32 : 128)) return undefined;
    return prefixRange({ address, length: len });
  }
  if (!Array.isArray(pattern.range)) return undefined;
  const [low, high] = pattern.range.map(rangeOf);
  return low && high && { low: low.low, high: high.high };
}

function overlap(candidate: Range, pattern: Range | undefined): Tri {
  if (!pattern) return undefined;
  if (candidate.low >= pattern.low && candidate.high <= pattern.high) return true;
  return candidate.high < pattern.low || candidate.low > pattern.high ? false : undefined;
}

/** Names of interfaces may end in a star. */
function sameText(candidate: string, pattern: Json): Tri {
  if (typeof pattern !== 'string') return undefined;
  return pattern.endsWith('*') ? candidate.startsWith(pattern.slice(0, -1)) : candidate === pattern;
}

/** One thing of a right side, its range worked out once. */
interface Pattern {
  readonly json: Json;
  readonly range: Range | undefined;
}

function fitsOne(candidate: Candidate, { json, range }: Pattern): Tri {
  if (typeof candidate === 'boolean') return typeof json === 'boolean' ? candidate === json : undefined;
  return typeof candidate === 'string' ? sameText(candidate, json) : overlap(candidate, range);
}

const prepare = (json: Json): Pattern => ({ json, range: rangeOf(json) });

/** A set, a list, an element with its own options, down to the single values. */
function* flatten(right: Json): Generator<Json> {
  if (Array.isArray(right)) for (const one of right) yield* flatten(one);
  else if (isObject(right) && right.set !== undefined) yield* flatten(right.set);
  else if (isObject(right) && isObject(right.elem)) yield* flatten(right.elem.val);
  else yield right;
}

/** A memo, by the set, or by the match for a single value: thousands of rules and addresses are asked about hundreds of packets. */
const flattened = new WeakMap<object, readonly Pattern[]>();

function patternsOf(right: Json, by: object, elements: Elements): readonly Pattern[] {
  const from = typeof right === 'string' && right.startsWith('@') ? elements(right.slice(1)) : right;
  const key = typeof from === 'object' && from !== null ? from : by;
  const known = flattened.get(key);
  if (known) return known;
  const found = [...flatten(from)].map(prepare);
  flattened.set(key, found);
  return found;
}

/** True when one fits, false when none does. */
function fitsAny(candidate: Candidate, patterns: readonly Pattern[]): Tri {
  let found: Tri = false;
  for (const pattern of patterns) {
    const fits = fitsOne(candidate, pattern);
    if (fits) return true;
    if (fits === undefined) found = undefined;
  }
  return found;
}

/** Of all that the field may be: true when each holds, false when none does. */
function throughout(field: readonly Candidate[], holds: (one: Candidate) => Tri): Tri {
  const each = field.map(holds);
  if (each.every((one) => one === true)) return true;
  return each.every((one) => one === false) ? false : undefined;
}

/** The parts of an element that joins several fields. */
function partsOf(json: Json): readonly Pattern[] | undefined {
  const parts = isObject(json) ? json.concat : undefined;
  if (!Array.isArray(parts)) return undefined;
  const known = flattened.get(parts);
  if (known) return known;
  const found = parts.map(prepare);
  flattened.set(parts, found);
  return found;
}

function fitsTogether(fields: readonly Field[], element: Pattern): Tri {
  const parts = partsOf(element.json);
  if (parts?.length !== fields.length) return undefined;
  return every(
    fields.map((field, i) => {
      if (field === undefined || field === 'absent') return undefined;
      return throughout(field, (candidate) => fitsOne(candidate, parts[i] as Pattern));
    }),
  );
}

const ORDER: Readonly<Record<string, (candidate: Range, bound: bigint) => Tri>> = {
  '<': (one, bound) => (one.high < bound ? true : one.low >= bound ? false : undefined),
  '>': (one, bound) => (one.low > bound ? true : one.high <= bound ? false : undefined),
  '<=': (one, bound) => (one.high <= bound ? true : one.low > bound ? false : undefined),
  '>=': (one, bound) => (one.low >= bound ? true : one.high < bound ? false : undefined),
};

function isOrdered(field: Field, op: string, right: Json): Tri {
  const order = ORDER[op];
  const bound = rangeOf(right);
  if (field === 'absent') return false;
  if (!order || !bound || bound.low !== bound.high || field === undefined || field.length !== 1) return undefined;
  const [one] = field;
  return typeof one === 'object' ? order(one, bound.low) : undefined;
}

/** What the left side is of this packet; several fields where they are joined (`ip saddr . tcp dport`). */
function fieldsOf(packet: Packet, marks: Marks, left: Json): readonly Field[] {
  const parts = isObject(left) && Array.isArray(left.concat) ? left.concat : [left];
  return parts.map((one) => fieldOf(packet, marks, one));
}

function areAmong(fields: readonly Field[], right: Json, by: object, elements: Elements): Tri {
  if (fields.includes('absent')) return false;
  const [field] = fields;
  if (fields.length === 1) {
    if (field === undefined || field === 'absent') return undefined;
    const patterns = patternsOf(right, by, elements);
    return throughout(field, (candidate) => fitsAny(candidate, patterns));
  }
  return some(patternsOf(right, by, elements).map((element) => fitsTogether(fields, element)));
}

/** Is what `left` names among `right`? `by` is the object that says so: the memo goes by it. */
export const isAmong = (packet: Packet, marks: Marks, left: Json, right: Json, by: object, elements: Elements): Tri =>
  areAmong(fieldsOf(packet, marks, left), right, by, elements);

/** A `match` statement. A field that the packet does not have fails every comparison, `!=` too. */
export function matches(packet: Packet, marks: Marks, match: JsonObject, elements: Elements): Tri {
  const { op, left, right } = match;
  const fields = fieldsOf(packet, marks, left);
  if (fields.includes('absent')) return false;
  if (op === '==' || op === 'in' || op === undefined) return areAmong(fields, right, match, elements);
  if (op === '!=') return not(areAmong(fields, right, match, elements));
  return isOrdered(fields[0], String(op), right);
}

/** `ip saddr`, `meta mark`, `ct state`: the left side in nft's words. */
export function nameOfLeft(left: Json): string {
  if (!isObject(left)) return 'a value';
  if (Array.isArray(left.concat)) return left.concat.map(nameOfLeft).join(' . ');
  if (Array.isArray(left['&'])) return nameOfLeft(left['&'][0]);
  const [kind = 'a value', details] = Object.entries(left)[0] ?? [];
  if (!isObject(details)) return kind;
  if (kind === 'payload') return `${String(details.protocol ?? 'raw')} ${String(details.field ?? 'payload')}`;
  const name = details.key ?? details.name ?? details.result ?? '';
  return `${kind} ${String(name)}`.trim();
}
