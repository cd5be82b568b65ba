/** What all checkers have in common: how a probe leaves, and what a check of lbd is made of. */
import type { Milliseconds } from '../../base/duration.js';
import { familyOf, type Ip, parseIp } from '../../base/ip.js';
import { MAX_FWMARK } from '../../base/words.js';
import { isHost } from '../check-faults.js';
import { type Timing, type TimingDefaults, type TimingWords, timingHandlers, timingOf } from './services-timing.js';
import { keeper, lose, type Reading, type Said, value, type Words, wholeOf, wordOf } from './services-words.js';
import type { Plain } from './sheet.js';
import type { Statement } from './types.js';
import type { Handlers } from './walk.js';

export type CheckWord = readonly [key: string, value: Plain, from?: Statement | undefined];

/** A check of lbd, as far as it is known before the services are. */
export interface CheckDraft {
  /** The lines that it is made of, outermost first: their comments stand above it. */
  readonly heads: readonly Statement[];
  readonly type: string;
  readonly words: readonly CheckWord[];
  readonly timing: Timing;
  /** It goes to a port, which may be the real server's. */
  readonly needsPort: boolean;
}

/** Of keepalived's SSL block: for all SSL_GET. */
export interface ClientTls {
  readonly certificate: string;
  readonly key: string;
}

export interface CheckerContext {
  readonly reading: Reading;
  /** What the real server and the virtual server say, in this order. */
  readonly levels: readonly Words<TimingWords>[];
  readonly target: Ip;
  /** Of the real server. */
  readonly weight: number;
  /** virtualhost. */
  readonly serverHost: Said<string> | undefined;
  readonly serviceHost: Said<string> | undefined;
  readonly tls: ClientTls | undefined;
}

export interface ConnectionWords {
  readonly address: Ip;
  readonly port: number;
  readonly source: Ip;
  readonly interface: string;
  readonly fwmark: number;
}

/** IFNAMSIZ of linux/if.h, without the NUL. */
const INTERFACE = /^(?!\.\.?$)[^\s/:]{1,15}$/;
const MAX_PORT = 65_535;

const address = (key: 'address' | 'source') => (statement: Statement) => {
  const ip = parseIp(wordOf(statement));
  if (ip !== undefined && !isHost(key, ip)) return value<Ip>(undefined, `${ip} is no address of a host`);
  return value(ip, `"${wordOf(statement)}" is no IP address`);
};

export function connectionHandlers(words: Words<ConnectionWords>, reading: Reading): Handlers {
  const keep = keeper(words, reading);
  return {
    connect_ip: keep('address', address('address')),
    connect_port: keep('port', (statement) =>
      value(wholeOf(wordOf(statement), 1, MAX_PORT), `"${wordOf(statement)}" is no port`),
    ),
    bindto: keep('source', address('source')),
    bind_if: keep('interface', (statement) => {
      const name = wordOf(statement);
      return value(INTERFACE.exec(name)?.[0], `"${name}" is no name of an interface`);
    }),
    fwmark: keep('fwmark', (statement) =>
      value(wholeOf(wordOf(statement), 0, MAX_FWMARK), `"${wordOf(statement)}" is no firewall mark`),
    ),
  };
}

/** Nearest first: the host of an SMTP_CHECK says the rest of what the checker says. */
export function connectionWords(levels: readonly Words<ConnectionWords>[], context: CheckerContext): CheckWord[] {
  const said = <K extends keyof ConnectionWords>(key: K) => levels.find((level) => level[key] !== undefined)?.[key];
  const target = said('address');
  let source = said('source');
  if (source && familyOf(source.value) !== familyOf(target?.value ?? context.target)) {
    lose(source.from, `no probe can leave from ${source.value}: it is of another family than its target`, context.reading);
    source = undefined;
  }
  const mark = said('fwmark');
  const found: readonly (readonly [string, { readonly value: Ip | number; readonly from: Statement } | undefined])[] = [
    ['address', target],
    ['port', said('port')],
    ['source', source],
    ['interface', said('interface')],
    ['fwmark', mark?.value === 0 ? undefined : mark],
  ];
  return found.flatMap(([key, one]): CheckWord[] => (one ? [[key, one.value, one.from]] : []));
}

/** The times of a checker of its own words. */
export interface Timed {
  readonly words: Words<TimingWords>;
  readonly handlers: Handlers;
}

export function timed(reading: Reading): Timed {
  const words: Words<TimingWords> = {};
  return { words, handlers: timingHandlers(words, reading, 0) };
}

export function timingIn(
  { levels, reading }: CheckerContext,
  own: readonly Words<TimingWords>[],
  defaults: TimingDefaults,
  deadline?: Milliseconds,
): Timing {
  return timingOf({ levels: [...own, ...levels], defaults, ...(deadline === undefined ? {} : { deadline }) }, reading.notes);
}
