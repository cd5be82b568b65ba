/** One virtual server of the new file. */
import { formatDuration } from '../../base/duration.js';
import { addressBits, familyOf } from '../../base/ip.js';
import { isHashed, MAX_SECONDS, MAX_THRESHOLD, MAX_WEIGHT } from '../../base/words.js';
import { areShared, commonTimes, writeChecks } from './checks-write.js';
import { addressWord } from './groups.js';
import type { ServerDraft } from './servers.js';
import { tunnelWord } from './services-forward.js';
import type { Output } from './services-outputs.js';
import { type Dropped, keysOf, type Placed, placeServers, placeWord, unfit } from './services-place.js';
import { PERSISTENCE_S, type ServiceDraft } from './services-read.js';
import { leaveLines, leaveRest, lose, type Paper, type Said } from './services-words.js';
import { Listing, Mapping, type Plain, type Sheet } from './sheet.js';
import type { Statement } from './types.js';
import { type Importing, leftOut } from './walk.js';

const ORDER = [
  ...[
    'name',
    'address',
    'fwmark',
    'family',
    'protocol',
    'scheduler',
    'scheduler_flags',
    'one_packet',
    'forward',
    'tun',
    'persistence',
  ],
  ...['quorum', 'hysteresis', 'sorry_server', 'on_failure', 'check', 'checks', 'real_servers'],
];
const SERVER_ORDER = ['address', 'weight', 'forward', 'tun', 'upper', 'lower', 'checks'];

interface Writing {
  readonly draft: ServiceDraft;
  readonly output: Output;
  readonly protocol: string;
  readonly placed: readonly Placed[];
  readonly mapping: Mapping;
  /** The whole file's. */
  readonly sheet: Paper;
}

function set({ mapping, sheet }: Writing, key: string, value: Plain | undefined, from?: Statement): void {
  sheet.set(mapping, key, value, from);
}

function writeIdentity(writing: Writing): void {
  const { output, draft, protocol, sheet } = writing;
  const { words, servers } = draft;
  set(writing, 'name', output.name, words.name?.from);
  if (output.mark !== undefined) {
    set(writing, 'fwmark', output.mark, output.from === draft.statement ? undefined : output.from);
    const isPlain = servers.every(({ place }) => familyOf(place.address) === 4);
    if (output.family === 6 || !isPlain) set(writing, 'family', `ipv${output.family}`, words.family?.from);
    return;
  }
  const [first, ...more] = output.addresses;
  if (first && more.length === 0)
    set(writing, 'address', addressWord(first), first.from === draft.statement ? undefined : first.from);
  else {
    const list = new Listing();
    for (const one of output.addresses) sheet.add(list, addressWord(one), one.from);
    set(writing, 'address', list);
  }
  set(writing, 'protocol', protocol, words.protocol?.from);
}

/** What a scheduler of hashes has in lbd in any case; bits have their meaning from it. */
function writeScheduler(writing: Writing): void {
  const { draft } = writing;
  const { words, flags, reading } = draft;
  const scheduler = words.scheduler?.value ?? 'wlc';
  set(writing, 'scheduler', words.scheduler?.value, words.scheduler?.from);
  const found = new Set<string>();
  for (const { flag, from } of flags) {
    const name = flag.includes('-') ? flag : `${scheduler}-${flag}`;
    if (isHashed(scheduler) && name.startsWith(`${scheduler}-`)) found.add(name);
    else reading.notes.noEffect(from, `the scheduler ${scheduler} does not look at it`);
  }
  if (!isHashed(scheduler)) return;
  const fallback = `${scheduler}-fallback`;
  if (words.scheduler && !quiesces(writing).every(Boolean))
    reading.notes.change(
      words.scheduler.from,
      `a failed real server keeps its place in the table with weight 0, and its clients go to others meanwhile (${fallback}); keepalived takes it out, and all clients may move`,
    );
  else if (words.scheduler && !found.has(fallback))
    reading.notes.change(
      words.scheduler.from,
      `clients of a failed real server go to others meanwhile (${fallback}); keepalived refuses them`,
    );
  set(writing, 'scheduler_flags', [...found].filter((one) => one !== fallback).concat(fallback), flags[0]?.from);
}

