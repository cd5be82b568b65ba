/** What one instance tracks, read: interfaces from the network's own view, the rest from what the check process said. */
import type { Instant } from '../../base/time.js';
import { trackedKey } from '../../base/tracked.js';
import type { TrackedConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { ApiTracked } from '../../control/api.js';
import {
  describeTracked,
  isFault,
  NOTHING_TRACKED,
  observe,
  type Reading,
  shareOf,
  type TrackedItem,
  type TrackState,
  type TrackVerdict,
  trackDeadline,
  trackVerdict,
} from '../../vrrp/track.js';
import type { Host } from './types.js';

export interface Tracker {
  /** Looks anew. `beginning`: the instance itself begins. Tells what became other. */
  look(conf: VrrpInstanceConfig, beginning?: boolean): TrackVerdict;
  deadline(): Instant;
  report(conf: VrrpInstanceConfig, now: Instant): ApiTracked[];
}

const NO_TRACK: readonly TrackedConfig[] = [];

function readInterface({ network }: Pick<Host, 'network'>, name: string): Reading {
  const link = network.link(name);
  if (!link) return { value: 0, text: 'there is no such interface' };
  if (!link.up) return { value: 0, text: 'it is set down' };
  return link.running ? { value: 1, text: 'it has its carrier' } : { value: 0, text: 'it has no carrier' };
}

const signed = (n: number): string => (n > 0 ? `+${n}` : String(n));

/** What it does to the instance at this moment. */
const effectOf = (tracked: TrackedConfig, item: TrackedItem): string => {
  if (isFault(tracked, item)) return 'FAULT';
  const share = shareOf(tracked, item);
  return share === 0 ? '' : signed(share);
};

/** What begins well is none. */
function isNews(tracked: TrackedConfig, old: TrackedItem | undefined, item: TrackedItem): boolean {
  if (item === old || item.state === 'unknown') return false;
  if (!old || old.state === 'unknown') return item.state === 'down' || (tracked.kind === 'file' && item.value !== 0);
  return old.state !== item.state || shareOf(tracked, old) !== shareOf(tracked, item);
}

export function createTracker(host: Pick<Host, 'network' | 'watched' | 'now' | 'event'>): Tracker {
  let state: TrackState = NOTHING_TRACKED;

  const read = (tracked: TrackedConfig): Reading | undefined =>
    tracked.kind === 'interface' ? readInterface(host, tracked.name) : host.watched(trackedKey(tracked));

  function tell(name: string, track: readonly TrackedConfig[], before: TrackState): void {
    for (const tracked of track) {
      const [old, item] = [before.get(trackedKey(tracked)), state.get(trackedKey(tracked))];
      if (!item || !isNews(tracked, old, item)) continue;
      const effect = effectOf(tracked, item);
      const change = { cause: trackedKey(tracked), before: old?.state ?? 'unknown', after: item.state };
      host.event('track', name, `${describeTracked(tracked, item)}${effect === '' ? '' : ` (${effect})`}`, change);
    }
  }

  return {
    look(conf, beginning = false) {
      const { track = NO_TRACK } = conf;
      const before = state;
      state = observe(track, before, read, host.now(), beginning);
      if (state !== before) tell(conf.name, track, before);
      return trackVerdict(conf.priority, track, state);
    },
    deadline: () => trackDeadline(state),
    report: ({ track = NO_TRACK }, now) =>
      track.flatMap((tracked) => {
        const item = state.get(trackedKey(tracked));
        if (!item) return [];
        const coming = item.coming ? `; ${item.coming.state} in ${Math.max(0, Math.round(item.coming.at - now)) / 1000}s` : '';
        return [
          {
            what: trackedKey(tracked),
            weight: tracked.weight,
            state: item.state,
            since_seconds: Math.round(Math.max(0, now - item.since)) / 1000,
            effect: effectOf(tracked, item),
            text: item.text + coming,
          },
        ];
      }),
  };
}
