/** The shape of virtual servers, real servers and checks. */
import * as v from 'valibot';
import {
  type AddressesAndPort,
  FORWARDS,
  isRefused,
  MAX_THRESHOLD,
  MAX_WEIGHT,
  type Parsed,
  PROTOCOLS,
  parseFwmark,
  parseServerWord,
  parseServiceAddresses,
  SCHEDULER_FLAGS,
  SCHEDULERS,
  TUNNEL_CHECKSUMS,
  TUNNELS,
} from '../base/words.js';
import { formed } from './form.js';
import { check, timing } from './schema-check.js';
import { backup, damping, maxEjected, minHealthy, mode, slowStart } from './schema-policy.js';
import { choice, list, mapping, name, parsed, seconds, shown, text, whole, yesNo } from './schema-tools.js';

const tunnel = {
  type: v.optional(choice('tunnel', TUNNELS)),
  port: v.optional(whole('port', 1, 65_535)),
  checksum: v.optional(choice('tunnel checksum', TUNNEL_CHECKSUMS)),
};

const MIN_MSS = 536;
const MAX_MSS = 65_495;
const mss = parsed<'auto' | 'off' | number>(
  (word) => {
    if (word === 'auto' || word === 'off') return { value: word };
    const value = /^\d{1,5}$/.test(word) ? Number(word) : 0;
    return value >= MIN_MSS && value <= MAX_MSS
      ? { value }
      : { refused: `"${word}" is no MSS: write auto, off, or a number from ${MIN_MSS} to ${MAX_MSS}` };
  },
  'an MSS',
  { is: 'number', min: MIN_MSS, max: MAX_MSS, words: ['auto', 'off'] },
);

/** Of the service: for all its real servers, and what the director does about it. */
const serviceTunnel = mapping('tun', { ...tunnel, mss: v.optional(mss) });

const serverAddress = parsed(parseServerWord, 'ADDRESS:PORT', { is: 'server' });

const realServer = mapping('a real server', {
  address: serverAddress,
  weight: v.optional(whole('weight', 0, MAX_WEIGHT)),
  forward: v.optional(choice('forwarding method', FORWARDS)),
  tun: v.optional(mapping('tun of a real server', tunnel)),
  upper: v.optional(whole('upper', 0, MAX_THRESHOLD)),
  lower: v.optional(whole('lower', 0, MAX_THRESHOLD)),
  mode: v.optional(mode),
  slow_start: v.optional(slowStart),
  backup: v.optional(backup),
  checks: v.optional(list('checks', check)),
});

const sorryMapping = mapping('sorry_server', {
  address: serverAddress,
  forward: v.optional(choice('forwarding method', FORWARDS)),
  tun: v.optional(mapping('tun of a sorry server', tunnel)),
});

const sorryNone = v.literal('none');

/** A mapping, or `none` where the defaults have one. */
const sorryServer = v.lazy((input): typeof sorryMapping | typeof sorryNone => (input === 'none' ? sorryNone : sorryMapping));

const persistenceMapping = mapping('persistence', {
  timeout: v.optional(seconds('timeout')),
  prefix: v.optional(whole('prefix', 1, 128)),
  engine: v.optional(choice('persistence engine', ['sip'])),
});
const persistenceTime = v.pipe(
  seconds('persistence'),
  v.transform((timeout) => ({ timeout, prefix: undefined, engine: undefined })),
);

const persistenceOff = v.literal('off');

/** `5m`, or `{ timeout: 5m, prefix: 24 }`, or `off` where the defaults say otherwise. */
const persistence = v.lazy((input): typeof persistenceMapping | typeof persistenceTime | typeof persistenceOff =>
  input === 'off' ? persistenceOff : typeof input === 'object' ? persistenceMapping : persistenceTime,
);

export const inherited = {
  scheduler: v.optional(choice('scheduler', SCHEDULERS)),
  scheduler_flags: v.optional(list('scheduler_flags', choice('scheduler flag', SCHEDULER_FLAGS))),
  persistence: v.optional(persistence),
  forward: v.optional(choice('forwarding method', FORWARDS)),
  tun: v.optional(serviceTunnel),
  on_failure: v.optional(choice('reaction to failure', ['remove', 'quiesce'])),
  quorum: v.optional(whole('quorum', 1, 2 ** 32 - 1)),
  hysteresis: v.optional(whole('hysteresis', 0, 2 ** 32 - 2)),
  sorry_server: v.optional(sorryServer),
  slow_start: v.optional(slowStart),
  min_healthy: v.optional(minHealthy),
  max_ejected: v.optional(maxEjected),
  below: v.optional(choice('way below min_healthy', ['keep_last', 'all', 'sorry', 'withdraw'])),
  damping: v.optional(damping),
  mode: v.optional(mode),
  check: v.optional(mapping('check timing', timing)),
  checks: v.optional(list('checks', check)),
};

export const defaultsSection = mapping('defaults', inherited);

/** One address or range, or a list of them; each refusal at its place. */
const serviceAddress = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, readonly AddressesAndPort[]>(({ dataset, addIssue, NEVER }) => {
    const input = dataset.value;
    const words: readonly unknown[] = Array.isArray(input) ? input : [input];
    if (words.length === 0) addIssue({ message: 'address is an empty list' });
    const found = words.map((word, key) => {
      const result = readAddresses(word);
      if (!isRefused(result)) return result.value;
      const place = { type: 'array' as const, origin: 'value' as const, input: input as unknown[], key, value: word };
      addIssue(Array.isArray(input) ? { message: result.refused, path: [place] } : { message: result.refused });
      return undefined;
    });
    const good = found.filter((one) => one !== undefined);
    return good.length === words.length && good.length > 0 ? good : NEVER;
  }),
  formed<readonly AddressesAndPort[]>({ is: 'service' }),
);

function readAddresses(word: unknown): Parsed<AddressesAndPort> {
  if (typeof word === 'string' || typeof word === 'number') return parseServiceAddresses(String(word));
  return { refused: `ADDRESS:PORT is expected, not ${shown(word)}` };
}

export const virtualServer = mapping('a virtual server', {
  name: name('name of a virtual server'),
  address: v.optional(serviceAddress),
  fwmark: v.optional(parsed(parseFwmark, 'a firewall mark', { is: 'mark' })),
  family: v.optional(choice('family', ['ipv4', 'ipv6'])),
  protocol: v.optional(choice('protocol', PROTOCOLS)),
  one_packet: v.optional(yesNo('one_packet')),
  snat: v.optional(choice('SNAT', ['auto', 'off'])),
  follow: v.optional(text('follow')),
  ...inherited,
  real_servers: v.optional(list('real_servers', realServer), []),
});

export type VirtualServerShape = v.InferOutput<typeof virtualServer>;
export type RealServerShape = v.InferOutput<typeof realServer>;
export type TimingShape = v.InferOutput<typeof inherited.check>;
export type TunnelShape = v.InferOutput<typeof serviceTunnel>;
export type PersistenceShape = v.InferOutput<typeof persistence>;
