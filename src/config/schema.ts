/** The shape of the file: keys, types and ranges, each with the sentence that a user gets. What needs two places is in build.ts. */
import * as v from 'valibot';
import { parseDuration } from '../base/duration.js';
import { isMulticast, parsePrefix } from '../base/ip.js';
import { didYouMean } from '../base/suggest.js';
import {
  FORWARDS,
  isRefused,
  MAX_THRESHOLD,
  MAX_WEIGHT,
  type Parsed,
  PROTOCOLS,
  parseChoice,
  parseServiceAddress,
  SCHEDULERS,
} from '../base/words.js';
import { LATER, LATER_CHECKS, laterText } from './later.js';

type Entries = Record<string, v.GenericSchema>;

const shown = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** A mapping of known keys. Unknown ones are all told, each at its place. */
function mapping<const E extends Entries>(what: string, entries: E, later: readonly string[] = LATER[what] ?? []) {
  const known = Object.keys(entries);
  const message = (issue: { readonly received: string; readonly path?: readonly { readonly key?: unknown }[] | undefined }) => {
    const key = issue.path?.at(-1)?.key;
    return issue.received === 'undefined' && typeof key === 'string' && known.includes(key)
      ? `${what} needs "${key}"`
      : `${what} is a mapping of ${known.join(', ')}`;
  };
  return v.pipe(
    v.looseObject(entries, message),
    v.rawCheck(({ dataset, addIssue }) => {
      const value = dataset.value as Record<string, unknown>;
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value)) {
        if (known.includes(key)) continue;
        const text = later.includes(key) ? laterText(key) : `unknown key "${key}" in ${what}${didYouMean(key, known)}`;
        addIssue({ message: text, path: [{ type: 'object', origin: 'key', input: value, key, value: value[key] }] });
      }
    }),
  );
}

/** A scalar that a parser turns into a value, or refuses with its sentence. */
const parsed = <T>(parse: (text: string) => Parsed<T>, expected: string) =>
  v.pipe(
    v.union([v.string(), v.number()], (issue) => `${expected} is expected, not ${shown(issue.input)}`),
    v.rawTransform<string | number, T>(({ dataset, addIssue, NEVER }) => {
      const result = parse(String(dataset.value));
      if (!isRefused(result)) return result.value;
      addIssue({ message: result.refused });
      return NEVER;
    }),
  );

const text = (what: string) =>
  v.pipe(
    v.string((issue) => `${what} is a text, not ${shown(issue.input)}`),
    v.nonEmpty(`${what} is empty`),
  );

const name = (what: string) =>
  v.pipe(
    text(what),
    v.regex(
      /^[A-Za-z0-9][\w.-]{0,62}$/,
      (issue) => `"${issue.input}" is no ${what}: letters, digits, "_", "-" and ".", at most 63`,
    ),
  );

