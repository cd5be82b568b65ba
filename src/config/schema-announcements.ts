/** `announcements` of a VRRP instance: its shape, what it means, and what cannot be. */
import * as v from 'valibot';
import { ANNOUNCEMENTS, type Announcements } from '../base/announcements.js';
import { parseDuration } from '../base/duration.js';
import type { Located, Report } from './located.js';
import { neighbourWords, noNeighbour } from './schema-neighbours.js';
import { duration, mapping, parsed, whole } from './schema-tools.js';
import type { VrrpInstanceConfig } from './types.js';

const DAY = 86_400_000;
const MOST_ROUNDS = 100;

/** A duration from `min` on, or `off`: 0. */
const durationOrOff = (what: string, min: number, max: number) =>
  parsed(
    (word) => {
      if (word === 'off') return { value: 0 };
      const ms = parseDuration(word);
      if (ms === undefined) return { refused: `${what}: "${word}" is no duration: write 5s, 1m or off` };
      if (ms < min || ms > max) return { refused: `${what}: ${word} is outside ${min}ms to ${max / 1000}s; "off" is none` };
      return { value: ms };
    },
    `a duration for ${what}`,
    { is: 'duration', min, max, words: ['off'] },
  );

export const announcementsShape = mapping('announcements', {
  repeat: v.optional(whole('repeat', 1, MOST_ROUNDS)),
  delay: v.optional(durationOrOff('delay', 1000, 3_600_000)),
  refresh: v.optional(durationOrOff('refresh', 1000, DAY)),
  refresh_repeat: v.optional(whole('refresh_repeat', 1, MOST_ROUNDS)),
  interval: v.optional(duration('interval', 0, 1000)),
  other_master: v.optional(
    mapping('other_master', {
      repeat: v.optional(whole('repeat', 0, MOST_ROUNDS)),
      delay: v.optional(durationOrOff('delay', 1000, 3_600_000)),
    }),
  ),
  verify: v.optional(neighbourWords('verify', ['off'])),
});

type Shape = v.InferOutput<typeof announcementsShape>;

/** What is not said is as usual; what is said of the first bursts holds for those after another master was heard too. */
export function buildAnnouncements(shape: Shape): Announcements {
  const usual = ANNOUNCEMENTS;
  const repeat = shape.repeat ?? usual.repeat;
  const delay = shape.delay ?? usual.delay;
  return {
    repeat,
    delay,
    refresh: shape.refresh ?? usual.refresh,
    refreshRepeat: shape.refresh_repeat ?? usual.refreshRepeat,
    interval: shape.interval ?? usual.interval,
    otherMaster: { repeat: shape.other_master?.repeat ?? repeat, delay: shape.other_master?.delay ?? delay },
    verify: shape.verify ?? usual.verify,
  };
}

export function checkAnnouncements(instance: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  const { announcements, addresses } = instance;
  if (!announcements) return;
  const below = ['announcements'];
  const { refresh, interval, verify } = announcements;
  const round = addresses.length * interval;
  if (refresh > 0 && round > refresh)
    report(
      'error',
      at,
      `${addresses.length} addresses ${interval}ms apart take ${round / 1000}s, longer than refresh: a shorter interval or a longer refresh`,
      [...below, 'refresh'],
    );
  for (const one of typeof verify === 'string' ? [] : verify) {
    const why = noNeighbour(instance, 'verify', one);
    if (why !== undefined) report('error', at, why, [...below, 'verify']);
  }
}
