/** The words that the configuration and lbctl share: parsed the same way, refused with the same sentence. */
import { compareIp, familyOf, type Ip, ipBytes, ipFromBytes, isMulticast, parseEndpoint, parseIp, parsePort } from './ip.js';
import type { ServiceId } from './service-id.js';
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
export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** Each belongs to the scheduler that its name begins with; the others would ignore it. */
export const SCHEDULER_FLAGS = ['sh-port', 'sh-fallback', 'mh-port', 'mh-fallback'] as const;
export const TUNNELS = ['ipip', 'gue', 'gre'] as const;
export const TUNNEL_CHECKSUMS = ['none', 'csum', 'remcsum'] as const;
/**
 * Finds a client's server in a table of hashes: which servers the table has, and in which order they were added, decides who goes where
 * (ip_vs_sh.c, ip_vs_mh.c). A server that is taken out moves other servers' clients too.
 */
export const isHashed = (scheduler: string): scheduler is 'sh' | 'mh' => scheduler === 'sh' || scheduler === 'mh';
/**
 * Chooses a client's server before it looks whether that one takes anybody: the clients of one with weight 0 are refused (ip_vs_dh.c, and
 * ip_vs_sh.c and ip_vs_mh.c without their fallback).
 */
export const refusesIdle = (scheduler: string, flags: readonly string[]): boolean =>
  scheduler === 'dh' || (isHashed(scheduler) && !flags.includes(`${scheduler}-fallback`));
/** ip_vs accepts more, but ipvsadm and every scheduler agree on this range. */
export const MAX_WEIGHT = 65_535;
/** Percent of its weight that a server may ask for: the words of a server must not draw everything to it. */
export const MAX_SHARE = 1000;
/** Seconds: the kernel multiplies by HZ (at most 1000) in 32 bits. */
export const MAX_SECONDS = 2_147_483;
export const MAX_FWMARK = 2 ** 32 - 1;
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

/** Addresses that can neither be a service's nor a server's: the kernel takes them for no host (net/ipv4/fib_frontend.c). */
export function unusable(address: Ip): string | undefined {
  if (address.startsWith('0.') || address === '::') return `${address} is no address of a host`;
  if (address === '255.255.255.255' || isMulticast(address)) return `${address} is no unicast address`;
  return undefined;
}

const NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;

/** A name of the configuration: no slash in it, so that NAME/RS can be told apart. */
export function parseName(what: string, word: string): Parsed<string> {
  return NAME.test(word) ? { value: word } : refused(`"${word}" is no ${what}: letters, digits, "_", "-" and ".", at most 63`);
}

/** What people write in the place of an address; undefined: it is none of these. */
function slip(word: string): string | undefined {
  const named = /^(.+):([a-z][a-z-]*)$/i.exec(word);
  if (named && parseEndpoint(`${named[1]}:80`)) return `"${word}": ${named[2]} is no port: write its number`;
  if (/^[\d.]+\/\d+(?::\d+)?$/.test(word)) return `"${word}": an address without a prefix length is expected`;
  if (/^\d[\d.]*(?::\d+)?$/.test(word))
    return `"${word}" is no IPv4 address: four numbers from 0 to 255, none with a zero before it`;
  if (/^\[.*%.*\]/.test(word)) return `"${word}": an address without an interface (%) is expected`;
  if (/^(?=.*[g-z_])[\w-]+(?:\.[\w-]+)*\.?(?::\d+)?$/i.test(word))
    return `"${word}" is a name: lbd looks none up, so that it needs no DNS: write the address`;
  return undefined;
}

/** Why a word is no ADDRESS:PORT, as far as it can be guessed. */
function noEndpoint(word: string): string {
  const port = /^(.*):(\d+)$/.exec(word);
  if (port && (parseIp(port[1] as string) || /^\[.*\]$/.test(port[1] as string)) && parsePort(port[2] as string) === undefined)
    return `"${word}": ${port[2]} is no port (0 to 65535)`;
  if (/:\d+-\d+$/.test(word))
    return `"${word}": a range of ports is no address of a service: mark its packets with nftables, and use a fwmark service`;
  if (RANGE.test(`${word}:80`)) return `"${word}" has no port: write ${word}:80`;
  return slip(word) ?? `"${word}" is no ADDRESS:PORT (an IPv6 address stands in brackets: [2001:db8::10]:80)`;
}

