/** virtual_server blocks: what each says, with its real servers. */
import type { Family, Ip } from '../../base/ip.js';
import { MAX_FWMARK, PROTOCOLS, SCHEDULERS, unusable } from '../../base/words.js';
import type { Forward } from '../passage.js';
import type { ClientTls } from './checkers-common.js';
import type { Given } from './parts.js';
import { readServer, type ServerDraft } from './servers.js';
import { type Forwarding, forwardHandler } from './services-forward.js';
import { type TimingWords, timingHandlers } from './services-timing.js';
import {
  createReading,
  keeper,
  type Place,
  passOver,
  placeOf,
  type Reading,
  value,
  type Words,
  wholeOf,
  wordOf,
} from './services-words.js';
import type { Statement } from './types.js';
import { type Handlers, refuseWhole, walk } from './walk.js';

export type Target =
  | { readonly kind: 'address'; readonly address: Ip; readonly port: number }
  | { readonly kind: 'fwmark'; readonly mark: number }
  | { readonly kind: 'group'; readonly name: string };

export interface ServiceWords {
  readonly family: Family;
  readonly scheduler: string;
  readonly onePacket: true;
  readonly forward: Forwarding;
  readonly engine: string;
  /** Seconds. */
  readonly timeout: number;
  /** A netmask, or a length. */
  readonly granularity: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly host: string;
  readonly name: string;
  readonly quiesce: true;
  readonly quorum: number;
  readonly hysteresis: number;
  readonly weight: number;
  readonly sorry: Place;
  readonly sorryForward: Forwarding;
}

export interface SchedulerFlagSaid {
  readonly flag: string;
  readonly from: Statement;
}

export interface ServiceDraft {
  readonly statement: Statement;
  readonly target: Target;
  readonly words: Words<ServiceWords>;
  readonly flags: readonly SchedulerFlagSaid[];
  readonly timing: Words<TimingWords>;
  readonly reading: Reading;
  readonly forward: Forward;
  readonly servers: ServerDraft[];
}

/** 31 days, which is the kernel's limit in milliseconds. */
const MOST_PERSISTENCE = 2_678_400;
/** keepalived's where no time is said. */
export const PERSISTENCE_S = 360;
const MOST_WEIGHT = 2 ** 31 - 1;
const MOST_QUORUM = 2 ** 32 - 1;

/** Undefined: keepalived drops the virtual server. */
function targetOf({ args }: Statement): Target | undefined {
  const [first, second] = args.map((one) => one.text);
  if (first === 'group') return second === undefined ? undefined : { kind: 'group', name: second };
  if (first === 'fwmark') {
    const mark = wholeOf(second ?? '', 1, MAX_FWMARK);
    return mark === undefined ? undefined : { kind: 'fwmark', mark };
  }
  const place = placeOf(args);
  return place && unusable(place.address) === undefined
    ? { kind: 'address', address: place.address, port: place.port ?? 0 }
    : undefined;
}

const number = (least: number, most: number) => (statement: Statement) =>
  value(wholeOf(wordOf(statement), least, most), `"${wordOf(statement)}" is no whole number from ${least} to ${most}`);

/** Flags of a scheduler are heard behind the line that names it alone. */
function flagHandlers(flags: SchedulerFlagSaid[], words: Words<ServiceWords>, reading: Reading): Handlers {
  const named = (flag: string) => (from: Statement) => {
    const scheduler = flag.slice(0, 2);
    if (words.scheduler?.value === scheduler) flags.push({ flag, from });
    else passOver(from, `no lvs_sched ${scheduler} stands above it`, reading);
  };
  /** The bits have their meaning from the scheduler of the whole block. */
  const bit = (flag: string) => (from: Statement) => flags.push({ flag, from });
  return {
    'sh-port': named('sh-port'),
    'sh-fallback': named('sh-fallback'),
    'mh-port': named('mh-port'),
    'mh-fallback': named('mh-fallback'),
    'flag-1': bit('fallback'),
    'flag-2': bit('port'),
  };
}

