/** nft and the keeper of lbd's table inside a network namespace, on call. */
import { createNetfilterKeeper, type NetfilterKeeper } from '../../src/daemon/check/netfilter.js';
import { openNetfilterRecord } from '../../src/daemon/check/netfilter-record.js';
import type { ServiceIntent } from '../../src/intent/types.js';
import { openClosedAddresses } from '../../src/os/closed-addresses.js';
import { createNft } from '../../src/os/nft.js';
import { serve } from './netns.js';

const nft = createNft();
let keeper: NetfilterKeeper;
/** The keeper's clock. */
let now = 0;

const tell = serve({
  apply: (text: string) => nft.apply(text),
  list: (table: string) => nft.list(table),
  /** A life of the keeper. */
  begin: (stateDir: string, onStop: 'keep' | 'remove') => {
    keeper = createNetfilterKeeper({
      nft,
      record: openNetfilterRecord(stateDir, (text) => tell(text)),
      onStop: () => onStop,
      now: () => now,
      log: (_level, message, fields) => tell(`${message} ${fields?.reason ?? ''}`.trim()),
      event: (kind, subject, text) => tell(`${kind} ${subject}: ${text}`),
    });
  },
  want: (services: readonly ServiceIntent[]) => keeper.want(services),
  /** When it is time to look. */
  reconcile: () => {
    now += 60_000;
    keeper.reconcile();
  },
  /** As the vrrp process does it for `accept: false`. */
  close: (addresses: readonly string[]) => openClosedAddresses().apply(addresses.map((address) => ({ address }))),
  status: () => keeper.status(),
  stop: (ordered: boolean) => keeper.stop(ordered),
});
