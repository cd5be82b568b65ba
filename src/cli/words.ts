/** The words of a command line, read before the daemon is asked. Each reader returns what the API wants or throws UsageError. */
import { parseDuration } from '../base/duration.js';
import { formatEndpoint, parseIp } from '../base/ip.js';
import { serviceKey } from '../base/service-id.js';
import * as shared from '../base/words.js';

/** An unknown command or option, or a word that does not parse: exit status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export function taken<T>(parsed: shared.Parsed<T>): T {
  if (shared.isRefused(parsed)) throw new UsageError(parsed.refused);
  return parsed.value;
}

const endpoint = ({ address, port }: { address: string; port: number | undefined }): string =>
  port === undefined ? address : formatEndpoint(address, port);

export const readWeight = (word: string): number => taken(shared.parseWeight(word));
export const readThreshold = (word: string): number => taken(shared.parseThreshold(word));
export const readForward = (word: string): string => taken(shared.parseForward(word));
export const readScheduler = (word: string): string => taken(shared.parseScheduler(word));
export const readProtocol = (word: string): string => taken(shared.parseChoice('protocol', word, shared.PROTOCOLS));

/** `10`, or `50%` of the configured weight. */
export function readWeightOrPercent(word: string): string {
  taken(shared.parseWeightWord(word));
  return word;
}

/** ADDRESS:PORT; the port may be left out where it is unambiguous (the daemon knows). */
export const readRealServer = (word: string): string => endpoint(taken(shared.parseServerWord(word)));
export const readServiceAddress = (word: string): string => endpoint(taken(shared.parseServiceAddress(word)));

/** `192.0.2.10:80`, or `fwmark/7`. */
export function readServiceTarget(word: string): string {
  if (/^(tcp|udp|sctp)\//.test(word)) throw new UsageError(`"${word}": the protocol of a new service is said by --protocol`);
  return word.startsWith('fwmark/') ? readService(word) : readServiceAddress(word);
}

export const readNewName = (word: string): string => taken(shared.parseName('name of a virtual server', word));

/** A duration of whole seconds. */
export function readSeconds(word: string): number {
  const ms = parseDuration(word);
  if (ms === undefined || ms < 1000 || ms % 1000 !== 0 || ms / 1000 > shared.MAX_SECONDS)
    throw new UsageError(`"${word}" is no duration of whole seconds: write 300s or 5m`);
  return ms / 1000;
}

/** A duration, in ms. */
export function readDuration(word: string): number {
  const ms = parseDuration(word);
  if (ms === undefined || ms > shared.MAX_SECONDS * 1000)
    throw new UsageError(`"${word}" is no duration: write 500ms, 30s or 5m`);
  return ms;
}

/** How often something is shown anew, in ms. */
export function readInterval(word: string): number {
  const ms = readDuration(word);
  if (ms < 100) throw new UsageError(`"${word}" is too often: at most every 100ms`);
  return ms;
}

/** One of them, or the beginning of one. */
export const readOrder =
  (orders: readonly string[]) =>
  (word: string): string =>
    orders.find((one) => word !== '' && one.startsWith(word)) ?? taken(shared.parseChoice('order', word, orders));

/** A time, or `never`. */
export const readDeadline = (word: string): number | 'never' => (word === 'never' ? word : readSeconds(word));

export const readSticky = (word: string): string => taken(shared.parseChoice('choice for --sticky', word, ['honour', 'break']));

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];
export const readShell = (word: string): Shell => taken(shared.parseChoice('shell that lbctl can complete in', word, SHELLS));

/** An address without a port. */
export function readHost(word: string): string {
  const address = parseIp(word);
  if (!address) throw new UsageError(`"${word}" is no address of a host: give it without a port, such as 10.0.0.21`);
  return address;
}

export function readCount(word: string): number {
  if (!/^\d{1,15}$/.test(word)) throw new UsageError(`"${word}" is no number: give a whole number from 0`);
  return Number(word);
}

export function readName(word: string): string {
  if (word.trim() === '') throw new UsageError('a name is empty');
  return word;
}

/** An instance, SERVICE, or SERVICE/RS. No name has a slash in it, so what follows one is a real server, and is read as such. */
export function readTarget(word: string): string {
  const [, service, rest] = /^((?:tcp|udp|sctp)\/[^/]*|fwmark\/[^/]*(?:\/inet6)?|[^/]*)(?:\/(.*))?$/s.exec(word) ?? [];
  if (service === undefined || rest === undefined) return readService(word);
  return `${readService(service)}/${readRealServer(rest)}`;
}

/** A name, `tcp/192.0.2.10:80`, or `fwmark/7`. No name has a slash in it. */
export function readService(word: string): string {
  const mark = shared.parseMarkTarget(word);
  if (mark) return serviceKey(taken(mark));
  const [, kind, rest] = /^([^/]*)\/(.*)$/s.exec(word) ?? [];
  if (kind === undefined || rest === undefined) return readName(word);
  if ((shared.PROTOCOLS as readonly string[]).includes(kind)) return `${kind}/${readServiceAddress(rest)}`;
  throw new UsageError(`"${word}" is no service: write a name, tcp/192.0.2.10:80 or fwmark/7`);
}
