/**
 * set-vs: settings of a virtual server at run time, each until it is unset, or the file says the same. What was set earlier and is not named
 * stays, with who set it. A scheduler takes its flags along, persistence its prefix.
 */
import { didYouMean } from '../base/suggest.js';
import {
  isHashed,
  isRefused,
  MAX_SECONDS,
  type Parsed,
  parseChoice,
  parseScheduler,
  parseServerWord,
  refused,
  SCHEDULER_FLAGS,
} from '../base/words.js';
import { changeService, type ServiceSet } from '../config/changed.js';
import { differences, SETTINGS, type Setting, settingText } from '../config/settable.js';
import type { Config, SchedulerFlag } from '../config/types.js';
import { type Edit, findService, type Refusal, refuse } from './find.js';
import { buildIntent } from './merge.js';
import type { StateContext } from './state-change.js';
import type { Change, Override, ServiceIntent } from './types.js';

/** As they come over the control socket. Times: seconds. */
export interface SetVsWords {
  readonly scheduler?: string | undefined;
  /** `sh-port,sh-fallback`, or `none`. */
  readonly scheduler_flags?: string | undefined;
  /** 0 none. */
  readonly persistence?: number | undefined;
  readonly persistence_prefix?: number | undefined;
  readonly quorum?: number | undefined;
  readonly hysteresis?: number | undefined;
  readonly on_failure?: string | undefined;
  /** 0 none. */
  readonly slow_start?: number | undefined;
  /** `10.0.0.99:80`, or `none`. */
  readonly sorry_server?: string | undefined;
  /** Names of settings with commas between them, or `all`: as the file has them. */
  readonly unset?: string | undefined;
}

const MAX_QUORUM = 2 ** 32 - 1;
const MAX_SLOW_START = 3600;

function readFlags(word: string): Parsed<readonly SchedulerFlag[]> {
  if (word === 'none' || word === '') return { value: [] };
  const flags: SchedulerFlag[] = [];
  for (const one of word.split(',')) {
    const flag = parseChoice('scheduler flag', one.trim(), SCHEDULER_FLAGS);
    if (isRefused(flag)) return flag;
    flags.push(flag.value);
  }
  return { value: flags };
}

const number =
  (what: Setting, min: number, max: number, unit = '') =>
  (value: number): Parsed<number> =>
    Number.isInteger(value) && value >= min && value <= max
      ? { value }
      : refused(`${what} is a whole number from ${min} to ${max}${unit}, not ${value}`);

function readSlowStart(seconds: number): Parsed<number> {
  const found = number('slow_start', 0, MAX_SLOW_START, ' seconds')(seconds);
  return isRefused(found) ? found : { value: found.value * 1000 };
}

function readSorry(word: string): Parsed<NonNullable<ServiceSet['sorry_server']>> {
  if (word === 'none') return { value: 'none' };
  const server = parseServerWord(word);
  if (isRefused(server)) return server;
  const { address, port } = server.value;
  return port === undefined ? refused(`sorry_server: "${word}" has no port`) : { value: { address, port } };
}

type Readers = { readonly [K in Setting]: (word: never) => Parsed<unknown> };

const READERS: Readers = {
  scheduler: parseScheduler,
  scheduler_flags: readFlags,
  persistence: number('persistence', 0, MAX_SECONDS, ' seconds'),
  persistence_prefix: number('persistence_prefix', 1, 128),
  quorum: number('quorum', 1, MAX_QUORUM),
  hysteresis: number('hysteresis', 0, MAX_QUORUM - 1),
  on_failure: (word: string) => parseChoice('reaction to failure', word, ['remove', 'quiesce']),
  slow_start: readSlowStart,
  sorry_server: readSorry,
};

function readSet(words: SetVsWords): Parsed<ServiceSet> {
  const set: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const word = words[setting];
    if (word === undefined) continue;
    const found = READERS[setting](word as never);
    if (isRefused(found)) return found;
    set[setting] = found.value;
  }
  return { value: set };
}

function readUnset(word: string | undefined): Parsed<readonly Setting[]> {
  if (word === undefined) return { value: [] };
  if (word === 'all') return { value: SETTINGS };
  const names = word.split(',').map((one) => one.trim().replaceAll('-', '_'));
  const strange = names.find((one) => !SETTINGS.includes(one as Setting));
  if (strange === undefined) return { value: names as Setting[] };
  return refused(`"${strange}" is no setting of set-vs${didYouMean(strange, SETTINGS) || ` (${SETTINGS.join(', ')}, or all)`}`);
}

/** What goes with it: flags of another scheduler, and the prefix of no persistence, would mean nothing. */
function withCompanions(set: ServiceSet, unset: readonly Setting[]): ReadonlySet<Setting> {
  const named = new Set<Setting>([...(Object.keys(set) as Setting[]), ...unset]);
  if (named.has('scheduler')) named.add('scheduler_flags');
  if (unset.includes('persistence') || set.persistence === 0) named.add('persistence_prefix');
  return named;
}

type SetVs = Extract<Change, { kind: 'set-vs' }>;

const isOf = (change: Change, name: string): change is SetVs => change.kind === 'set-vs' && change.service === name;

