/**
 * Source ports of connections that IPVS leads to one of several real servers by a mark. The kernel remembers a connection for a minute or
 * two after its end, and by addresses and ports alone: a port that one real server's check had and another one's is given would lead to
 * the first. So each has ports of its own, its lane.
 */
import { readFileSync } from 'node:fs';
import type { Ip } from '../../base/ip.js';
import { native } from '../native.js';
import { inetAddress, intValue, SOL_SOCKET } from '../sockaddr.js';

const LANES = 1024;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const EADDRINUSE = 98;
/** net.ipv4.ip_local_port_range, of both families; what the kernel has unless it is told otherwise. */
const RANGE_FILE = '/proc/sys/net/ipv4/ip_local_port_range';
const DEFAULT_RANGE = [32_768, 60_999] as const;

export interface Ports {
  readonly first: number;
  /** From one to the next. */
  readonly step: number;
  readonly count: number;
}

export function portsOfLane([low, high]: readonly [number, number], lane: number): Ports {
  const lanes = Math.min(LANES, high - low + 1);
  const own = lane % lanes;
  return { first: low + own, step: lanes, count: Math.floor((high - low - own) / lanes) + 1 };
}

let range: readonly [number, number] | undefined;
/** BOUNDED by the lanes: how many ports each has been given. */
const given = new Map<number, number>();

function readRange(): readonly [number, number] {
  try {
    const [low = 0, high = 0] = readFileSync(RANGE_FILE, 'utf8').trim().split(/\s+/).map(Number);
    if (low > 0 && high >= low) return [low, high];
  } catch {
    // A /proc that does not show it.
  }
  return DEFAULT_RANGE;
}

/** Whether the kernel may give this port to a connection of ours. */
export function isOwnPort(port: number): boolean {
  range ??= readRange();
  return port >= range[0] && port <= range[1];
}

/**
 * Binds a TCP socket to the next free port of the lane. Its end is a reset: nothing waits on the port, so that the lane is free at once
 * on both sides. Throws OsError where every port of it is taken.
 */
export function bindToLane(fd: number, source: Ip, lane: number): void {
  range ??= readRange();
  const { first, step, count } = portsOfLane(range, lane);
  native.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, intValue(1));
  native.setsockopt(fd, SOL_SOCKET, SO_LINGER, new Uint8Array([...intValue(1), ...intValue(0)]));
  for (let attempt = 1; ; attempt++) {
    const turn = given.get(lane % LANES) ?? 0;
    given.set(lane % LANES, turn + 1);
    try {
      return native.bind(fd, inetAddress(source, first + (turn % count) * step));
    } catch (error) {
      if ((error as { errno?: number }).errno !== EADDRINUSE || attempt >= count) throw error;
    }
  }
}
