/** How long each problem of `status` has been there, as far as somebody looked: nobody tells when one begins. */
import type { Instant } from '../../base/time.js';
import type { ApiProblemLine } from '../../control/api.js';

export interface Ages {
  /** The lines with their ages; what is not among them is over. */
  aged(lines: readonly ApiProblemLine[]): readonly ApiProblemLine[];
}

/** Times and counts in a line are others each time it is looked at: `30.5 s`, `2m05s`, `3 times`, `(0/2)`. Addresses are not. */
const MOVING = /\b\d+(?:\.\d+)?\s?(?:ms|s|m|h|d|times|datagrams|changes|probes|days)\b|\b\d+[mhd]\d+[smh]\b/g;

const keyOf = ({ severity, text }: ApiProblemLine): string => `${severity} ${text.replace(MOVING, '#')}`;

export function createAges(now: () => Instant): Ages {
  /** BOUNDED by the problems that there are. */
  let seen = new Map<string, Instant>();
  return {
    aged(lines) {
      const at = now();
      const next = new Map(lines.map((line) => [keyOf(line), seen.get(keyOf(line)) ?? at]));
      seen = next;
      return lines.map((line) => ({ ...line, since_seconds: Math.round((at - (next.get(keyOf(line)) ?? at)) / 1000) }));
    },
  };
}
