/** `authentication`: a password in the open (VRRPv2), or signed adverts. */
import * as v from 'valibot';
import { choice, duration, list, mapping, path, whole } from './schema-tools.js';

const TYPES = ['pass', 'hmac'] as const;

/** Seconds: what a signature carries, and what keepalived takes. */
const timeWindow = v.pipe(
  duration('time_window', 1000, 300_000),
  v.check(
    (ms) => ms % 1000 === 0,
    (issue) => `time_window is in whole seconds, not ${issue.input} ms`,
  ),
  v.transform((ms) => ms / 1000),
);

/** The key itself stands in a file of its own: nothing that shows the configuration shows it. */
const key = mapping('a key', { id: whole('id', 1, 255), file: path('file') });

const hmac = mapping('authentication of type hmac', {
  type: choice('authentication type', TYPES),
  keys: v.pipe(list('keys', key), v.nonEmpty('keys is empty: adverts are signed with at least one key')),
  active_key: v.optional(whole('active_key', 1, 255)),
  mode: v.optional(choice('mode', ['receive_only', 'permissive', 'enforce'])),
  anti_replay: v.optional(choice('anti_replay', ['time', 'monotonic'])),
  time_window: v.optional(timeWindow),
});

const pass = mapping('authentication', {
  type: choice('authentication type', TYPES),
  // A number has lost what the other director compares: 0123 is 123.
  password: v.pipe(v.string('password is a text: write it in quotes, "0123"'), v.nonEmpty('password is empty')),
});

const isHmac = (input: unknown): boolean => (input as { readonly type?: unknown } | null)?.type === 'hmac';

export const authentication = v.lazy((input): typeof hmac | typeof pass => (isHmac(input) ? hmac : pass));

export type HmacShape = v.InferOutput<typeof hmac>;
export type AuthenticationShape = v.InferOutput<typeof authentication>;
