/** The shape of checks: the words of all types in one mapping, and which type has which. */
import * as v from 'valibot';
import { parseDuration } from '../base/duration.js';
import { parseIp } from '../base/ip.js';
import { regexFault } from '../base/regex.js';
import { MAX_FWMARK, MAX_SHARE, parseChoice } from '../base/words.js';
import { addressFaults, type CheckFault, datagramFaults, requestFaults } from './check-faults.js';
import { LATER_CHECKS, laterText } from './later.js';
import { choice, duration, interfaceName, list, mapping, parsed, path, shown, text, whole, yesNo } from './schema-tools.js';

/** Longest move of a beat, in percent of the interval. */
const MAX_JITTER = 50;

const jitter = parsed(
  (word) => {
    const percent = /^(\d{1,2})%?$/.exec(word)?.[1];
    return percent !== undefined && Number(percent) <= MAX_JITTER
      ? { value: Number(percent) }
      : { refused: `jitter: "${word}" is no share of the interval: write 0% to ${MAX_JITTER}%` };
  },
  'a jitter such as 5%',
  { is: 'percent', min: 0, max: MAX_JITTER, bare: true },
);

const every = (what: string) => v.optional(duration(what, 10, 3_600_000));

export const timing = {
  interval: every('interval'),
  interval_down: every('interval_down'),
  interval_changing: every('interval_changing'),
  jitter: v.optional(jitter),
  timeout: v.optional(duration('timeout', 10, 600_000)),
  rise: v.optional(whole('rise', 1, 1000)),
  fall: v.optional(whole('fall', 1, 1000)),
};

const statusRange = parsed(
  (word) => {
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    return match && from <= to
      ? { value: [from, to] as const }
      : { refused: `"${word}" is no HTTP status or range such as 200-299` };
  },
  'an HTTP status',
  { is: 'status' },
);

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const clean = (what: string, pattern: RegExp) =>
  v.pipe(
    text(what),
    v.regex(pattern, (issue) => `${what}: ${shown(issue.input)} cannot be sent in a request`),
  );

const HEADERS = 'headers are a mapping of names to texts';
const headers = v.pipe(
  v.unknown(),
  v.check((input) => !Array.isArray(input), HEADERS),
  v.record(
    v.pipe(
      v.string(),
      v.regex(HEADER, (issue) => `${shown(issue.input)} is no header name`),
    ),
    v.pipe(
      v.string('a header value is a text: write it in quotes, "0123"'),
      v.regex(/^[\t\x20-\x7e]*$/, 'a header value has printable characters only'),
    ),
    HEADERS,
  ),
);

const regex = v.pipe(
  text('regex'),
  v.check(
    (source) => regexFault(source) === undefined,
    (issue) => `regex: ${regexFault(issue.input)}`,
  ),
);

const DIGESTS: Readonly<Record<string, number>> = { md5: 32, sha256: 64 };
const digest = parsed(
  (word) => {
    const [, kind = '', hex = ''] = /^(md5|sha256):([0-9a-fA-F]+)$/.exec(word) ?? [];
    return kind !== '' && hex.length === DIGESTS[kind]
      ? { value: `${kind}:${hex.toLowerCase()}` }
      : { refused: `digest: "${word}" is neither md5: with 32 hexadecimal digits nor sha256: with 64` };
  },
  'a digest such as sha256:…',
  { is: 'digest' },
);

const hex = parsed(
  (word) =>
    /^(?:[0-9a-fA-F]{2})+$/.test(word)
      ? { value: word.toLowerCase() }
      : { refused: `send_hex: "${word}" is not pairs of hexadecimal digits` },
  'hexadecimal digits',
  { is: 'hex' },
);

const ip = (what: string) =>
  parsed(
    (word) => {
      const value = parseIp(word);
      return value === undefined ? { refused: `${what}: "${word}" is no IP address` } : { value };
    },
    `an IP address for ${what}`,
    { is: 'address' },
  );

const DAY = 86_400_000;
/** `14d`, or any duration. */
const warnBefore = parsed(
  (word) => {
    const days = /^(\d{1,4})d$/.exec(word)?.[1];
    const value = days === undefined ? parseDuration(word) : Number(days) * DAY;
    return value === undefined ? { refused: `warn_before: "${word}" is no time: write 14d or 12h` } : { value };
  },
  'a time for warn_before',
  { is: 'duration', min: 0, max: Number.POSITIVE_INFINITY },
);