const without = (set: ServiceSet, gone: ReadonlySet<Setting>): ServiceSet =>
  Object.fromEntries(Object.entries(set).filter(([setting]) => !gone.has(setting as Setting)));

const isEmpty = (set: ServiceSet): boolean => Object.keys(set).length === 0;

/** Connections that there are stay with their real server whatever the kernel is told; what is different is who gets the next one. */
function* consequences(before: ServiceIntent, after: ServiceIntent): Generator<string> {
  const others = new Set(differences(before, after));
  const [from, to] = [before.persistence, after.persistence];
  // ip_vs_edit_service of the kernel (ip_vs_ctl.c) waits for an RCU grace period between the two.
  if (others.has('scheduler'))
    yield 'while the kernel changes the scheduler, some milliseconds, it refuses new connections; those that there are stay';
  if (others.has('scheduler') && (isHashed(before.scheduler) || isHashed(after.scheduler) || before.scheduler === 'dh'))
    yield `the next connection of a client may go to another real server, for ${before.scheduler} and ${after.scheduler} choose otherwise`;
  if (from && !to) yield 'connections stay; the next one of a client that was kept by persistence may go to another real server';
  else if (from && to && from.prefix !== to.prefix)
    yield 'connections stay; the next one of a client may go to another real server once, for it is known by another prefix now';
  if (others.has('on_failure') && after.onFailure === 'remove')
    yield 'real servers that have failed leave the table now: what connections they still have are cut';
  if (others.has('sorry_server') && before.sorry)
    yield `${before.sorry.key} leaves the table: connections that it has as the sorry server are cut`;
  if (others.has('slow_start'))
    yield 'slow_start holds for real servers that come up from now on, those without a time of their own';
}

/** In the words of the answer: `scheduler wlc -> rr, quorum 1 -> 2`. */
function describe(before: ServiceIntent, after: ServiceIntent | undefined): string {
  const others = after ? differences(before, after) : [];
  if (!after || others.length === 0) return ' is as it was: nothing is other than before';
  return `: ${others.map((one) => `${one} ${settingText(before, one)} -> ${settingText(after, one)}`).join(', ')}`;
}

interface Wish {
  readonly set: ServiceSet;
  readonly unset: readonly Setting[];
}

function readWish(request: SetVsWords): Parsed<Wish> {
  const set = readSet(request);
  if (isRefused(set)) return set;
  const unset = readUnset(request.unset);
  if (isRefused(unset)) return unset;
  const twice = request.unset === 'all' ? undefined : unset.value.find((one) => one in set.value);
  if (twice !== undefined) return refused(`${twice} is both set and unset`);
  if (isEmpty(set.value) && unset.value.length === 0)
    return refused(`nothing to set: name one of ${SETTINGS.join(', ')}, or unset`);
  return { value: { set: set.value, unset: unset.value } };
}

/** The overrides as they are without these settings of the service. */
const trimmed = (overrides: readonly Override[], trim: NonNullable<Edit['trim']>): Override[] =>
  overrides.flatMap((one) => {
    const change = trim(one.change);
    return change === undefined ? [] : [change === one.change ? one : { ...one, change }];
  });

function trimmer(name: string, gone: ReadonlySet<Setting>): NonNullable<Edit['trim']> {
  return (change) => {
    if (!isOf(change, name) || !Object.keys(change.set).some((one) => gone.has(one as Setting))) return change;
    const set = without(change.set, gone);
    return isEmpty(set) ? undefined : { ...change, set };
  };
}

/** As it is without what is set or unset now; refused where something that was set earlier does not go with that. */
function baseOf(config: Config, overrides: readonly Override[], name: string): ServiceIntent | Refusal {
  const { intent, dropped } = buildIntent(config, overrides, 0);
  const lost = dropped[0];
  if (lost) return refuse(`#${lost.override.id} of ${lost.override.who} does not go with that: ${lost.reason}`);
  return intent.services.find((one) => one.name === name) ?? refuse(`there is no virtual server ${name} any more`);
}

export function setVs(
  { config, services, overrides }: StateContext,
  request: SetVsWords & { readonly service: string },
): Edit | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const wish = readWish(request);
  if (isRefused(wish)) return wish;
  const { set, unset } = wish.value;
  const { name } = service;
  const idle = unset.find((one) => !overrides.some(({ change }) => isOf(change, name) && one in change.set));
  if (idle !== undefined && request.unset !== 'all')
    return refuse(`${idle} of ${name} was not set at run time: it is ${settingText(service, idle)} without that`);
  const trim = trimmer(name, withCompanions(set, unset));
  const base = baseOf(config, trimmed(overrides, trim), name);
  if ('refused' in base) return base;
  const checked = changeService({ name, settings: base, servers: base.realServers, checks: [] }, set, config.defaults);
  if (isRefused(checked)) return checked;
  const { settings, warnings } = checked.value;
  // The file says so by itself.
  const isSame = differences(base, settings).length === 0;
  const after = { ...base, ...settings } as ServiceIntent;
  return {
    change: isSame ? undefined : { kind: 'set-vs', service: name, set },
    without: () => false,
    trim,
    subject: name,
    text: name,
    more: (then) =>
      describe(
        service,
        then.find((one) => one.name === name),
      ),
    notes: [...consequences(service, after), ...warnings],
  };
}
