/** Checks in the new file: times that all of a service have stand at the service, and so do checks that all of its real servers have. */
import { formatDuration } from '../../base/duration.js';
import type { CheckWord } from './checkers-common.js';
import type { Placed, PlacedCheck } from './services-place.js';
import type { Timing } from './services-timing.js';
import { leaveRest, type Paper } from './services-words.js';
import { type Listing, Mapping, type Plain } from './sheet.js';

const TIMES = ['interval', 'interval_changing', 'timeout', 'fall'] as const;
type Times = { readonly [K in (typeof TIMES)[number]]?: Plain };

/** Of a check in the order of conf/checks.yaml. */
const ORDER = [
  ...['type', 'path', 'host', 'status', 'regex', 'digest', 'name', 'query', 'helo', 'send', 'send_hex', 'silence'],
  ...['command', 'user', 'weight', 'address', 'port', 'source', 'interface', 'fwmark', 'tls', ...TIMES],
];

function timesOf({ interval, interval_changing, timeout, fall }: Timing): Times {
  return {
    interval: formatDuration(interval),
    ...(interval_changing === undefined ? {} : { interval_changing: formatDuration(interval_changing) }),
    timeout: formatDuration(timeout),
    fall,
  };
}

/** An interval and the one while results contradict it go together: who says the first means no second of further away. */
const TOGETHER: readonly (readonly (typeof TIMES)[number][])[] = [['interval', 'interval_changing'], ['timeout'], ['fall']];

/** What all say alike. */
export function commonTimes(placed: readonly Placed[]): Times {
  const all = placed.flatMap(({ checks }) => checks.map(({ draft }) => timesOf(draft.timing)));
  const [first] = all;
  if (!first) return {};
  const keys = TOGETHER.filter((group) => all.every((one) => group.every((key) => one[key] === first[key]))).flat();
  return Object.fromEntries(
    TIMES.filter((key) => keys.includes(key) && first[key] !== undefined).map((key) => [key, first[key]]),
  );
}

function wordsOf({ draft, port }: PlacedCheck, common: Times): CheckWord[] {
  const times = Object.entries(timesOf(draft.timing)).filter(([key]) => {
    const group = TOGETHER.find((one) => one.includes(key as (typeof TIMES)[number])) ?? [];
    return !group.some((one) => one in common);
  });
  return [
    ['type', draft.type],
    ...draft.words,
    ...(port === undefined ? [] : [['port', port] as const]),
    ...times.map(([key, value]): CheckWord => [key, value]),
  ];
}

/** Whether all real servers have the same checks. */
export function areShared(placed: readonly Placed[], common: Times): boolean {
  const [first = '[]', ...more] = placed.map(({ checks }) =>
    JSON.stringify(
      checks.map((one) =>
        wordsOf(one, common)
          .map(([key, value]) => [key, value])
          .sort(),
      ),
    ),
  );
  return first !== '[]' && more.every((one) => one === first);
}

export function writeChecks(list: Listing, checks: readonly PlacedCheck[], common: Times, sheet: Paper): void {
  const written = new Set(checks.flatMap(({ draft }) => draft.heads));
  for (const one of checks) {
    const mapping = new Mapping(ORDER);
    const { heads } = one.draft;
    for (const [key, value, from] of wordsOf(one, common)) sheet.set(mapping, key, value, from);
    for (const outer of heads.slice(0, -1)) sheet.leave({ ...outer, block: undefined, below: [] });
    for (const each of heads) leaveRest(each, written, sheet);
    sheet.add(list, mapping, heads.at(-1));
    for (const each of heads) sheet.closeBlock(mapping, each);
  }
}
