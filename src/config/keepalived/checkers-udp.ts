/** UDP_CHECK: a payload, and either silence or an answer. */
import {
  type CheckDraft,
  type CheckerContext,
  type CheckWord,
  type ConnectionWords,
  connectionHandlers,
  connectionWords,
  timed,
  timingIn,
} from './checkers-common.js';
import { TCP_LIKE } from './services-timing.js';
import { keeper, lose, type Reading, type Said, value, type Words } from './services-words.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

interface UdpWords {
  readonly payload: string;
  /** Hexadecimal, X for any digit; empty: any answer will do. */
  readonly reply: string;
}

const hexOf = ({ args }: Statement): string =>
  args
    .map((one) => one.text)
    .join('')
    .replace(/[\s:]/g, '');

/** lbd reads an answer as UTF-8: only what is ASCII is sure to be what it was. */
const ASCII = /^[0-7][0-9A-F]$/;

/** A pattern as an expression for the beginning of the answer, or why there is none. */
function replyRegex(pattern: string): string | undefined {
  const bytes = pattern.toUpperCase().match(/../g) ?? [];
  const parts = bytes.map((byte) => {
    if (byte === 'XX') return '[^]';
    if (ASCII.test(byte)) return `\\x${byte}`;
    return /^[0-7]X$/.test(byte) ? `[\\x${byte[0]}0-\\x${byte[0]}F]` : undefined;
  });
  return parts.includes(undefined) ? undefined : `^${parts.join('')}`;
}

const REPLY_TEXT =
  'lbd compares answers as text, and cannot look for these bytes: an answer is required, whatever it says. A check of type script can';

function replyWords(reply: Said<string>, reading: Reading): CheckWord[] {
  if (reply.value === '') return [];
  const regex = replyRegex(reply.value);
  if (regex !== undefined) return [['regex', regex, reply.from]];
  lose(reply.from, REPLY_TEXT, reading);
  return [];
}

/** Up to the deadline nearly: the kernel itself tells after 3 s that nobody has the address. */
const silenceOf = (timeout: number): number => timeout - Math.max(10, Math.round(timeout / 10));

export function readUdp(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading } = context;
  const [udp, connection]: [Words<UdpWords>, Words<ConnectionWords>] = [{}, {}];
  const keep = keeper(udp, reading);
  const { words: times, handlers } = timed(reading);
  walk(
    'UDP_CHECK',
    statement.block ?? [],
    {
      ...connectionHandlers(connection, reading),
      ...handlers,
      payload: keep('payload', (one) =>
        value(
          /^(?:[0-9a-fA-F]{2})+$/.test(hexOf(one)) ? hexOf(one).toLowerCase() : undefined,
          'it is not pairs of hexadecimal digits',
        ),
      ),
      require_reply: keep('reply', (one) =>
        value(/^(?:[0-9a-fA-FxX]{2})*$/.test(hexOf(one)) ? hexOf(one) : undefined, 'it is not pairs of hexadecimal digits or X'),
      ),
    },
    reading,
  );
  const timing = timingIn(context, [times], TCP_LIKE);
  const { payload, reply } = udp;
  const sent: CheckWord = payload ? ['send_hex', payload.value, payload.from] : ['send', 'lbd'];
  const heard: CheckWord[] = reply ? replyWords(reply, reading) : [['silence', `${silenceOf(timing.timeout)}ms`]];
  const words = [sent, ...heard, ...connectionWords([connection], context)];
  return [{ heads: [statement], type: 'udp', words, timing, needsPort: true }];
}
