/** Announcements on their way out: a paced queue, so that a thousand addresses are no storm and delay no advert. */
import type { Ip } from '../../base/ip.js';
import { announcementFrames, type FrameSender, openFrameSender } from '../../os/packet.js';
import type { HostInterface } from './types.js';

/** Frames in a row, and the pause after them: 20,000 a second at most. */
const SLICE = 100;
const PAUSE_MS = 5;

export interface Announcer {
  /** Queues one announcement for each address. One that still waits from before is not queued twice. */
  announce(on: HostInterface, addresses: readonly Ip[]): void;
  /** Forgets what still waits for these addresses. */
  cancel(on: HostInterface, addresses: readonly Ip[]): void;
}

/** `failed` is told why frames could not be sent. */
export function createAnnouncer(failed: (interfaceName: string, errno: number) => void): Announcer {
  /** BOUNDED by the addresses of the configured instances. */
  const queue = new Map<string, { readonly on: HostInterface; readonly frame: Uint8Array }>();
  let sender: FrameSender | undefined;
  let timer: NodeJS.Timeout | undefined;
  const keyOf = (on: HostInterface, address: Ip) => `${on.index} ${address}`;

  function pump(): void {
    timer = undefined;
    let room = SLICE;
    for (const [key, { on, frame }] of queue) {
      if (room-- === 0) break;
      queue.delete(key);
      sender ??= openFrameSender();
      const result = sender.send(on.index, frame);
      if (result < 0) failed(on.name, -result);
    }
    if (queue.size > 0) timer = setTimeout(pump, PAUSE_MS);
  }

  return {
    announce(on, addresses) {
      if (!on.mac) return;
      const frames = announcementFrames(on.name, on.mac, addresses);
      for (const [i, address] of addresses.entries()) queue.set(keyOf(on, address), { on, frame: frames[i] as Uint8Array });
      if (!timer) pump();
    },
    cancel(on, addresses) {
      for (const address of addresses) queue.delete(keyOf(on, address));
    },
  };
}