/** Without brackets an IPv6 address takes the port for its last part. */
function noPort(word: string, address: Ip): string {
  if (familyOf(address) === 4) return `"${word}" has no port: write ${address}:80`;
  const [, front, last] = /^([^[]*[^:]):(\d{1,4})$/.exec(word) ?? [];
  const other = front !== undefined && parseIp(front) ? `[${front}]:${last}, or ` : '';
  return `"${word}" has no port: write ${other}[${address}]:80`;
}

/** `192.0.2.10:80` or `[2001:db8::10]:80`; both parts are needed. Port 0 means every port. */
export function parseServiceAddress(word: string): Parsed<{ address: Ip; port: number }> {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return refused(noEndpoint(word));
  const { address, port } = endpoint;
  if (port === undefined) return refused(noPort(word, address));
  const why = unusable(address);
  return why ? refused(why) : { value: { address, port } };
}

/** Addresses of one range: every one of them is a service of its own in the kernel. */
export const MAX_RANGE = 1024;

/** Adds `count` to an address. */
function addToIp(ip: Ip, count: number): Ip {
  const bytes = ipBytes(ip);
  let carry = count;
  for (let i = bytes.length - 1; i >= 0 && carry > 0; i--) {
    const sum = (bytes[i] as number) + carry;
    bytes[i] = sum & 0xff;
    carry = sum >>> 8;
  }
  return ipFromBytes(bytes);
}

/** The end of a range: a whole address, or only its last part (`192.0.2.10-20`, `2001:db8::10-1f`). */
function endOfRange(first: Ip, word: string): Ip | undefined {
  if (/[.:]/.test(word)) return parseIp(word);
  const cut = first.lastIndexOf(familyOf(first) === 4 ? '.' : ':');
  return parseIp(first.slice(0, cut + 1) + word);
}

/** All addresses from the first to the last, or a sentence that refuses them. */
function expandRange(word: string, from: string, to: string): Parsed<readonly Ip[]> {
  const first = parseIp(from);
  if (!first) return refused(`"${from}" in "${word}" is no address`);
  const last = endOfRange(first, to);
  if (!last || familyOf(last) !== familyOf(first)) return refused(`"${to}" in "${word}" is no end of a range from ${first}`);
  if (compareIp(first, last) > 0) return refused(`"${word}": the range ends before it begins`);
  const addresses = [first];
  while (addresses.at(-1) !== last) {
    if (addresses.length >= MAX_RANGE)
      return refused(`"${word}" has more than ${MAX_RANGE} addresses: mark the packets with nftables and use a fwmark service`);
    addresses.push(addToIp(addresses.at(-1) as Ip, 1));
  }
  return { value: addresses };
}

/** Where a range is written: `192.0.2.10-20:80`, `192.0.2.10-192.0.2.20:80`, `[2001:db8::10-1f]:80`. */
const RANGE = /^(?:\[([^\]-]+)-([^\]-]+)\]|([\d.]+)-([\d.]+)):(\d+)$/;

export interface AddressesAndPort {
  readonly addresses: readonly Ip[];
  readonly port: number;
}

/** `192.0.2.10:80` or a range of addresses with a port; port 0 means every port. */
export function parseServiceAddresses(word: string): Parsed<AddressesAndPort> {
  const range = RANGE.exec(word);
  if (!range) {
    const one = parseServiceAddress(word);
    return isRefused(one) ? one : { value: { addresses: [one.value.address], port: one.value.port } };
  }
  const port = parsePort(range[5] as string);
  if (port === undefined) return refused(`"${word}": ${range[5]} is no port (0 to 65535)`);
  const addresses = expandRange(word, (range[1] ?? range[3]) as string, (range[2] ?? range[4]) as string);
  if (isRefused(addresses)) return addresses;
  const why = addresses.value.map(unusable).find((text) => text !== undefined);
  return why ? refused(why) : { value: { addresses: addresses.value, port } };
}

/** A firewall mark. 0 is no mark: the kernel would make a service of 0.0.0.0:0 of it. */
export function parseFwmark(word: string): Parsed<number> {
  const value = /^(0x[\da-f]{1,8}|[1-9]\d{0,9})$/i.test(word) ? Number(word) : 0;
  if (value < 1 || value > MAX_FWMARK)
    return refused(`"${word}" is no firewall mark: give a whole number from 1 to ${MAX_FWMARK}`);
  return { value };
}

/** `fwmark/7`, `fwmark/0x7`, `fwmark/7/inet6`; undefined when the word speaks of no mark. */
export function parseMarkTarget(word: string): Parsed<Extract<ServiceId, { kind: 'fwmark' }>> | undefined {
  const mark = /^fwmark\/([^/]*)(\/inet6?)?$/.exec(word);
  if (!mark) return undefined;
  const fwmark = parseFwmark(mark[1] as string);
  return isRefused(fwmark) ? fwmark : { value: { kind: 'fwmark', family: mark[2] === '/inet6' ? 6 : 4, fwmark: fwmark.value } };
}

/** What `lbctl add-vs` takes: `192.0.2.10:80`, or `fwmark/7`, or `fwmark/7/inet6`. */
export function parseServiceTarget(word: string, protocol: (typeof PROTOCOLS)[number]): Parsed<ServiceId> {
  const mark = parseMarkTarget(word);
  if (mark) return mark;
  const endpoint = parseServiceAddress(word);
  if (isRefused(endpoint)) return endpoint;
  return { value: { kind: 'address', family: familyOf(endpoint.value.address), protocol, ...endpoint.value } };
}

function noServer(word: string): string {
  const port = /^(?:[\d.]+|\[.*\]):(\d+)$/.exec(word)?.[1];
  if (port !== undefined && parsePort(port) === undefined) return `"${word}": ${port} is no port (0 to 65535)`;
  return slip(word) ?? `"${word}" is no real server: give ADDRESS:PORT (an IPv6 address stands in brackets)`;
}

/** A real server as lbctl names it: the port may be left out. */
export function parseServerWord(word: string): Parsed<{ address: Ip; port: number | undefined }> {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return refused(noServer(word));
  const why = unusable(endpoint.address);
  return why ? refused(why) : { value: endpoint };
}
