/** `announcements` of a VRRP instance: its shape, what it means, and what cannot be. */
import * as v from 'valibot';
import { ANNOUNCEMENTS, type Announcements } from '../base/announcements.js';
import { parseDuration } from '../base/duration.js';
import { familyOf, type Ip, parseIp } from '../base/ip.js';
import { unusable } from '../base/words.js';
import type { Located, Report } from './located.js';
import { duration, list, mapping, parsed, shown, whole } from './schema-tools.js';
import type { VrrpInstanceConfig } from './types.js';

const DAY = 86_400_000;
const MOST_ROUNDS = 100;

/** A duration from `min` on, or `off`: 0. */
const durationOrOff = (what: string, min: number, max: number) =>
  parsed((word) => {
    if (word === 'off') return { value: 0 };
    const ms = parseDuration(word);
    if (ms === undefined) return { refused: `${what}: "${word}" is no duration: write 5s, 1m or off` };
    if (ms < min || ms > max) return { refused: `${what}: ${word} is outside ${min}ms to ${max / 1000}s; "off" is none` };
    return { value: ms };
  }, `a duration for ${what}`);

const neighbour = parsed((word) => {
  const address = parseIp(word);
  if (!address) return { refused: `verify: "${word}" is no IP address of a neighbour` };
  const why = unusable(address);
  return why === undefined ? { value: address } : { refused: `verify: ${why}` };
}, 'the address of a neighbour');

const neighbours = v.pipe(list('verify', neighbour), v.nonEmpty('verify lists nobody: write off'));
const verifyWord = v.picklist(
  ['off', 'gateway'],
  (issue) => `verify is off, gateway or a list of neighbours' addresses, not ${shown(issue.input)}`,
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
  verify: v.optional(v.lazy((input): typeof neighbours | typeof verifyWord => (Array.isArray(input) ? neighbours : verifyWord))),
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
    verify: (shape.verify as Announcements['verify'] | undefined) ?? usual.verify,
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
    const why = noNeighbour(instance, one);
    if (why !== undefined) report('error', at, why, [...below, 'verify']);
  }
}

function noNeighbour({ name, family, addresses }: VrrpInstanceConfig, one: Ip): string | undefined {
  if (familyOf(one) !== family)
    return `${one} knows nothing of IPv${family} addresses: verify takes IPv${family} neighbours here`;
  return addresses.some(({ address }) => address === one)
    ? `${one} is a virtual address of ${name} itself, no neighbour`
    : undefined;
}
