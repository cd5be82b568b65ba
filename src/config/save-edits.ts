/** What `lbctl save` writes into the files: changes of virtual servers and real servers, each named as the files have it. */
import { formatDuration } from '../base/duration.js';
import { addressBits, formatEndpoint, type Ip } from '../base/ip.js';
import type { AddedServer, AddedService } from './added.js';
import type { Setting } from './settable.js';
import type { ServiceSettings } from './types.js';

interface OfServer {
  readonly service: string;
  readonly address: Ip;
  readonly port: number;
}

export type FileEdit =
  | { readonly kind: 'add-service'; readonly added: AddedService }
  | { readonly kind: 'remove-service'; readonly service: string }
  /** Any key of a virtual server, of one that is added, too; null: it does not have it any more. */
  | { readonly kind: 'set-service'; readonly service: string; readonly key: string; readonly value: Value | null }
  /** To a virtual server of the files, or to one that is added. */
  | { readonly kind: 'add-server'; readonly service: string; readonly server: AddedServer }
  | ({ readonly kind: 'remove-server' } & OfServer)
  | ({ readonly kind: 'set-weight'; readonly weight: number } & OfServer);

export type Word = string | number | boolean;
/** What a key may be set to. */
export type Value = Word | { readonly list: readonly Word[] } | Mapping;
/** It has exactly these keys then. */
export interface Mapping {
  readonly map: readonly (readonly [key: string, value: Word])[];
  /** What says the same where no mapping stands yet. */
  readonly word?: Word;
}
/** A new mapping as it will stand in the file, key by key. */
export type Fields = readonly (readonly [key: string, value: Value | readonly Fields[]])[];

/** What the file must say so that it is read as what was added. */
export function fieldsOfServer({ address, port, weight, forward, upper, lower }: AddedServer, withWeight: boolean): Fields {
  return [
    // Port 0 is what the client named: the file says it by no port.
    ['address', port === 0 ? address : formatEndpoint(address, port)],
    ...(withWeight || weight !== 1 ? [['weight', weight] as const] : []),
    ...(forward === undefined ? [] : [['forward', forward] as const]),
    ...(upper === 0 ? [] : [['upper', upper] as const]),
    ...(lower === 0 ? [] : [['lower', lower] as const]),
  ];
}

/** `values`: what was set besides, see `set-service`. */
export function fieldsOfService(
  added: AddedService,
  servers: readonly AddedServer[],
  values: ReadonlyMap<string, Value | null>,
): Fields {
  const { name, id, scheduler, forward, persistence, onePacket } = added;
  const target: Fields =
    id.kind === 'fwmark'
      ? [
          ['fwmark', id.fwmark],
          ['family', id.family === 6 ? 'ipv6' : 'ipv4'],
        ]
      : [
          ['address', formatEndpoint(id.address, id.port)],
          ...(id.protocol === 'tcp' ? [] : [['protocol', id.protocol] as const]),
        ];
  const said: Fields = [
    ['name', name],
    ...target,
    ...(scheduler === undefined ? [] : [['scheduler', scheduler] as const]),
    ...(forward === undefined ? [] : [['forward', forward] as const]),
    ...(persistence === undefined ? [] : [['persistence', persistence === 0 ? 'off' : `${persistence}s`] as const]),
    ...(onePacket ? [['one_packet', true] as const] : []),
  ];
  const set = [...values].flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]));
  return [
    ...said.filter(([key]) => !values.has(key)),
    ...set,
    ...(servers.length === 0 ? [] : [['real_servers', servers.map((one) => fieldsOfServer(one, true))] as const]),
  ];
}

type Write = (settings: ServiceSettings) => Value | null;

function persistenceOf({ persistence, ids }: ServiceSettings): Value {
  if (!persistence) return 'off';
  const { timeout, prefix, engine } = persistence;
  const time = formatDuration(timeout * 1000);
  const own = prefix === addressBits(ids[0]?.family ?? 4) ? [] : [['prefix', prefix] as const];
  const map = [['timeout', time] as const, ...own, ...(engine === '' ? [] : [['engine', engine] as const])];
  return map.length === 1 ? { map, word: time } : { map };
}

function sorryOf({ sorry, forward }: ServiceSettings): Value {
  if (!sorry) return 'none';
  const own = sorry.forward === forward ? [] : [['forward', sorry.forward] as const];
  return { map: [['address', formatEndpoint(sorry.address, sorry.port)], ...own] };
}

/** Under which key each is written, and what the file says for it as it is. */
const WRITTEN: { readonly [K in Setting]: readonly [key: string, write: Write] } = {
  scheduler: ['scheduler', ({ scheduler }) => scheduler],
  scheduler_flags: ['scheduler_flags', ({ schedulerFlags }) => ({ list: schedulerFlags })],
  persistence: ['persistence', persistenceOf],
  persistence_prefix: ['persistence', persistenceOf],
  quorum: ['quorum', ({ quorum }) => quorum],
  hysteresis: ['hysteresis', ({ hysteresis }) => hysteresis],
  on_failure: ['on_failure', ({ onFailure }) => onFailure],
  slow_start: ['slow_start', ({ slowStart }) => (slowStart === undefined ? 0 : formatDuration(slowStart))],
  sorry_server: ['sorry_server', sorryOf],
};

/** Writes one of a virtual server's settings as it is. */
export function settingEdit(service: string, settings: ServiceSettings, setting: Setting): FileEdit {
  const [key, write] = WRITTEN[setting];
  return { kind: 'set-service', service, key, value: write(settings) };
}
