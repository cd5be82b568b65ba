/** The shape of the pool's rules: how many checks must pass, slow start, backups, the floor, flap damping. */
import * as v from 'valibot';
import { formed } from './form.js';
import { duration, mapping, parsed, shown, whole } from './schema-tools.js';

const MAX_CHECKS = 100;
/** Of backups. */
const MAX_TIER = 8;

const modeMapping = mapping('mode', { at_least: whole('at_least', 1, MAX_CHECKS) });
const modeWord = parsed<'all' | 'any'>(
  (word) =>
    word === 'all' || word === 'any' ? { value: word } : { refused: `mode is all, any or { at_least: 2 }, not "${word}"` },
  'a mode',
  { is: 'choice', of: ['all', 'any'] },
);

/** Of several checks of a real server. */
export const mode = v.lazy((input): typeof modeMapping | typeof modeWord =>
  typeof input === 'object' && input !== null ? modeMapping : modeWord,
);

const MIN_SLOW_START = 1000;

/** 0 where the defaults say otherwise. */
export const slowStart = v.pipe(
  duration('slow_start', 0, 3_600_000),
  v.check(
    (ms) => ms === 0 || ms >= MIN_SLOW_START,
    (issue) => `slow_start: ${issue.input}ms is too short for its steps: 1s to 1h, or 0 for none`,
  ),
);

/** True is the first tier; the number of the tier. */
export const backup = v.pipe(
  v.union(
    [v.boolean(), v.number()],
    (issue) => `backup is true, false, or a tier from 1 to ${MAX_TIER}, not ${shown(issue.input)}`,
  ),
  v.transform(Number),
  v.check(
    (tier) => Number.isInteger(tier) && tier >= 0 && tier <= MAX_TIER,
    (issue) => `backup is true, false, or a tier from 1 to ${MAX_TIER}, not ${issue.input}`,
  ),
  formed<number>({ is: 'tier', max: MAX_TIER }),
);

export interface Amount {
  readonly amount: number;
  readonly unit: 'servers' | 'percent';
}

const MAX_SERVERS = 65_535;

/** `50%`, or a number of real servers. Where the defaults have a rule, min_healthy 0 and max_ejected 100% are none. */
const share = (what: string) =>
  parsed<Amount>(
    (word) => {
      const percent = /^(\d{1,3})%$/.exec(word)?.[1];
      if (percent !== undefined && Number(percent) <= 100) return { value: { amount: Number(percent), unit: 'percent' } };
      const servers = /^\d{1,5}$/.test(word) ? Number(word) : Number.POSITIVE_INFINITY;
      return servers <= MAX_SERVERS
        ? { value: { amount: servers, unit: 'servers' } }
        : { refused: `${what}: "${word}" is neither a share such as 50% nor a number of real servers` };
    },
    `a share such as 50% for ${what}`,
    { is: 'amount' },
  );

export const minHealthy = share('min_healthy');
export const maxEjected = share('max_ejected');

const ratio = (what: string, max: number) => {
  const message = (issue: { input: unknown }) => `${what} is a number above 0, up to ${max}, not ${shown(issue.input)}`;
  return v.pipe(
    v.number(message),
    v.check((value) => Number.isFinite(value) && value > 0 && value <= max, message),
    formed<number>({ is: 'ratio', max }),
  );
};

const MAX_PENALTY = 100;
const dampingMapping = mapping('damping', {
  half_life: v.optional(duration('half_life', 1000, 3_600_000)),
  suppress: v.optional(ratio('suppress', MAX_PENALTY)),
  reuse: v.optional(ratio('reuse', MAX_PENALTY)),
});
const dampingOff = v.literal(
  'off',
  (issue) => `damping is off or { half_life: 60s, suppress: 3, reuse: 1 }, not ${shown(issue.input)}`,
);

export const damping = v.lazy((input): typeof dampingMapping | typeof dampingOff =>
  typeof input === 'object' && input !== null ? dampingMapping : dampingOff,
);
