/** When an instance preempts: `preempt`, or the intent in its place, `failback`. */
import { formatDuration } from '../base/duration.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import type { VrrpInstanceConfig } from './types.js';

type Preemption = Pick<VrrpInstanceConfig, 'preempt' | 'preemptDelay' | 'delayFrom'>;
type Preempt = NonNullable<VrrpInstanceShape['preempt']>;
type Failback = NonNullable<VrrpInstanceShape['failback']>;

const OWNER = 255;

const plain = (preempt: Preempt): Preemption => ({
  preempt: preempt !== false,
  preemptDelay: typeof preempt === 'object' ? preempt.delay : 0,
});

export function preemptionOf({ preempt = true, failback }: VrrpInstanceShape): Preemption {
  if (failback === undefined) return plain(preempt);
  if (typeof failback === 'object') return { preempt: true, preemptDelay: failback.after, delayFrom: 'able' };
  return plain(failback === 'immediate');
}

const failbackText = (failback: Failback): string =>
  typeof failback === 'object' ? `{ after: ${formatDuration(failback.after)} }` : failback;

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
