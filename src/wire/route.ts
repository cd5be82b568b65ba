/**
 * Routes and rules as rtnetlink messages (linux/rtnetlink.h, linux/fib_rules.h), marked as lbd's by their protocol number.
 *
 *   rtmsg, fib_rule_hdr:  family | dst length | src length | tos | table | protocol, reserved | scope, reserved | type, action | flags u32
 */
import { familyOf, type Ip, ipBytes, type Prefix } from '../base/ip.js';
import {
  beginMessage,
  beginNest,
  endMessage,
  endNest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  putAttribute,
  putBytes,
  putText,
  putU32,
  type Writer,
} from './netlink.js';

export interface Route {
  readonly to: Prefix;
  readonly via?: Ip;
  /** Index of the interface. */
  readonly oif?: number;
  /** The source that the host's own packets take. */
  readonly source?: Ip;
  readonly table: number;
  readonly metric?: number;
  readonly mtu?: number;
}

export interface Rule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: number;
}

const RTM = { route: { add: 24, remove: 25 }, rule: { add: 32, remove: 33 } } as const;
export type Change = 'add' | 'remove';

/** Whose route or rule it is: VRRP's protocol number, as for addresses. RTPROT_KEEPALIVED is 18. */
export const OWN_PROTOCOL = 112;
const AF = { 4: 2, 6: 10 } as const;
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
const SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;
const FR_ACT_TO_TBL = 1;
/** A table beyond one byte stands in an attribute alone. */
const RT_TABLE_COMPAT = 252;

const RTA = { dst: 1, oif: 4, gateway: 5, priority: 6, prefsrc: 7, metrics: 8, table: 15 } as const;
const RTAX_MTU = 2;
const FRA = { dst: 1, src: 2, iifname: 3, priority: 6, fwmark: 10, table: 15, fwmask: 16, oifname: 17, protocol: 21 } as const;

function putIp(writer: Writer, type: number, ip: Ip): void {
  const bytes = ipBytes(ip);
  const at = putAttribute(writer, type, bytes.length);
  writer.bytes.set(bytes, at);
}

const flagsOf = (change: Change): number => NLM_F_REQUEST | NLM_F_ACK | (change === 'add' ? NLM_F_CREATE | NLM_F_EXCL : 0);

const compact = (table: number): number => (table < 256 ? table : RT_TABLE_COMPAT);

function scopeOf(change: Change, { to, via }: Route): number {
  if (change === 'remove') return SCOPE_NOWHERE;
  return familyOf(to.address) === 6 || via !== undefined ? SCOPE_UNIVERSE : SCOPE_LINK;
}

/** One that is there already is refused with EEXIST, one that is to go and is not there with ESRCH. */
export function putRoute(writer: Writer, change: Change, sequence: number, route: Route): void {
  const { to, via, oif, source, table, metric, mtu } = route;
  const start = beginMessage(writer, RTM.route[change], flagsOf(change), sequence);
  const head = [AF[familyOf(to.address)], to.length, 0, 0, compact(table), OWN_PROTOCOL, scopeOf(change, route), RTN_UNICAST];
  putBytes(writer, Uint8Array.from([...head, 0, 0, 0, 0]));
  if (to.length > 0) putIp(writer, RTA.dst, to.address);
  if (via !== undefined) putIp(writer, RTA.gateway, via);
  if (oif !== undefined) putU32(writer, RTA.oif, oif);
  if (source !== undefined) putIp(writer, RTA.prefsrc, source);
  if (metric !== undefined) putU32(writer, RTA.priority, metric);
  putU32(writer, RTA.table, table);
  if (mtu !== undefined && change === 'add') {
    const nest = beginNest(writer, RTA.metrics);
    putU32(writer, RTAX_MTU, mtu);
    endNest(writer, nest);
  }
  endMessage(writer, start);
}

/** One that is there already is refused with EEXIST, one that is to go and is not there with ENOENT. */
export function putRule(writer: Writer, change: Change, sequence: number, rule: Rule): void {
  const { family, from, to, iif, oif, fwmark, priority, table } = rule;
  const start = beginMessage(writer, RTM.rule[change], flagsOf(change), sequence);
  const head = [AF[family], to?.length ?? 0, from?.length ?? 0, 0, compact(table), 0, 0, FR_ACT_TO_TBL];
  putBytes(writer, Uint8Array.from([...head, 0, 0, 0, 0]));
  if (to && to.length > 0) putIp(writer, FRA.dst, to.address);
  if (from && from.length > 0) putIp(writer, FRA.src, from.address);
  if (iif !== undefined) putText(writer, FRA.iifname, iif);
  if (oif !== undefined) putText(writer, FRA.oifname, oif);
  putU32(writer, FRA.priority, priority);
  putU32(writer, FRA.table, table);
  if (fwmark !== undefined) {
    putU32(writer, FRA.fwmark, fwmark);
    putU32(writer, FRA.fwmask, 0xffffffff);
  }
  writer.bytes[putAttribute(writer, FRA.protocol, 1)] = OWN_PROTOCOL;
  endMessage(writer, start);
}
