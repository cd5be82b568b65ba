/** The intervals of RFC 9568 section 6.1 (version 3) and RFC 3768 section 6.1 (version 2), in milliseconds with their fractions. */
import type { Milliseconds } from '../base/duration.js';
import type { VrrpInstanceConfig } from '../config/types.js';

export type Timing = Pick<VrrpInstanceConfig, 'version' | 'priority' | 'advertInterval'>;

/** The interval that a backup reckons with: version 3 adopts the master's, version 2 knows only its own. */
export const reckonedInterval = (conf: Timing, masterInterval: Milliseconds): Milliseconds =>
  conf.version === 2 ? conf.advertInterval : masterInterval;

/** Skew_Time. Version 2: in fractions of a second; version 3: of the interval. */
export const skewTime = (conf: Timing, masterInterval: Milliseconds): Milliseconds =>
  ((256 - conf.priority) * (conf.version === 2 ? 1000 : masterInterval)) / 256;

/** Active_Down_Interval (Master_Down_Interval in version 2). */
export const masterDown = (conf: Timing, masterInterval: Milliseconds): Milliseconds =>
  3 * reckonedInterval(conf, masterInterval) + skewTime(conf, masterInterval);

/** The longest that an unknown backup waits after a priority 0 advert: the skew time of priority 0. */
export const longestSkew = (conf: Timing): Milliseconds => (conf.version === 2 ? 1000 : conf.advertInterval);

/** How long other directors certainly believe in a master that has gone silent. */
export const trustedFor = (conf: Timing): Milliseconds => masterDown(conf, conf.advertInterval) - conf.advertInterval;

/** Preempt_Mode; the address owner always preempts (RFC 9568 section 6.1). */
export const preempts = (conf: Pick<VrrpInstanceConfig, 'preempt' | 'priority'>): boolean =>
  conf.preempt || conf.priority === 255;