const whole = (what: string, min: number, max: number) => {
  const message = (issue: { input: unknown }) => `${what} is a whole number from ${min} to ${max}, not ${shown(issue.input)}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
};

const yesNo = (what: string) => v.boolean((issue) => `${what} is true or false, not ${shown(issue.input)}`);

const choice = <const T extends string>(what: string, choices: readonly T[]) =>
  parsed((word) => parseChoice(what, word, choices), `a ${what}`);

function duration(what: string, min: number, max: number) {
  return parsed((word) => {
    const ms = parseDuration(word);
    if (ms === undefined) return { refused: `${what}: "${word}" is no duration: write 500ms, 2s or 10m` };
    if (ms < min || ms > max) return { refused: `${what}: ${word} is outside ${min}ms to ${max / 1000}s` };
    return { value: ms };
  }, `a duration for ${what}`);
}

const list = <T extends v.GenericSchema>(what: string, item: T) =>
  v.array(item, (issue) => `${what} is a list, not ${shown(issue.input)}`);

const timing = {
  interval: v.optional(duration('interval', 10, 3_600_000)),
  timeout: v.optional(duration('timeout', 10, 600_000)),
  rise: v.optional(whole('rise', 1, 1000)),
  fall: v.optional(whole('fall', 1, 1000)),
};

const statusRange = parsed((word) => {
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word);
  const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  return match && from <= to
    ? { value: [from, to] as const }
    : { refused: `"${word}" is no HTTP status or range such as 200-299` };
}, 'an HTTP status');

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const clean = (what: string, pattern: RegExp) =>
  v.pipe(
    text(what),
    v.regex(pattern, (issue) => `${what}: ${shown(issue.input)} cannot be sent in a request`),
  );

const CHECK_TYPES = ['tcp', 'http', 'icmp'] as const;
const httpOnly = {
  path: v.optional(clean('path', /^\/[\x21-\x7e]*$/)),
  host: v.optional(clean('host', /^[\x21-\x7e]+$/)),
  headers: v.optional(
    v.record(
      v.pipe(
        v.string(),
        v.regex(HEADER, (issue) => `${shown(issue.input)} is no header name`),
      ),
      v.pipe(
        v.union([v.string(), v.number()], 'a header value is a text'),
        v.transform(String),
        v.regex(/^[\t\x20-\x7e]*$/, 'a header value has printable characters only'),
      ),
      'headers are a mapping of names to texts',
    ),
  ),
  status: v.optional(list('status', statusRange)),
  body: v.optional(text('body')),
};

const check = v.pipe(
  mapping('a check', {
    type: parsed((word) => {
      if ((LATER_CHECKS as readonly string[]).includes(word)) return { refused: `check type ${laterText(word)}` };
      return parseChoice('check type', word, CHECK_TYPES);
    }, 'a check type'),
    ...timing,
    port: v.optional(whole('port', 1, 65_535)),
    ...httpOnly,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const value = dataset.value as Record<string, unknown>;
    const wrong = [...(value.type === 'http' ? [] : Object.keys(httpOnly)), ...(value.type === 'icmp' ? ['port'] : [])];
    for (const key of wrong) {
      if (value[key] === undefined) continue;
      addIssue({
        message: `"${key}" means nothing to a check of type ${value.type}`,
        path: [{ type: 'object', origin: 'key', input: value, key, value: value[key] }],
      });
    }
  }),
);

const address = parsed(parseServiceAddress, 'ADDRESS:PORT');

const realServer = mapping('a real server', {
  address,
  weight: v.optional(whole('weight', 0, MAX_WEIGHT)),
  forward: v.optional(choice('forwarding method', FORWARDS)),
  upper: v.optional(whole('upper', 0, MAX_THRESHOLD)),
  lower: v.optional(whole('lower', 0, MAX_THRESHOLD)),
  checks: v.optional(list('checks', check)),
});

const inherited = {
  scheduler: v.optional(choice('scheduler', SCHEDULERS)),
  forward: v.optional(choice('forwarding method', FORWARDS)),
  on_failure: v.optional(choice('reaction to failure', ['remove', 'quiesce'])),
  check: v.optional(mapping('check timing', timing)),
  checks: v.optional(list('checks', check)),
};

const virtualServer = mapping('a virtual server', {
  name: name('name of a virtual server'),
  address: v.pipe(
    v.unknown(),
    v.check(
      (value) => !Array.isArray(value),
      'several addresses of one virtual server: this version of lbd does not have it yet; write one virtual server for each',
    ),
    address,
  ),
  protocol: v.optional(
    parsed(
      (word) => (word === 'sctp' ? { refused: `protocol ${laterText('sctp')}` } : parseChoice('protocol', word, PROTOCOLS)),
      'a protocol',
    ),
  ),
  ...inherited,
  real_servers: v.optional(list('real_servers', realServer), []),
});

/** Hosts and prefixes that one director may take from another. */
const virtualAddress = parsed((word) => {
  const prefix = parsePrefix(word);
  if (!prefix) return { refused: `"${word}" is no address with an optional prefix length (192.0.2.10/24, 2001:db8::10/64)` };
  if (isMulticast(prefix.address) || prefix.address === '0.0.0.0' || prefix.address === '::')
    return { refused: `${prefix.address} is no unicast address` };
  return { value: prefix };
}, 'an address');

const vrrpInstance = mapping('a VRRP instance', {
  name: name('name of a VRRP instance'),
  interface: v.pipe(
    text('interface'),
    v.regex(/^[^\s/]{1,15}$/, (issue) => `"${issue.input}" is no interface name (1 to 15 characters, no space, no "/")`),
  ),
  virtual_router_id: whole('virtual_router_id', 1, 255),
  version: v.optional(v.picklist([2, 3], (issue) => `version is 2 or 3, not ${shown(issue.input)}`)),
  priority: v.optional(whole('priority', 1, 255)),
  advert_interval: v.optional(duration('advert_interval', 10, 255_000)),
  preempt: v.optional(
    v.union(
      [v.boolean(), mapping('preempt', { delay: duration('delay', 0, 1_000_000) })],
      (issue) => `preempt is true, false or { delay: 60s }, not ${shown(issue.input)}`,
    ),
  ),
  v3_checksum: v.optional(choice('checksum form', ['pseudo', 'rfc9568'])),
  virtual_addresses: list('virtual_addresses', virtualAddress),
  authentication: v.optional(
    mapping('authentication', {
      type: choice('authentication type', ['pass']),
      password: v.pipe(
        v.union([v.string(), v.number()], 'password is a text'),
        v.transform(String),
        v.nonEmpty('password is empty'),
      ),
    }),
  ),
});

const path = (what: string) =>
  v.pipe(
    text(what),
    v.regex(/^\//, (issue) => `${what} is an absolute path, not "${issue.input}"`),
  );

/** A whole file, or one of its includes. */
export const fileSchema = mapping('the file', {
  include: v.optional(
    v.union(
      [
        list('include', text('include')),
        v.pipe(
          text('include'),
          v.transform((one) => [one]),
        ),
      ],
      'include is a list of file patterns',
    ),
    [],
  ),
  global: v.optional(
    mapping('global', {
      router_id: v.optional(text('router_id')),
      state_dir: v.optional(path('state_dir')),
      control: v.optional(mapping('control', { socket: v.optional(path('socket')), group: v.optional(text('group')) })),
      on_stop: v.optional(choice('way to stop', ['keep', 'remove'])),
      require_ipvs: v.optional(yesNo('require_ipvs')),
      log_level: v.optional(choice('log level', ['debug', 'info', 'warn', 'error'])),
    }),
  ),
  defaults: v.optional(mapping('defaults', inherited)),
  virtual_servers: v.optional(list('virtual_servers', virtualServer), []),
  vrrp_instances: v.optional(list('vrrp_instances', vrrpInstance), []),
});

export type FileShape = v.InferOutput<typeof fileSchema>;
export type VirtualServerShape = v.InferOutput<typeof virtualServer>;
export type RealServerShape = v.InferOutput<typeof realServer>;
export type CheckShape = v.InferOutput<typeof check>;
export type TimingShape = v.InferOutput<typeof inherited.check>;
export type VrrpInstanceShape = v.InferOutput<typeof vrrpInstance>;