function sorryHandlers(words: Words<ServiceWords>, reading: Reading): Handlers {
  const keep = keeper(words, reading);
  const after = (then: (statement: Statement) => void) => (statement: Statement) =>
    words.sorry ? then(statement) : passOver(statement, 'no sorry_server stands above it', reading);
  return {
    sorry_server: keep('sorry', ({ args }) =>
      value(placeOf(args), `"${args.map((one) => one.text).join(' ')}" is no address and port`),
    ),
    sorry_server_inhibit: after((statement) => reading.sheet.leave(statement)),
    sorry_server_lvs_method: after(keep('sorryForward', forwardHandler(reading))),
  };
}

const family = (statement: Statement) =>
  value<Family>(({ inet: 4, inet6: 6 } as const)[wordOf(statement)], `"${wordOf(statement)}" is neither inet nor inet6`);

function handlersOf(words: Words<ServiceWords>, reading: Reading): Handlers {
  const keep = keeper(words, reading);
  const scheduler = keep('scheduler', (one) =>
    value(
      SCHEDULERS.find((name) => name === wordOf(one)),
      `"${wordOf(one)}" is no scheduler that it knows`,
    ),
  );
  const forward = keep('forward', forwardHandler(reading));
  const label = (one: Statement) => value(wordOf(one) || undefined, 'it says nothing');
  return {
    ip_family: keep('family', family),
    inhibit_on_failure: keep('quiesce', () => ({ value: true })),
    lb_algo: scheduler,
    lvs_sched: scheduler,
    ops: keep('onePacket', () => ({ value: true })),
    lb_kind: forward,
    lvs_method: forward,
    persistence_engine: keep('engine', label),
    persistence_timeout: keep('timeout', (one) =>
      one.args.length === 0 ? { value: PERSISTENCE_S } : number(1, MOST_PERSISTENCE)(one),
    ),
    persistence_granularity: keep('granularity', label),
    protocol: keep('protocol', (one) =>
      value(
        PROTOCOLS.find((name) => name === wordOf(one).toLowerCase()),
        `"${wordOf(one)}" is neither TCP, UDP nor SCTP`,
      ),
    ),
    virtualhost: keep('host', label),
    snmp_name: keep('name', label),
    quorum: keep('quorum', (one) => ({ value: wholeOf(wordOf(one), 1, MOST_QUORUM) ?? 1 })),
    hysteresis: keep('hysteresis', number(0, MOST_QUORUM)),
    weight: keep('weight', number(1, MOST_WEIGHT)),
    ...sorryHandlers(words, reading),
  };
}

function readServers(
  servers: readonly Statement[],
  draft: Omit<ServiceDraft, 'servers'>,
  given: Given,
  tls: ClientTls | undefined,
) {
  const { words, timing, forward } = draft;
  const inherited = { timing, forward, weight: words.weight?.value ?? 1, host: words.host, tls };
  return servers.flatMap((one): ServerDraft[] => {
    const place = placeOf(one.args);
    if (place) return [readServer(one, place, inherited, given)];
    refuseWhole(one, 'it is no address and port: keepalived passes over it', { ...given, sheet: draft.reading.sheet });
    return [];
  });
}

/** Undefined: keepalived would drop it as a whole, and nothing is made of it. */
export function readService(statement: Statement, given: Given, tls: ClientTls | undefined): ServiceDraft | undefined {
  const target = targetOf(statement);
  if (!target) {
    refuseWhole(
      statement,
      'no virtual server can be there: it is an address and port, fwmark and a number, or group and a name',
      given,
    );
    return undefined;
  }
  const reading = createReading(given);
  const [words, timing]: [Words<ServiceWords>, Words<TimingWords>] = [{}, {}];
  const [flags, servers]: [SchedulerFlagSaid[], Statement[]] = [[], []];
  walk(
    'virtual_server',
    statement.block ?? [],
    {
      ...handlersOf(words, reading),
      ...flagHandlers(flags, words, reading),
      ...timingHandlers(timing, reading, 1),
      real_server: (one) => servers.push(one),
    },
    reading,
  );
  const draft = { statement, target, words, flags, timing, reading, forward: words.forward?.value.method ?? 'nat' };
  return { ...draft, servers: readServers(servers, draft, given, tls) };
}
