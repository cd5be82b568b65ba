/** How packets reach a real server, and the way that a check of it takes through the director's own forwarding (`via: vip`). */
import type { Ip } from '../base/ip.js';

export type Forward = 'nat' | 'dr' | 'tun';

export interface Tunnel {
  readonly type: 'ipip' | 'gue' | 'gre';
  /** UDP port of gue; 0 for the others. */
  readonly port: number;
  readonly checksum: 'none' | 'csum' | 'remcsum';
}

/**
 * To exactly one real server, whatever address of a virtual server a packet has. Equal passages are one service of the kernel, for
 * every check and virtual server that has it.
 */
export interface Passage {
  /** Of the real server. */
  readonly address: Ip;
  readonly forward: 'dr' | 'tun';
  /** Of tun. */
  readonly tunnel?: Tunnel | undefined;
}

/** Firewall marks from the first to the last. */
export interface MarkRange {
  readonly first: number;
  readonly last: number;
}

export const inRange = ({ first, last }: MarkRange, mark: number): boolean => mark >= first && mark <= last;

const hex = (mark: number): string => `0x${mark.toString(16)}`;

export const formatMarks = ({ first, last }: MarkRange): string => `${hex(first)}-${hex(last)}`;

/** Why a mark is not the user's to choose; undefined: it is. */
export const markFault = (range: MarkRange, mark: number): string | undefined =>
  inRange(range, mark)
    ? `the mark ${mark} (${hex(mark)}) is one of probe_marks (${formatMarks(range)}), by which checks find their real server: choose another one`
    : undefined;
