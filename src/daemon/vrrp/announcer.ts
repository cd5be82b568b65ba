/**
 * Announcements on their way out: a paced queue for each interface, so that a thousand addresses are no storm and delay no advert, and
 * a switch that takes only so many a second gets no more, whichever instances they are of.
 */
import type { Milliseconds } from '../../base/duration.js';
import type { Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import { now as clock } from '../../os/clock.js';
import { announcementFrames, type FrameSender, openFrameSender } from '../../os/packet.js';
import type { HostInterface } from './types.js';

/** Frames in a row, and the pause after them: 20,000 a second at most. */
const SLICE = 100;
const PAUSE_MS = 5;
/** setTimeout counts in whole milliseconds: intervals below one are made up for within the next. */
const GRAIN_MS = 1;

export interface Announcer {
  /** Queues one announcement for each address, `interval` after the frame before. One that still waits is not queued twice. */
  announce(on: HostInterface, addresses: readonly Ip[], interval: Milliseconds): void;
  /** Queues a frame that speaks for the address to one neighbour, behind what waits. */
  ask(on: HostInterface, address: Ip, neighbour: Ip, frame: Uint8Array, interval: Milliseconds): void;
  /** Forgets what still waits for these addresses. */
  cancel(on: HostInterface, addresses: readonly Ip[]): void;
}

interface Entry {
  readonly address: Ip;
  readonly on: HostInterface;
  readonly frame: Uint8Array;
  readonly interval: Milliseconds;
}

interface Lane {
  /** BOUNDED by the addresses of the configured instances, and the neighbours that they ask. */
  readonly queue: Map<string, Entry>;
  /** No frame before. */
  freeAt: Instant;
}

export interface AnnouncerParts {
  readonly now: () => Instant;
  readonly open: () => FrameSender;
}

/** `failed` is told why frames could not be sent. */
export function createAnnouncer(
  failed: (interfaceName: string, errno: number) => void,
  { now, open }: AnnouncerParts = { now: clock, open: openFrameSender },
): Announcer {
  /** By index. BOUNDED by the host's interfaces: one that has nothing to send goes. */
  const lanes = new Map<number, Lane>();
  let sender: FrameSender | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** When the timer ends, and the end of the pause after a slice. */
  let wakeAt: Instant = NEVER;
  let restUntil: Instant = -NEVER;

  function laneOf(on: HostInterface): Lane {
    const lane = lanes.get(on.index) ?? { queue: new Map(), freeAt: Number.NEGATIVE_INFINITY };
    lanes.set(on.index, lane);
    return lane;
  }

  /** Sends what may leave, `room` frames at most; returns what is left of it. */
  function drain(lane: Lane, at: Instant, room: number): number {
    let left = room;
    for (const [key, { on, frame, interval }] of lane.queue) {
      if (left === 0 || lane.freeAt > at) break;
      left--;
      lane.queue.delete(key);
      sender ??= open();
      const result = sender.send(on.index, frame);
      if (result < 0) failed(on.name, -result);
      lane.freeAt = Math.max(lane.freeAt, interval < GRAIN_MS ? at - GRAIN_MS : at) + interval;
    }
    return left;
  }

  function pump(): void {
    clearTimeout(timer);
    timer = undefined;
    wakeAt = NEVER;
    const at = now();
    let room = SLICE;
    let next = NEVER;
    for (const [index, lane] of lanes) {
      room = drain(lane, at, room);
      if (lane.queue.size > 0) next = Math.min(next, Math.max(lane.freeAt, at + GRAIN_MS));
      else if (lane.freeAt <= at) lanes.delete(index);
    }
    if (room === 0) restUntil = at + PAUSE_MS;
    if (next < NEVER) arm(next);
  }

  /** Wakes no later than `when`, yet not within the pause. */
  function arm(when: Instant): void {
    const at = Math.max(when, restUntil);
    if (at >= wakeAt) return;
    clearTimeout(timer);
    wakeAt = at;
    timer = setTimeout(pump, Math.max(0, Math.ceil(at - now())));
  }

  function wake(lane: Lane): void {
    if (!timer && now() >= restUntil) pump();
    else arm(lane.freeAt);
  }

  return {
    announce(on, addresses, interval) {
      if (!on.mac) return;
      const frames = announcementFrames(on.name, on.mac, addresses);
      const lane = laneOf(on);
      for (const [i, address] of addresses.entries())
        lane.queue.set(address, { address, on, frame: frames[i] as Uint8Array, interval });
      wake(lane);
    },
    ask(on, address, neighbour, frame, interval) {
      const lane = laneOf(on);
      lane.queue.set(`${address} ${neighbour}`, { address, on, frame, interval });
      wake(lane);
    },
    cancel(on, addresses) {
      const queue = lanes.get(on.index)?.queue;
      if (!queue || queue.size === 0) return;
      const gone = new Set(addresses);
      for (const [key, entry] of queue) if (gone.has(entry.address)) queue.delete(key);
    },
  };
}
