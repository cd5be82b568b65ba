/** The words that the configuration and lbctl share: parsed the same way, refused with the same sentence. */
import { familyOf, type Ip, isMulticast, parseEndpoint } from './ip.js';
import { didYouMean } from './suggest.js';

export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
  'twos',
] as const;
export const FORWARDS = ['nat', 'dr', 'tun'] as const;
export const PROTOCOLS = ['tcp', 'udp'] as const;
/** ip_vs accepts more, but ipvsadm and every scheduler agree on this range. */
export const MAX_WEIGHT = 65_535;
/** U_THRESH and L_THRESH are signed in recent kernels. */
export const MAX_THRESHOLD = 2 ** 31 - 1;

export type Parsed<T> = { readonly value: T } | { readonly refused: string };

export const refused = (text: string): { readonly refused: string } => ({ refused: text });
export const isRefused = (parsed: object): parsed is { readonly refused: string } => 'refused' in parsed;

/** One of a closed list of words. */
export function parseChoice<T extends string>(what: string, word: string, choices: readonly T[]): Parsed<T> {
  const value = choices.find((choice) => choice === word);
  if (value !== undefined) return { value };
  return refused(`"${word}" is no ${what}${didYouMean(word, choices) || ` (${choices.join(', ')})`}`);
}

export const parseScheduler = (word: string) => parseChoice('scheduler', word, SCHEDULERS);
export const parseForward = (word: string) => parseChoice('forwarding method', word, FORWARDS);

function parseWhole(what: string, word: string, max: number): Parsed<number> {
  if (!/^\d{1,10}$/.test(word) || Number(word) > max)
    return refused(`"${word}" is no ${what}: give a whole number from 0 to ${max}`);
  return { value: Number(word) };
}

export const parseWeight = (word: string) => parseWhole('weight', word, MAX_WEIGHT);
export const parseThreshold = (word: string) => parseWhole('connection threshold', word, MAX_THRESHOLD);

export type WeightWord =
  | { readonly kind: 'absolute'; readonly weight: number }
  | { readonly kind: 'percent'; readonly percent: number };

/** `10`, or `50%` of the configured weight (at most 1000%). */
export function parseWeightWord(word: string): Parsed<WeightWord> {
  const percent = /^(\d{1,4})%$/.exec(word);
  if (percent && Number(percent[1]) <= 1000) return { value: { kind: 'percent', percent: Number(percent[1]) } };
  const whole = parseWeight(word);
  if (isRefused(whole))
    return refused(`"${word}" is no weight: give a whole number from 0 to ${MAX_WEIGHT}, or a percentage such as 50%`);
  return { value: { kind: 'absolute', weight: whole.value } };
}

/** Addresses that can neither be a service's nor a server's. */
function unusable(address: Ip): string | undefined {
  if (address === '0.0.0.0' || address === '::') return `${address} is no address of a host`;
  if (address === '255.255.255.255' || isMulticast(address)) return `${address} is no unicast address`;
  return undefined;
}

/** `192.0.2.10:80` or `[2001:db8::10]:80`; both parts are needed. */
export function parseServiceAddress(word: string): Parsed<{ address: Ip; port: number }> {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return refused(`"${word}" is no ADDRESS:PORT (an IPv6 address stands in brackets: [2001:db8::10]:80)`);
  const { address, port } = endpoint;
  if (port === undefined)
    return refused(`"${word}" has no port${familyOf(address) === 6 ? `: write [${address}]:80` : `: write ${address}:80`}`);
  if (port === 0) return refused(`"${word}": port 0 is no port`);
  const why = unusable(address);
  return why ? refused(why) : { value: { address, port } };
}

/** A real server as lbctl names it: the port may be left out. */
export function parseServerWord(word: string): Parsed<{ address: Ip; port: number | undefined }> {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return refused(`"${word}" is no real server: give ADDRESS:PORT (an IPv6 address stands in brackets)`);
  if (endpoint.port === 0) return refused(`"${word}": port 0 is no port`);
  const why = unusable(endpoint.address);
  return why ? refused(why) : { value: endpoint };
}