function writeForward(writing: Writing): void {
  const { draft, output } = writing;
  const { forward, onePacket } = draft.words;
  set(writing, 'forward', forward?.value.method, forward?.from);
  if (forward?.value.method === 'tun') set(writing, 'tun', tunnelWord(forward.value.tunnel));
  if (!onePacket) return;
  if (output.mark !== undefined || writing.protocol === 'udp') set(writing, 'one_packet', true, onePacket.from);
  else draft.reading.notes.noEffect(onePacket.from, `keepalived passes over it: it is of UDP, not of ${writing.protocol}`);
}

function prefixOf({ value, from }: Said<string>, output: Output, importing: Importing): number | undefined {
  const bits = addressBits(output.family);
  if (output.family === 6) {
    const length = /^\d{1,3}$/.test(value) ? Number(value) : 0;
    if (length >= 1 && length <= bits) return length;
  } else {
    const mask = value.split('.').map(Number);
    const binary = mask.map((one) => one.toString(2).padStart(8, '0')).join('');
    if (mask.length === 4 && /^1{1,32}0*$/.test(binary) && binary.length === bits)
      return binary.indexOf('0') < 0 ? bits : binary.indexOf('0');
  }
  lose(
    from,
    `"${value}" is no netmask without gaps (255.255.255.0), nor the length of an IPv6 prefix: clients are told apart by their whole address`,
    importing,
  );
  return undefined;
}

/** Whether clients keep their server; keepalived has services of every port so in any case. */
export const isPersistent = ({ words }: ServiceDraft, { addresses }: Output): boolean =>
  words.timeout !== undefined || words.granularity !== undefined || addresses.some(({ port }) => port === 0);

function engineOf({ engine }: ServiceDraft['words'], writing: Writing): string | undefined {
  if (!engine) return undefined;
  const { output, protocol, draft } = writing;
  if (engine.value !== 'sip') lose(engine.from, 'the kernel has the engine sip alone', draft.reading);
  else if (output.mark === undefined && protocol !== 'udp')
    draft.reading.notes.noEffect(engine.from, `sip reads UDP: the kernel would never find a Call-ID in ${protocol}`);
  else return 'sip';
  return undefined;
}

function writePersistence(writing: Writing): void {
  const { draft, output, sheet } = writing;
  const { timeout, granularity, engine } = draft.words;
  if (!isPersistent(draft, output)) {
    if (engine) draft.reading.notes.noEffect(engine.from, 'without persistence keepalived passes over it');
    return;
  }
  if (!timeout && !granularity)
    draft.reading.notes.change(
      draft.statement,
      'a virtual server of every port is persistent: keepalived makes it so without being told',
    );
  const seconds = Math.min(timeout?.value ?? PERSISTENCE_S, MAX_SECONDS);
  if (timeout && seconds < timeout.value)
    draft.reading.notes.change(timeout.from, `${seconds} seconds are the longest that the kernel counts right`);
  const time = formatDuration(seconds * 1000);
  const prefix = granularity && prefixOf(granularity, output, draft.reading);
  const name = engineOf(draft.words, writing);
  for (const one of [granularity, engine]) if (one && timeout) sheet.leave(one.from);
  const from = timeout?.from ?? granularity?.from;
  const isWhole = prefix === undefined || prefix === addressBits(output.family);
  set(
    writing,
    'persistence',
    isWhole && name === undefined
      ? time
      : { timeout: time, ...(isWhole ? {} : { prefix }), ...(name === undefined ? {} : { engine: name }) },
    from,
  );
}

