/** Words of `global` that concern all checks together. */
import * as v from 'valibot';
import { parseIp } from '../base/ip.js';
import { isRefused, type Parsed, parseFwmark, refused } from '../base/words.js';
import type { MarkRange } from './passage.js';
import { duration, list, mapping, parsed, share, shown, whole, yesNo } from './schema-tools.js';

/** `0x4c420000-0x4c42ffff`, or in decimal digits. */
function parseMarks(word: string): Parsed<MarkRange> {
  const [, from, to] = /^([^-\s]+)\s*-\s*([^-\s]+)$/.exec(word) ?? [];
  if (from === undefined || to === undefined)
    return refused(`probe_marks: "${word}" is no range of marks: write 0x4c420000-0x4c42ffff`);
  const [first, last] = [parseFwmark(from), parseFwmark(to)];
  if (isRefused(first)) return first;
  if (isRefused(last)) return last;
  return first.value <= last.value
    ? { value: { first: first.value, last: last.value } }
    : refused(`probe_marks: ${word} ends before it begins`);
}

const reference = parsed(
  (word) => {
    const value = parseIp(word);
    return value === undefined ? { refused: `reference: "${word}" is no IP address` } : { value };
  },
  'an IP address',
  { is: 'address' },
);

const suspicionOff = v.literal(
  'off',
  (issue) => `suspicion is off, or a mapping such as { share: 60%, min_targets: 5 }, not ${shown(issue.input)}`,
);
const suspicionOn = mapping('suspicion', {
  share: v.optional(share('share')),
  min_targets: v.optional(whole('min_targets', 2, 100_000)),
  hold: v.optional(duration('hold', 100, 300_000)),
  reference: v.optional(list('reference', reference)),
  yield: v.optional(yesNo('yield')),
});

export const checkingWords = {
  probe_marks: v.optional(parsed(parseMarks, 'a range of marks', { is: 'marks' })),
  suspicion: v.optional(
    v.lazy((input): typeof suspicionOff | typeof suspicionOn =>
      typeof input === 'object' && input !== null ? suspicionOn : suspicionOff,
    ),
  ),
};
