/** What the words of a change speak of. */
import type { Ip } from '../base/ip.js';
import { serviceKey } from '../base/service-id.js';
import { didYouMean } from '../base/suggest.js';
import { isRefused, parseServerWord } from '../base/words.js';
import type { Change, RealServerIntent, ServiceIntent } from './types.js';

export type Refusal = { readonly refused: string };
export type Services = readonly ServiceIntent[];

export const refuse = (refused: string): Refusal => ({ refused });

export function findService(services: Services, word: string): ServiceIntent | Refusal {
  const found =
    services.find((one) => one.name === word) ?? services.find((one) => one.ids.some((id) => serviceKey(id) === word));
  if (found) return found;
  const names = services.map((one) => one.name);
  const hint = didYouMean(word, names) || (names.length > 0 && names.length <= 20 ? `; there is ${names.join(', ')}` : '');
  return refuse(`unknown service "${word}"${hint}`);
}

/** What is said of a word that is neither. */
export function unknownTarget(word: string, services: Services, instances: readonly { readonly name: string }[]): string {
  const names = [...services, ...instances].map((one) => one.name);
  const hint = didYouMean(word, names) || (names.length <= 20 ? `; there is ${names.join(', ')}` : '');
  return `unknown service or VRRP instance "${word}"${hint}`;
}

export function findServer(service: ServiceIntent, word: string): RealServerIntent | Refusal {
  const parsed = parseServerWord(word);
  if (isRefused(parsed)) return parsed;
  const { address, port } = parsed.value;
  const matches = service.realServers.filter((one) => one.address === address && (port === undefined || one.port === port));
  if (matches.length === 1) return matches[0] as RealServerIntent;
  if (matches.length > 1) return refuse(`the port is ambiguous: ${matches.map((one) => one.key).join(', ')}`);
  const there = service.realServers.map((one) => one.key);
  return refuse(
    `${service.name} has no real server ${word}${there.length > 0 && there.length <= 20 ? `; it has ${there.join(', ')}` : ''}`,
  );
}

export const inRange = (value: number | undefined, max: number): boolean =>
  value === undefined || (Number.isInteger(value) && value >= 0 && value <= max);

export type Edit = {
  readonly change: Change | undefined;
  readonly without: (change: Change) => boolean;
  /** What is left of an earlier override; undefined: nothing. */
  readonly trim?: (change: Change) => Change | undefined;
  readonly text: string;
  readonly subject: string;
  /** What is said beside `text`, of the services as they are then. */
  readonly more?: (after: Services) => string;
  /** See Decision. */
  readonly notes?: readonly string[];
};

/** Overrides that speak of this real server. */
export const about =
  (service: ServiceIntent, address: Ip, port: number) =>
  (change: Change): boolean =>
    'port' in change &&
    'service' in change &&
    change.service === service.name &&
    change.address === address &&
    change.port === port;