function writeQuorum(writing: Writing): void {
  const { draft, placed } = writing;
  const { notes } = draft.reading;
  const { quorum, hysteresis } = draft.words;
  const all = placed.reduce((sum, { server }) => sum + Math.min(server.weight, MAX_WEIGHT), 0);
  const least = Math.max(1, Math.min(quorum?.value ?? 1, all));
  if (quorum && least < quorum.value)
    notes.change(quorum.from, `all real servers together have a weight of ${all}: keepalived lowers the quorum to that`);
  set(writing, 'quorum', quorum && least, quorum?.from);
  if (!hysteresis) return;
  const room = Math.min(hysteresis.value, least - 1);
  if (room < hysteresis.value) notes.change(hysteresis.from, `it is below the quorum: keepalived lowers it to ${room}`);
  if (room > 0) set(writing, 'hysteresis', room, hysteresis.from);
}

const SORRY_TWIN =
  'it is a real server of the service, too, and the sorry server of lbd must be another one: min_healthy: 1 with below: keep_last keeps the last real server in';

function writeSorry(writing: Writing): void {
  const { draft, output, placed, sheet } = writing;
  const { sorry, sorryForward, forward } = draft.words;
  if (!sorry) return;
  const method = sorryForward?.value.method ?? draft.forward;
  const where = { ...output, isPersistent: isPersistent(draft, output) };
  const [outcome, why] = unfit(sorry.value.address, method, output.family) ?? [];
  if (outcome === 'refuse') return lose(sorry.from, why as string, draft.reading);
  if (outcome) {
    draft.reading.notes.noEffect(sorry.from, why as string);
    return;
  }
  const keys = placed.flatMap(({ server }) => keysOf(server.place, server.forward, where));
  if (keysOf(sorry.value, method, where).some((key) => keys.includes(key))) return lose(sorry.from, SORRY_TWIN, draft.reading);
  const address = placeWord(sorry.value, method, where);
  const tun = sorryForward && method === 'tun' ? tunnelWord(sorryForward.value.tunnel, forward?.value.tunnel) : undefined;
  if (sorryForward) sheet.leave(sorryForward.from);
  const more = sorryForward && method !== draft.forward ? { forward: method } : {};
  set(writing, 'sorry_server', { address, ...more, ...(tun === undefined ? {} : { tun }) }, sorry.from);
}

const QUIESCE_TEXT = 'on_failure is of the whole virtual server, and its real servers do not agree';

/** Of each real server, what keepalived does when it fails. */
const quiesces = ({ draft, placed }: Writing): boolean[] =>
  placed.map(({ server }) => server.words.quiesce?.value ?? draft.words.quiesce?.value ?? false);

function writeOnFailure(writing: Writing): void {
  const { draft, placed } = writing;
  const { quiesce, scheduler } = draft.words;
  // It is so in any case, which was told.
  if (isHashed(scheduler?.value ?? '')) return;
  const all = quiesce?.value ?? quiesces(writing).every(Boolean);
  for (const { server } of placed) {
    const own = server.words.quiesce;
    if (own && own.value !== all)
      lose(own.from, `${QUIESCE_TEXT}: it is ${all ? 'quiesce' : 'remove'} for all of them`, server.reading);
  }
  if (all) set(writing, 'on_failure', 'quiesce', quiesce?.from ?? placed[0]?.server.words.quiesce?.from);
}

function writeThresholds(mapping: Mapping, { server }: Placed, sheet: Sheet): void {
  const { upper, lower } = server.words;
  const { notes } = server.reading;
  const most = (one: Said<number>): number => {
    if (one.value > MAX_THRESHOLD) notes.change(one.from, `${MAX_THRESHOLD} is the most that the kernel counts to`);
    return Math.min(one.value, MAX_THRESHOLD);
  };
  if (upper && upper.value > 0) sheet.set(mapping, 'upper', most(upper), upper.from);
  if (!lower || lower.value === 0) return;
  if (most(lower) <= (upper ? most(upper) : 0)) sheet.set(mapping, 'lower', most(lower), lower.from);
  else lose(lower.from, 'it is above the uthreshold, and the kernel takes no such real server', server.reading);
}

