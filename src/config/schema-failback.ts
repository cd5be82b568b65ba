/** `failback`: when a director takes the office back from a lower one that is alive. */
import * as v from 'valibot';
import { choice, duration, mapping, share } from './schema-tools.js';

const DAY_MS = 86_400_000;
/** Most of what the other director has: connections come and go while one counts. */
const MOST = 0.9;
/** A director that never has them is better than one that never comes back. */
const LONG_ENOUGH = '10m';

const synced = mapping('when_synced', {
  share: v.optional(share('share'), '90%'),
  limit: v.optional(duration('limit', 1000, DAY_MS), LONG_ENOUGH),
});

const one = v.pipe(
  mapping('failback', { after: v.optional(duration('after', 0, DAY_MS)), when_synced: v.optional(synced) }),
  v.check(
    ({ after, when_synced }) => (after === undefined) !== (when_synced === undefined),
    'failback is { after: 60s } or { when_synced: { share: 90%, limit: 10m } }, one of them',
  ),
);

const word = v.pipe(
  choice('failback', ['immediate', 'never', 'when_synced']),
  v.transform((given) => (given === 'when_synced' ? { after: undefined, when_synced: { share: MOST, limit: 600_000 } } : given)),
);

export const failback = v.lazy((input): typeof one | typeof word => (typeof input === 'object' && input !== null ? one : word));
