/** The identity of a check and its description for people. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint, type Ip } from '../base/ip.js';
import type {
  CheckConfig,
  Expectation,
  HttpProbe,
  HttpsProbe,
  Passage,
  Payload,
  ShareBounds,
  TlsSettings,
} from '../config/types.js';
import type { CheckSpec } from './types.js';

/** The port that is probed; 0 for a probe that has none. */
export const checkPort = (check: CheckConfig, port: number): number =>
  check.type === 'icmp' || check.type === 'file' ? 0 : (check.port ?? port);

const checkAddress = (check: CheckConfig, address: Ip): Ip => ('connect' in check && check.connect) || address;

/**
 * JSON of everything that matters: type, target, timing and the probe's own settings. Two real servers whose checks have equal
 * keys share one probe; a check with another key is another check and begins as unknown.
 */
export function checkKey(check: CheckConfig, address: Ip, port: number): string {
  const {
    type,
    interval,
    timeout,
    rise,
    fall,
    port: _port,
    connect: _connect,
    ...own
  } = check as typeof check & {
    port?: unknown;
    connect?: unknown;
  };
  // A file is the same for every real server: one reading for all.
  const target = [type, type === 'file' ? '' : checkAddress(check, address), checkPort(check, port)];
  return JSON.stringify([...target, interval, timeout, rise, fall, own]);
}

export const checkSpec = (check: CheckConfig, address: Ip, port: number): CheckSpec => ({
  key: checkKey(check, address, port),
  check,
  address: checkAddress(check, address),
  port: checkPort(check, port),
});

const passageOf = (check: CheckConfig): Passage | undefined => ('passage' in check ? check.passage : undefined);

/** `10.0.0.21:80`, or `10.0.0.21 via VIP 192.0.2.10:80`. */
function describeTarget({ check, address, port }: CheckSpec): string {
  const passage = passageOf(check);
  const target = formatEndpoint(address, port);
  return passage ? `${passage.address} via VIP ${target}` : target;
}

/** What a failure may mean beside what it says: `''`, or a sentence behind it. */
export function describeDoubt({ check, address }: CheckSpec, reason: string): string {
  const passage = passageOf(check);
  if (!passage || !/^no answer within/.test(reason)) return '';
  const place = passage.forward === 'dr' ? 'lo' : 'its tunnel';
  return `; does ${passage.address} have ${address} on ${place}? Where it has, its answer is dropped on the way: see lbctl doctor`;
}

/** `http GET /healthz on 10.0.0.21:80`, `tcp connect to 10.0.0.21:80`, `icmp echo to 10.0.0.21`: for a sentence. */
export function describeCheck(spec: CheckSpec): string {
  const { check } = spec;
  const target = describeTarget(spec);
  switch (check.type) {
    case 'tcp':
      return check.send || check.expect !== undefined || check.regex !== undefined
        ? `tcp exchange with ${target}`
        : `tcp connect to ${target}`;
    case 'tcp_half_open':
      return `tcp half-open to ${target}`;
    case 'http':
    case 'https':
      return `${check.type} ${check.method ?? 'GET'} ${check.path} on ${target}`;
    case 'grpc':
      return `grpc health of ${check.service === '' ? '' : `${check.service} at `}${target}`;
    case 'icmp':
      return `icmp echo to ${spec.address}`;
    case 'udp':
      return `udp datagram to ${target}`;
    case 'dns':
      return `dns ${check.query} ${check.name} at ${target}`;
    case 'smtp':
      return `smtp greeting of ${target}`;
    case 'script':
      return `script ${check.command[0]} for ${target}`;
    case 'file':
      return `file ${check.file}`;
    case 'agent':
      return `agent at ${target}`;
  }
}

const range = ([from, to]: readonly [number, number]): string => (from === to ? `${from}` : `${from}-${to}`);

const sent = (payload: Payload | undefined): string[] => {
  if (!payload) return [];
  return ['text' in payload ? `sends ${JSON.stringify(payload.text)}` : `sends ${payload.hex} (hex)`];
};

const awaited = ({ expect, regex }: Expectation): string[] => [
  ...(expect === undefined ? [] : [`expects ${JSON.stringify(expect)}`]),
  ...(regex === undefined ? [] : [`expects /${regex}/`]),
];

const describeTls = ({ verify }: TlsSettings): string => (verify ? 'certificate verified' : 'certificate not verified');

function describeHttp(check: HttpProbe | HttpsProbe): string[] {
  const parts = [`status ${check.status.map(range).join(' ')}`];
  if (check.body !== undefined) parts.push(`body contains ${JSON.stringify(check.body)}`);
  if (check.regex !== undefined) parts.push(`body matches /${check.regex}/`);
  if (check.digest !== undefined) parts.push(`body has ${check.digest}`);
  if (check.http2) parts.push('HTTP/2');
  return check.type === 'https' ? [...parts, describeTls(check.tls)] : parts;
}

const shares = ({ share }: ShareBounds): string[] => (share ? [`${share.min}% to ${share.max}% of the weight`] : []);

function expected(check: CheckConfig): string[] {
  switch (check.type) {
    case 'http':
    case 'https':
      return describeHttp(check);
    case 'tcp':
      return [...sent(check.send), ...awaited(check)];
    case 'udp':
      return [
        ...sent(check.send),
        ...awaited(check),
        ...(check.silence ? [`silence for ${formatDuration(check.silence)} will do`] : []),
      ];
    case 'grpc':
      return check.tls ? ['TLS', describeTls(check.tls)] : [];
    case 'dns':
      return check.answer === undefined ? [] : [`expects ${check.answer}`];
    case 'script':
      return [`as ${check.user}`, ...(check.weight ? ['its exit status says the weight'] : []), ...shares(check)];
    case 'file':
    case 'agent':
      return shares(check);
    default:
      return [];
  }
}

function leaving(check: CheckConfig): string[] {
  const parts: string[] = [];
  if ('netns' in check && check.netns) parts.push(`in netns ${check.netns}`);
  if ('source' in check && check.source) parts.push(`from ${check.source}`);
  if ('interface' in check && check.interface) parts.push(`through ${check.interface}`);
  if ('fwmark' in check && check.fwmark) parts.push(`with mark ${check.fwmark}`);
  const passage = passageOf(check);
  if (passage) parts.push(`forwarded by ${passage.forward}`);
  if ('proxyProtocol' in check && check.proxyProtocol) parts.push(`PROXY ${check.proxyProtocol}`);
  return parts;
}

/** describeCheck with what it expects and how often: `http GET /healthz on 10.0.0.21:80, status 200-299, every 2s`. */
export function describeCheckFully(spec: CheckSpec): string {
  const { check } = spec;
  const parts = [describeCheck(spec), ...expected(check), ...leaving(check), `every ${formatDuration(check.interval)}`];
  if (check.intervalDown) parts.push(`every ${formatDuration(check.intervalDown)} while down`);
  if (check.intervalChanging) parts.push(`every ${formatDuration(check.intervalChanging)} while changing`);
  parts.push(`timeout ${formatDuration(check.timeout)}`);
  if (check.rise > 1) parts.push(`rise ${check.rise}`);
  if (check.fall > 1) parts.push(`fall ${check.fall}`);
  return parts.join(', ');
}