function fillServer(mapping: Mapping, one: Placed, { draft, sheet }: Writing): void {
  const { server } = one;
  const { words, reading, weight, forward } = server;
  sheet.set(mapping, 'address', one.address);
  const said = words.weight ?? draft.words.weight;
  const kept = Math.min(weight, MAX_WEIGHT);
  if (kept < weight && said) reading.notes.change(said.from, `${MAX_WEIGHT} is the greatest weight of lbd`);
  if (said) sheet.set(mapping, 'weight', kept, words.weight?.from);
  if (forward !== draft.forward) sheet.set(mapping, 'forward', forward, words.forward?.from);
  if (words.forward && forward === 'tun') {
    const above = draft.forward === 'tun' ? draft.words.forward?.value.tunnel : undefined;
    sheet.set(mapping, 'tun', tunnelWord(words.forward.value.tunnel, above));
  }
  writeThresholds(mapping, one, sheet);
}

interface Checking {
  readonly common: ReturnType<typeof commonTimes>;
  /** The first real server's checks stand at the service, for all. */
  readonly isShared: boolean;
}

function writeServer(list: Listing, one: Placed, writing: Writing, { common, isShared }: Checking): void {
  const { sheet, placed } = writing;
  const { statement, reading } = one.server;
  const mapping = new Mapping(SERVER_ORDER);
  fillServer(mapping, one, writing);
  if (!isShared && one.checks.length > 0) {
    const checks = new Listing();
    writeChecks(checks, one.checks, common, sheet);
    sheet.set(mapping, 'checks', checks);
  }
  const isWritten = !isShared || one === placed[0];
  reading.release();
  leaveRest(statement, new Set(isWritten ? one.checks.flatMap(({ draft }) => draft.heads) : []), sheet);
  sheet.add(list, mapping, statement);
  sheet.closeBlock(mapping, statement);
}

/** Where the virtual server itself says a time, its line's comment stands there. */
function writeTimes(writing: Writing, common: Checking['common']): void {
  const { delayLoop, delayBeforeRetry, connectTimeout, retry } = writing.draft.timing;
  const lines = { interval: delayLoop, interval_changing: delayBeforeRetry, timeout: connectTimeout, fall: retry };
  const mapping = new Mapping();
  for (const [key, time] of Object.entries(common)) writing.sheet.set(mapping, key, time, lines[key as keyof typeof lines]?.from);
  if (mapping.entries.length > 0) set(writing, 'check', mapping);
}

export interface Written {
  readonly draft: ServiceDraft;
  readonly output: Output;
  readonly protocol: string;
}

function leaveDropped(dropped: readonly Dropped[], sheet: Sheet): void {
  for (const { server, outcome, why } of dropped) {
    server.reading.release();
    sheet.leave(server.statement, outcome === 'refuse' ? leftOut(server.statement, why) : undefined);
  }
}

/** Adds it to the list; its real servers, and nothing is added where there is none. */
export function writeService(list: Listing, { draft, output, protocol }: Written, sheet: Paper): readonly ServerDraft[] {
  const where = { ...output, isPersistent: isPersistent(draft, output) };
  const { placed, dropped } = placeServers(draft.servers, where, draft.reading.notes);
  if (placed.length === 0) return [];
  const mapping = new Mapping(ORDER, true);
  const writing: Writing = { draft, output, protocol, placed, mapping, sheet };
  sheet.add(list, mapping, draft.statement);
  for (const write of [writeIdentity, writeScheduler, writeForward, writePersistence, writeQuorum, writeSorry, writeOnFailure])
    write(writing);
  const common = commonTimes(placed);
  const isShared = areShared(placed, common);
  writeTimes(writing, common);
  if (isShared) {
    const checks = new Listing();
    writeChecks(checks, placed[0]?.checks ?? [], common, sheet);
    set(writing, 'checks', checks);
  }
  const servers = new Listing();
  for (const one of placed) writeServer(servers, one, writing, { common, isShared });
  leaveDropped(dropped, sheet);
  draft.reading.release();
  leaveLines(draft.statement, sheet);
  set(writing, 'real_servers', servers);
  sheet.closeBlock(mapping, draft.statement);
  return placed.map(({ server }) => server);
}
