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

/** A memo: a set of ten thousand addresses is asked about many packets. */
const flattened = new WeakMap<object, readonly Pattern[]>();

function patternsOf(right: Json, elements: Elements): readonly Pattern[] {
  const from = typeof right === 'string' && right.startsWith('@') ? elements(right.slice(1)) : right;
  if (typeof from !== 'object' || from === null) return [prepare(from)];
  const known = flattened.get(from);
  if (known) return known;
  const found = [...flatten(from)].map(prepare);
  flattened.set(from, found);
  return found;
}

/** Of all that the field may be: true when each holds, false when none does. */
function throughout(field: readonly Candidate[], holds: (one: Candidate) => Tri): Tri {
  const each = field.map(holds);
  if (each.every((one) => one === true)) return true;
  return each.every((one) => one === false) ? false : undefined;
}

function fitsSet(field: Field, right: Json, elements: Elements): Tri {
  if (field === 'absent') return false;
  if (field === undefined) return undefined;
  const patterns = patternsOf(right, elements);
  return throughout(field, (candidate) => some(patterns.map((pattern) => fitsOne(candidate, pattern))));
}

function fitsTogether(fields: readonly Field[], right: Json, elements: Elements): Tri {
  if (fields.includes('absent')) return false;
  const fits = (field: Field, json: Json): Tri => {
    if (field === undefined || field === 'absent') return undefined;
    const pattern = prepare(json);
    return throughout(field, (candidate) => fitsOne(candidate, pattern));
  };
  return some(
    patternsOf(right, elements).map(({ json }) => {
      const parts = isObject(json) ? json.concat : undefined;
      if (!Array.isArray(parts) || parts.length !== fields.length) return undefined;
      return every(fields.map((field, i) => fits(field, parts[i])));
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

/** Is what `left` names among `right`? */
export function isAmong(packet: Packet, marks: Marks, left: Json, right: Json, elements: Elements): Tri {
  const concat = isObject(left) ? left.concat : undefined;
  if (!Array.isArray(concat)) return fitsSet(fieldOf(packet, marks, left), right, elements);
  const fields = concat.map((one) => fieldOf(packet, marks, one));
  return fitsTogether(fields, right, elements);
}

const isAbsent = (packet: Packet, marks: Marks, left: Json): boolean => {
  const parts = isObject(left) && Array.isArray(left.concat) ? left.concat : [left];
  return parts.some((one) => fieldOf(packet, marks, one) === 'absent');
};

/** A `match` statement. A field that the packet does not have fails every comparison, `!=` too. */
export function matches(packet: Packet, marks: Marks, match: JsonObject, elements: Elements): Tri {
  const { op, left, right } = match;
  if (isAbsent(packet, marks, left)) return false;
  if (op === '==' || op === 'in' || op === undefined) return isAmong(packet, marks, left, right, elements);
  if (op === '!=') return not(isAmong(packet, marks, left, right, elements));
  return isOrdered(fieldOf(packet, marks, left), String(op), right);
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
