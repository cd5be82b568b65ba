/** The table in the words of `ipvsadm -Sn`, line by line, sorted. */
import { formatEndpoint } from '../../../src/base/ip.js';
import type { Destination, Service, ServiceId, Table } from '../../../src/ipvs/types.js';

/** IP_VS_SVC_F_* (linux/ip_vs.h). */
export const PERSISTENT = 0x01;
export const ONE_PACKET = 0x04;
export const SCHED1 = 0x08;
export const SCHED2 = 0x10;

const dotted = (bits: number): string =>
  [24, 16, 8, 0].map((shift) => ((bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> shift) & 255).toString()).join('.');
const PROTOCOL_OPTION = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };
const TUNNEL = ['ipip', 'gue', 'gre'];
const METHOD_OPTION = { nat: '-m', dr: '-g', tun: '-i' };

function idWords(one: ServiceId): string {
  if (one.kind === 'fwmark') return `-f ${one.fwmark}${one.family === 6 ? ' -6' : ''}`;
  return `${PROTOCOL_OPTION[one.protocol]} ${formatEndpoint(one.address, one.port)}`;
}

function serviceWords({ id: one, scheduler, flags, timeout, prefix, pe }: Service): string {
  const words = [`-A ${idWords(one)} -s ${scheduler}`];
  if (flags & PERSISTENT) words.push(`-p ${timeout}`);
  if (flags & PERSISTENT && one.family === 4 && prefix !== 32) words.push(`-M ${dotted(prefix)}`);
  if (flags & PERSISTENT && one.family === 6 && prefix !== 128) words.push(`-M ${prefix}`);
  if (pe !== '') words.push(`--pe ${pe}`);
  if (flags & ONE_PACKET) words.push('-o');
  const marks = [...(flags & SCHED1 ? [`${scheduler}-fallback`] : []), ...(flags & SCHED2 ? [`${scheduler}-port`] : [])];
  if (marks.length > 0) words.push(`-b ${marks.join(',')}`);
  return words.join(' ');
}

function destWords(one: ServiceId, { address, port, forward, weight, tunType, tunPort, tunFlags }: Destination): string {
  const words = [`-a ${idWords(one)} -r ${formatEndpoint(address, port)} ${METHOD_OPTION[forward]} -w ${weight}`];
  if (forward === 'tun') words.push(`--tun-type ${TUNNEL[tunType]}`);
  if (tunType === 1) words.push(`--tun-port ${tunPort}`);
  if (tunType !== 0) words.push(tunFlags === 1 ? '--tun-csum' : '--tun-nocsum');
  return words.join(' ');
}

export const words = (one: Table): string[] =>
  [...one.values()]
    .flatMap((each) => [serviceWords(each), ...[...each.destinations.values()].map((to) => destWords(each.id, to))])
    .sort();
