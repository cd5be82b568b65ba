/**
 * Flap damping: every change from up to down adds one to a server's penalty, which decays by half in each half life. At the limit the
 * server is held out, whatever its checks say, until the penalty has decayed to where it is used again (as RFC 2439 does it to routes).
 */
import type { Instant } from '../base/time.js';
import type { DampingConfig } from '../config/types.js';

export interface Penalty {
  /** At `at`; it decays from there on. */
  readonly value: number;
  readonly at: Instant;
  /** What its checks said last. */
  readonly up: boolean;
  readonly held: boolean;
}

/** The penalty ends here, so that nobody is held for longer than it takes to decay from twice the limit. */
const CEILING = 2;

/** The rule may be another one than when it was counted. */
const counted = ({ value }: Penalty, { suppress }: DampingConfig): number => Math.min(value, suppress * CEILING);

export const penaltyAt = (penalty: Penalty, rule: DampingConfig, now: Instant): number =>
  counted(penalty, rule) * 2 ** (-Math.max(0, now - penalty.at) / rule.halfLife);

/** When a server that is held is used again. */
export const reuseAt = (penalty: Penalty, rule: DampingConfig): Instant =>
  penalty.at + rule.halfLife * Math.max(0, Math.log2(counted(penalty, rule) / rule.reuse));

/** `verdict` unknown changes nothing but the time. */
export function dampen(
  rule: DampingConfig,
  before: Penalty | undefined,
  verdict: 'up' | 'down' | 'unknown',
  now: Instant,
): Penalty | undefined {
  if (verdict === 'unknown') return before && release(rule, before, now);
  if (!before) return { value: 0, at: now, up: verdict === 'up', held: false };
  if (verdict === 'up' || !before.up) return release(rule, { ...before, up: verdict === 'up' }, now);
  const value = Math.min(penaltyAt(before, rule, now) + 1, rule.suppress * CEILING);
  return release(rule, { value, at: now, up: false, held: before.held || value >= rule.suppress }, now);
}

/** The last change to down was none of the server's. Whether it was held out before is not known then: in doubt it was not. */
export function forgive({ suppress }: DampingConfig, before: Penalty | undefined): Penalty | undefined {
  if (!before || before.up) return before;
  const value = Math.max(0, before.value - 1);
  return { ...before, value, up: true, held: before.held && value >= suppress };
}

const release = (rule: DampingConfig, penalty: Penalty, now: Instant): Penalty =>
  penalty.held && now >= reuseAt(penalty, rule) ? { ...penalty, held: false } : penalty;