const tls = mapping('tls of a check', {
  verify: v.optional(yesNo('verify')),
  ca: v.optional(path('ca')),
  certificate: v.optional(path('certificate')),
  key: v.optional(path('key')),
  sni: v.optional(clean('sni', /^[0-9A-Za-z._-]+$/)),
  warn_before: v.optional(warnBefore),
});

const RUN_NETNS = /^(?:\/var)?\/run\/netns\/([^/]+)$/;
/** As `ip netns` names them: files of one folder; or the path of any. */
const netns = parsed(
  (word) => {
    const name = RUN_NETNS.exec(word)?.[1] ?? word;
    return /^(?:\/[^\0]+|(?!\.\.?$)[^/\0]{1,255})$/.test(name)
      ? { value: name }
      : { refused: `netns: "${word}" is neither the name of a network namespace nor an absolute path` };
  },
  'the name of a network namespace',
  { is: 'netns' },
);

/** RFC 1035 names, and what is found in practice: labels of up to 63 characters. */
const DNS_NAME = /^(?=.{1,253}\.?$)(?:\.|(?:[0-9A-Za-z_-]{1,63}\.)*[0-9A-Za-z_-]{1,63}\.?)$/;
const QUERIES = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;

/** Characters of the name of a gRPC service. */
const MAX_SERVICE = 1024;
/** `150%`, of the weight. */
const percentOfWeight = (what: string) =>
  parsed(
    (word) => {
      const percent = /^(\d{1,4})%$/.exec(word)?.[1];
      return percent !== undefined && Number(percent) <= MAX_SHARE
        ? { value: Number(percent) }
        : { refused: `${what}: "${word}" is no share of the weight: write 0% to ${MAX_SHARE}%` };
    },
    `a share such as 50% for ${what}`,
    { is: 'percent', min: 0, max: MAX_SHARE },
  );

const share = v.pipe(
  mapping('share', { min: v.optional(percentOfWeight('min')), max: v.optional(percentOfWeight('max')) }),
  v.check(
    ({ min = 0, max = MAX_SHARE }) => min <= max,
    ({ input }) => `share: min (${input.min}%) is above max (${input.max}%)`,
  ),
);

