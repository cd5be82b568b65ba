/** `lbctl diff`: what was set at run time beside the file, and whether the file on disk is the one in force. */
import type { ApiDiff, ApiDifference } from '../../control/api.js';
import { type Difference, differences } from '../../intent/diff.js';
import type { InForce, OnDisk } from './save.js';

function shown({ change, target, text, by, edit }: Difference, now: number): ApiDifference {
  const since = Math.max(0, Math.round((now - Date.parse(by.when)) / 1000));
  return { change, target, text, by, since_seconds: since, saved: edit !== undefined };
}

/** `now`: wall clock in ms since 1970. */
export const diffFile = (file: string, { config, overrides }: InForce, disk: OnDisk, now: number): ApiDiff => ({
  against: 'file',
  name: file,
  differences: differences(config, overrides, now).map((one) => shown(one, now)),
  disk,
});
