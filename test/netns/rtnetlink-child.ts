/** rtnetlink.test.ts inside its namespace: the client and the watcher, on call. */
import { readdirSync } from 'node:fs';
import type { Prefix } from '../../src/base/ip.js';
import { type NetworkEvent, openRtnetlink, watchNetwork } from '../../src/os/rtnetlink.js';
import { serve } from './netns.js';

const network = openRtnetlink();
let watcher: { close(): void } | undefined;

const tell = serve({
  links: () => network.links(),
  addresses: () => network.addresses(),
  add: (index: number, prefix: Prefix) => network.addAddress(index, prefix),
  remove: (index: number, prefix: Prefix) => network.deleteAddress(index, prefix),
  watch: () => {
    watcher = watchNetwork((event: NetworkEvent) => tell(event));
  },
  /** The listener closes the watcher at the first event. */
  watchOnce: () => {
    watcher = watchNetwork((event: NetworkEvent) => {
      tell(event);
      watcher?.close();
    });
  },
  unwatch: () => watcher?.close(),
  /** Descriptors before and after opening and closing many clients and watchers. */
  leak: () => {
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    for (let i = 0; i < 50; i++) {
      const one = openRtnetlink();
      one.links();
      const two = watchNetwork(() => {});
      one.close();
      one.close();
      two.close();
      two.close();
    }
    return [before, count()];
  },
});
