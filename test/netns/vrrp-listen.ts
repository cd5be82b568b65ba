/** Hears adverts of both families on eth0, as a backup does, and tells over IPC what it heard since it was last asked. */
import { now } from '../../src/os/clock.js';
import { openRtnetlink } from '../../src/os/rtnetlink.js';
import { openVrrpReceiver, type VrrpReceiver } from '../../src/os/vrrp-socket.js';
import { peekVrid } from '../../src/wire/vrrp.js';

/** Of one sender and VRID. */
export interface Heard {
  readonly key: string;
  readonly adverts: number;
  /** Between two adverts, ms; the longest first. */
  readonly gaps: readonly number[];
}

const rtnetlink = openRtnetlink();
const on = rtnetlink.links().find((one) => one.name === 'eth0');
rtnetlink.close();
if (!on) throw new Error('no eth0');

const arrivals = new Map<string, number[]>();
for (const family of [4, 6] as const) {
  let receiver: VrrpReceiver;
  const drain = (): void => {
    for (let packet = receiver.receive(); packet; packet = receiver.receive()) {
      const key = `${packet.source} ${peekVrid(packet.payload)}`;
      arrivals.set(key, [...(arrivals.get(key) ?? []), now()]);
    }
  };
  receiver = openVrrpReceiver(family, on, drain);
  receiver.join(true);
}

process.on('message', () => {
  const heard = [...arrivals].map(([key, times]): Heard => {
    const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
    return { key, adverts: times.length, gaps: gaps.sort((a, b) => b - a).slice(0, 20) };
  });
  arrivals.clear();
  process.send?.(heard);
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