const words = {
  port: v.optional(whole('port', 1, 65_535)),
  address: v.optional(ip('address')),
  source: v.optional(ip('source')),
  interface: v.optional(interfaceName('interface')),
  fwmark: v.optional(whole('fwmark', 1, MAX_FWMARK)),
  netns: v.optional(netns),
  via: v.optional(choice('way of a probe', ['vip'])),
  proxy_protocol: v.optional(choice('PROXY protocol version', ['v1', 'v2'])),
  send: v.optional(text('send')),
  send_hex: v.optional(hex),
  expect: v.optional(text('expect')),
  regex: v.optional(regex),
  silence: v.optional(duration('silence', 10, 600_000)),
  path: v.optional(clean('path', /^\/[\x21-\x7e]*$/)),
  method: v.optional(choice('method', ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'])),
  host: v.optional(clean('host', /^[\x21-\x7e]+$/)),
  headers: v.optional(headers),
  status: v.optional(v.pipe(list('status', statusRange), v.nonEmpty('status is an empty list: no answer would do'))),
  body: v.optional(text('body')),
  digest: v.optional(digest),
  http2: v.optional(yesNo('http2')),
  service: v.optional(v.pipe(text('service'), v.maxLength(MAX_SERVICE, `service is a name of up to ${MAX_SERVICE} characters`))),
  tls: v.optional(tls),
  name: v.optional(
    v.pipe(
      text('name'),
      v.regex(DNS_NAME, (issue) => `name: "${issue.input}" is no domain name`),
    ),
  ),
  query: v.optional(choice('query', QUERIES)),
  answer: v.optional(text('answer')),
  helo: v.optional(clean('helo', /^[\x21-\x7e]+$/)),
  command: v.optional(
    v.pipe(list('command', text('a word of the command')), v.nonEmpty('command is an empty list: name the program')),
  ),
  user: v.optional(text('user')),
  weight: v.optional(yesNo('weight')),
  share: v.optional(share),
};

type Word = keyof typeof words;
const SOCKET: readonly Word[] = ['port', 'address', 'source', 'interface', 'fwmark', 'netns'];
const STREAM: readonly Word[] = [...SOCKET, 'proxy_protocol'];
const HTTP: readonly Word[] = [
  ...STREAM,
  ...(['via', 'path', 'method', 'host', 'headers', 'status', 'body', 'regex', 'digest', 'http2'] as const),
];

/** The words that mean something to each type. */
export const WORDS = {
  tcp: [...STREAM, 'via', 'send', 'send_hex', 'expect', 'regex'],
  tcp_half_open: SOCKET,
  http: HTTP,
  https: [...HTTP, 'tls'],
  grpc: [...STREAM, 'via', 'service', 'host', 'tls'],
  icmp: ['address', 'source', 'interface', 'fwmark', 'netns'],
  udp: [...SOCKET, 'via', 'send', 'send_hex', 'expect', 'regex', 'silence'],
  dns: [...SOCKET, 'via', 'name', 'query', 'answer'],
  smtp: [...STREAM, 'via', 'helo'],
  script: ['port', 'netns', 'command', 'user', 'weight', 'share'],
  file: ['path', 'share'],
  agent: [...STREAM, 'via', 'send', 'send_hex', 'share'],
} as const satisfies Readonly<Record<string, readonly Word[]>>;

export type CheckType = keyof typeof WORDS;
const TYPES = Object.keys(WORDS) as CheckType[];

/** Of each list at least one. */
export const NEEDS: Readonly<Partial<Record<CheckType, readonly (readonly Word[])[]>>> = {
  udp: [['send', 'send_hex']],
  dns: [['name']],
  script: [['command']],
  file: [['path']],
  agent: [['port']],
};

type Values = Readonly<Record<string, unknown>>;

/** Fields about one connection, which HTTP/2 does not have (RFC 9113, 8.2.2). */
const OF_HTTP1 = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'http2-settings'];

function* faults(type: CheckType, value: Values): Generator<CheckFault> {
  const known: readonly string[] = WORDS[type];
  for (const key of Object.keys(words)) {
    if (value[key] !== undefined && !known.includes(key)) yield [key, `"${key}" means nothing to a check of type ${type}`];
  }
  for (const group of NEEDS[type] ?? []) {
    if (group.every((key) => value[key] === undefined)) yield ['type', `a check of type ${type} needs "${group.join('" or "')}"`];
  }
  if (value.send !== undefined && value.send_hex !== undefined) yield ['send_hex', 'a check has either "send" or "send_hex"'];
  for (const key of ['interface', 'fwmark', 'netns'])
    if (value.via !== undefined && value[key] !== undefined)
      yield [key, `"${key}" does not go with via: vip: IPVS decides by a mark of lbd's own where the probe leaves`];
  yield* requestFaults(value);
  const foreign = value.http2 ? Object.keys(value.headers ?? {}).find((one) => OF_HTTP1.includes(one.toLowerCase())) : undefined;
  if (foreign !== undefined) yield ['headers', `headers: ${foreign} cannot be sent in HTTP/2`];
  if (type === 'script' && value.share !== undefined && value.weight !== true)
    yield ['share', 'share: the script says no weight: write weight: true'];
  yield* addressFaults(value);
  yield* datagramFaults(type, value);
  const { certificate, key } = (value.tls ?? {}) as Values;
  if ((certificate === undefined) !== (key === undefined))
    yield ['tls', 'tls: a certificate needs its key, and a key its certificate'];
}

export const check = v.pipe(
  mapping('a check', {
    type: parsed(
      (word) => {
        if ((LATER_CHECKS as readonly string[]).includes(word)) return { refused: `check type ${laterText(word)}` };
        return parseChoice('check type', word, TYPES);
      },
      'a check type',
      { is: 'choice', of: TYPES },
    ),
    ...timing,
    ...words,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value as Record<string, unknown>;
    for (const [key, message] of faults(dataset.value.type, input))
      addIssue({ message, path: [{ type: 'object', origin: 'key', input, key, value: input[key] }] });
  }),
);

export type CheckShape = v.InferOutput<typeof check>;
