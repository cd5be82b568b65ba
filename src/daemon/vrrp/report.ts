/** An instance as lbctl shows it. */
import { type Instant, NEVER } from '../../base/time.js';
import type { HeldAddress, VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { heldKey } from '../../vrrp/held.js';
import type { VrrpState } from '../../vrrp/types.js';
import type { Counters } from './counters.js';
import type { Holder } from './holder.js';

const seconds = (ms: number): number => Math.round(Math.max(0, ms)) / 1000;

function masterOf(conf: VrrpInstanceConfig, state: VrrpState, now: Instant): ApiInstance['master'] {
  if (state.phase === 'master' && state.link.usable)
    return { address: state.link.source, priority: conf.priority, last_advert_seconds: seconds(now - state.lastSent) };
  const { peer } = state;
  if (!peer || peer.priority === 0) return null;
  return { address: peer.address, priority: peer.priority, last_advert_seconds: seconds(now - peer.heardAt) };
}

/** Of a backup that will take over from a lower master when its delay is over. */
const waitOf = ({ phase, preemptAt }: VrrpState, now: Instant): number | null =>
  phase === 'backup' && preemptAt > now && preemptAt !== NEVER ? seconds(preemptAt - now) : null;

/** An instance that cannot take part counts for nothing, and one that leaves says so on the wire. */
const effectivePriority = (conf: VrrpInstanceConfig, state: VrrpState): number =>
  state.phase === 'master' || state.phase === 'backup' ? conf.priority : 0;

/** Also an address that somebody else put there serves a master. */
const isThere = (state: VrrpState, holder: Holder, one: HeldAddress): boolean =>
  holder.isHeld(one) || (state.phase === 'master' && !holder.lacks(one));

/** What others than the machine and the holder know. */
type Told =
  | ('rivals' | 'weights_problem' | 'lowest_priority' | 'lateness' | 'announcements')
  | ('accept' | 'accept_problem' | 'paths' | 'virtual_mac' | 'waits_for' | 'signing');

export function reportInstance(
  conf: VrrpInstanceConfig,
  state: VrrpState,
  counters: Counters,
  holder: Holder,
  now: Instant,
  watched: Pick<ApiInstance, Told>,
): Omit<ApiInstance, 'group' | 'tracked' | 'free_virtual_router_id'> {
  return {
    name: conf.name,
    interface: conf.interface,
    family: conf.family === 4 ? 'ipv4' : 'ipv6',
    version: conf.version,
    virtual_router_id: conf.vrid,
    state: state.phase === 'stopped' ? 'leaving' : state.phase,
    since_seconds: seconds(now - state.since),
    reason: state.reason,
    held_back: state.heldBack,
    priority: conf.priority,
    effective_priority: effectivePriority(conf, state),
    preempt: conf.preempt,
    stands_down: state.standDown !== undefined && now < state.standDown.until,
    takes_over_in_seconds: waitOf(state, now),
    advert_interval_ms: conf.advertInterval,
    master: masterOf(conf, state, now),
    addresses: conf.addresses.map((one) => ({
      address: heldKey(one),
      held: isThere(state, holder, one),
      advertised: one.advertised !== false,
    })),
    adverts_sent: counters.sent,
    adverts_received: counters.received,
    became_master: counters.becameMaster,
    rejected: [...counters.refused].map(([reason, one]) => ({
      reason,
      count: one.count,
      from: one.from,
      last_seconds: seconds(now - one.last),
      senders: [...one.senders]
        .reverse()
        .map(([address, { count, last }]) => ({ address, count, last_seconds: seconds(now - last) })),
    })),
    ...watched,
    waits_for: waitOf(state, now) === null ? null : watched.waits_for,
  };
}
