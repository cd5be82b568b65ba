/** `listen` tells over IPC what other hosts announce on eth0; `announce ADDRESS …` announces addresses there, as a master does. */
import { announcementFrames, openFrameSender, watchClaims } from '../../src/os/packet.js';
import { openRtnetlink } from '../../src/os/rtnetlink.js';

const [role, ...addresses] = process.argv.slice(2);
const rtnetlink = openRtnetlink();
const on = rtnetlink.links().find((one) => one.name === 'eth0');
rtnetlink.close();
if (!on?.mac) throw new Error('no eth0');

if (role === 'announce') {
  const sender = openFrameSender();
  for (const frame of announcementFrames(on.name, on.mac, addresses)) {
    const result = sender.send(on.index, frame);
    if (result < 0) throw new Error(`errno ${-result}`);
  }
  sender.close();
} else {
  for (const family of [4, 6] as const) watchClaims(family, on, on.mac, ({ address }) => process.send?.(address));
  process.send?.('ready');
  process.on('disconnect', () => process.exit(0));
}
