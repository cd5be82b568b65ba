/** The identity of a check and its description for people. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint, type Ip } from '../base/ip.js';
import type { CheckConfig, HttpProbe } from '../config/types.js';
import type { CheckSpec } from './types.js';

/** The port that is probed; 0 for a probe that has none. */
export const checkPort = (check: CheckConfig, port: number): number => (check.type === 'icmp' ? 0 : (check.port ?? port));

const httpParts = (probe: HttpProbe): unknown[] => [
  probe.path,
  probe.host ?? null,
  probe.headers,
  probe.status,
  probe.body ?? null,
];

/**
 * JSON of everything that matters: type, target, timing and the probe's own settings. Two real servers whose checks have equal
 * keys share one probe; a check with another key is another check and begins as unknown.
 */
export function checkKey(check: CheckConfig, address: Ip, port: number): string {
  const timing = [check.interval, check.timeout, check.rise, check.fall];
  const own = check.type === 'http' ? httpParts(check) : [];
  return JSON.stringify([check.type, address, checkPort(check, port), ...timing, ...own]);
}

export const checkSpec = (check: CheckConfig, address: Ip, port: number): CheckSpec => ({
  key: checkKey(check, address, port),
  check,
  address,
  port: checkPort(check, port),
});

/** `http GET /healthz on 10.0.0.21:80`, `tcp connect to 10.0.0.21:80`, `icmp echo to 10.0.0.21`: for a sentence. */
export function describeCheck(spec: CheckSpec): string {
  const target = formatEndpoint(spec.address, spec.port);
  switch (spec.check.type) {
    case 'tcp':
      return `tcp connect to ${target}`;
    case 'http':
      return `http GET ${spec.check.path} on ${target}`;
    case 'icmp':
      return `icmp echo to ${spec.address}`;
  }
}

const range = ([from, to]: readonly [number, number]): string => (from === to ? `${from}` : `${from}-${to}`);

/** describeCheck with what it expects and how often: `http GET /healthz on 10.0.0.21:80, status 200-299, every 2s`. */
export function describeCheckFully(spec: CheckSpec): string {
  const { check } = spec;
  const parts = [describeCheck(spec)];
  if (check.type === 'http') {
    parts.push(`status ${check.status.map(range).join(' ')}`);
    if (check.body !== undefined) parts.push(`body contains ${JSON.stringify(check.body)}`);
  }
  parts.push(`every ${formatDuration(check.interval)}`, `timeout ${formatDuration(check.timeout)}`);
  if (check.rise > 1) parts.push(`rise ${check.rise}`);
  if (check.fall > 1) parts.push(`fall ${check.fall}`);
  return parts.join(', ');
}
