/** When an instance preempts: `preempt`, or the intent in its place, `failback`. */
import { formatDuration } from '../base/duration.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import type { VrrpInstanceConfig } from './types.js';

type Preemption = Pick<VrrpInstanceConfig, 'preempt' | 'preemptDelay' | 'delayFrom' | 'syncedShare'>;
type Preempt = NonNullable<VrrpInstanceShape['preempt']>;
type Failback = NonNullable<VrrpInstanceShape['failback']>;

const OWNER = 255;

const plain = (preempt: Preempt): Preemption => ({
  preempt: preempt !== false,
  preemptDelay: typeof preempt === 'object' ? preempt.delay : 0,
});

export function preemptionOf({ preempt = true, failback }: VrrpInstanceShape): Preemption {
  if (failback === undefined) return plain(preempt);
  if (typeof failback === 'object') {
    const { after = 0, when_synced: synced } = failback;
    const waits = { preempt: true, preemptDelay: synced?.limit ?? after, delayFrom: 'able' as const };
    return synced ? { ...waits, syncedShare: synced.share } : waits;
  }
  return plain(failback === 'immediate');
}

function failbackText(failback: Failback): string {
  if (typeof failback !== 'object') return failback;
  return failback.when_synced ? 'when_synced' : `{ after: ${formatDuration(failback.after ?? 0)} }`;
}

/** Why both cannot be; undefined: they say the same. */
function contradiction(preempt: Preempt, failback: Failback): string | undefined {
  const said = `failback: ${failbackText(failback)}`;
  if (typeof preempt === 'object')
    return `preempt: { delay: ${formatDuration(preempt.delay)} } and ${said} are two times for one thing: leave preempt out`;
  if (preempt && failback === 'never')
    return `${said} leaves the office to a lower director, preempt: true takes it from there: leave one of them out`;
  if (!preempt && failback !== 'never')
    return `preempt: false leaves the office to a lower director, ${said} takes it from there: leave one of them out`;
  if (preempt && typeof failback === 'object') return `preempt: true takes over at once, ${said} does not: leave preempt out`;
  return undefined;
}

export function checkFailback(at: Located<VrrpInstanceShape>, report: Report): void {
  const { preempt, failback, priority } = at.value;
  if (failback === undefined) return;
  const found = preempt === undefined ? undefined : contradiction(preempt, failback);
  if (found !== undefined) report('error', at, found, ['failback']);
  if (priority !== OWNER || failback === 'immediate') return;
  const fact = 'the owner of its addresses (priority 255) always takes over at once';
  report('error', at, `failback: ${failbackText(failback)} cannot be: ${fact}; a priority of 254 is high enough`, ['failback']);
}

/** What it is asked with: the API of the other director, and connections that come here at all. */
export function checkSynced(
  places: readonly Located<VrrpInstanceShape>[],
  { peers, sync }: { readonly peers: boolean; readonly sync: boolean },
  report: Report,
): void {
  for (const at of places) {
    const { failback } = at.value;
    if (typeof failback !== 'object' || !failback.when_synced) continue;
    if (!sync) report('error', at, 'failback: when_synced without connection_sync: no connection ever comes here', ['failback']);
    if (!peers)
      report('error', at, 'failback: when_synced needs global.peers: the other director is asked how many connections it has', [
        'failback',
      ]);
  }
}
