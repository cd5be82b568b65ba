/** track_interface, track_script, track_process and track_file of an instance or a group -> `track`. */
import type { TrackedKind } from '../../base/tracked.js';
import { trackedKey } from '../../base/tracked.js';
import { Mapping, type Plain } from './sheet.js';
import type { Definitions, OldScript, Weight } from './track-definitions.js';
import type { Spent } from './track-spent.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, idleEntry, listFrom, tellWord } from './vrrp-entries.js';
import { type OldInstance, OWNER } from './vrrp-facts.js';
import { lastOf, wholeOf, written } from './vrrp-values.js';
import type { Handlers, Importing } from './walk.js';

/** interface_up_down_delays, milliseconds. */
export type Delays = ReadonlyMap<string, { readonly down: number; readonly up: number }>;

export interface TrackPlace {
  /** What has the `track`. */
  readonly mapping: Mapping;
  /** The block of the old file. */
  readonly owner: Statement;
  /** Who moves with what is tracked here. */
  readonly members: readonly OldInstance[];
  /** keepalived ignores weights of a member of a group that does not say sync_group_tracking_weight. */
  readonly weightless: boolean;
  /** What is tracked here, and by the group of it. */
  readonly seen: Set<string>;
  readonly definitions: Definitions;
  readonly delays: Delays;
  readonly spent: Spent;
  readonly importing: Importing;
}

type Kind = 'interface' | 'script' | 'process' | 'file';
const LISTS: Readonly<Record<Kind, string>> = { interface: 'interfaces', script: 'scripts', process: 'processes', file: 'files' };
const ORDER = ['interfaces', 'scripts', 'processes', 'files', 'virtual_servers'];
/** Of its entries: `track_file` names the block that defines one. */
const blockOf = (kind: Kind): string => (kind === 'file' ? 'track_file entries' : `track_${kind}`);

const MOST: Readonly<Record<Kind, number>> = { interface: 253, script: 253, process: 254, file: 254 };
const STRONGEST = 253;
const NO_PREEMPT =
  'lbd has no weight beside nopreempt: where the other director has nopreempt, too, a weight moves nobody; without a weight it is FAULT here, and the other one takes over in either case';

/** What the entry says in place of its definition; undefined: it was told why nothing. */
function weightIn(entry: Statement, kind: Kind, usual: Weight, importing: Importing): Weight | undefined {
  const [word, number, ...rest] = entry.args.map((one) => one.text);
  if (word === undefined) return usual;
  const weight = wholeOf(number, -MOST[kind], MOST[kind]);
  if (word !== 'weight' || weight === undefined) {
    dropEntry(entry, `"${[word, number ?? ''].join(' ').trim()}" is no weight: keepalived passes over it`, importing);
    return undefined;
  }
  for (const one of rest) if (one !== 'reverse') tellWord(entry, blockOf(kind), one, importing);
  return { weight, reverse: rest.includes('reverse') || (usual.reverse && !rest.some((one) => one.startsWith('no'))) };
}

type Fault = readonly [how: typeof dropEntry, why: string];

/** Why nobody's priority changes by it, or why lbd cannot have it. */
function faultOf(kind: Kind, name: string, { weight, reverse }: Weight, place: TrackPlace): Fault | undefined {
  const { members, weightless } = place;
  if (reverse && (kind !== 'file' || weight === 0))
    return [dropEntry, 'reverse: nothing that lbd tracks counts the other way round: let a script ask the contrary'];
  if (weight === 0) return undefined;
  if (kind === 'interface' && members.some((one) => one.interface === name))
    return [dropEntry, 'a member of the group is in FAULT without it, and takes the group along: a weight never counts'];
  if (members.some((one) => one.priority === OWNER))
    return [idleEntry, 'keepalived ignores it, too: the owner of the addresses has no other priority'];
  if (weightless) return [idleEntry, 'keepalived ignores it, too: weights are those of the sync group'];
  if (members.some((one) => one.preempt === 'never')) return [dropEntry, NO_PREEMPT];
  const bound = weight < 0 ? 1 : 254;
  if (kind !== 'file' && members.every((one) => one.priority === bound))
    return [idleEntry, `the priority is ${bound}, and none is ${weight < 0 ? 'lower' : 'higher'}`];
  if (kind !== 'file' && members.some((one) => one.priority === bound))
    return [dropEntry, `a member of the group has priority ${bound}, which goes no further: give it another one`];
  return undefined;
}

/** What is written of it, without its weight; a text: it cannot be, or is nothing. */
type Found = {
  readonly usual: Weight;
  /** The block that defines it. */
  readonly definition?: Statement;
  readonly entry: { readonly [key: string]: Plain | undefined };
  /** `counts`: so does the weight that stands there. */
  readonly spend?: (counts: boolean) => void;
};

const FAULT: Weight = { weight: 0, reverse: false };

function findInterface(name: string, { members, delays }: TrackPlace): Found | Fault {
  if (members.every((one) => one.interface === name))
    return [idleEntry, 'it is the interface of the instance, and keepalived ignores it, too: without it is FAULT'];
  const { down = 0, up = 0 } = delays.get(name) ?? {};
  const shown = (ms: number) => (ms === 0 ? undefined : written(ms));
  return { usual: FAULT, entry: { name, down_delay: shown(down), up_delay: shown(up) } };
}

/** What is said beside the weight of a script belongs to where it counts. */
function spendWeight({ statement }: OldScript, { sheet }: Importing): void {
  const weight = lastOf(statement, 'weight');
  if (weight) sheet.leave(weight);
}

function findScript(name: string, { definitions, importing }: TrackPlace): Found | Fault {
  const found = definitions.scripts.get(name);
  if (!found) return [dropEntry, `there is no vrrp_script ${name}: keepalived passes over it`];
  if ('refused' in found.program) return [dropEntry, `vrrp_script ${name}: ${found.program.refused}`];
  return {
    usual: found,
    definition: found.statement,
    entry: { name: found.name },
    spend: (counts) => counts && spendWeight(found, importing),
  };
}

function findProcess(name: string, { definitions, spent }: TrackPlace): Found | Fault {
  const found = definitions.processes.get(name);
  if (!found) return [dropEntry, `there is no vrrp_track_process ${name}: keepalived passes over it`];
  if (found.process === '') return [dropEntry, `vrrp_track_process ${name} says no process: keepalived passes over it`];
  if (found.isForbidden)
    return [dropEntry, 'quorum_max 0: lbd counts processes that run: let a script ask for those that must not'];
  const { process, count, upDelay, downDelay } = found;
  const shown = (ms: number) => (ms === 0 ? undefined : written(Math.ceil(ms)));
  const entry = { name: process, count: count === 1 ? undefined : count, up_delay: shown(upDelay), down_delay: shown(downDelay) };
  return { usual: found, definition: found.statement, entry, spend: (counts) => spent.process(found, counts) };
}

function findFile(name: string, { definitions, spent }: TrackPlace): Found | Fault {
  const found = definitions.files.get(name);
  if (!found) return [dropEntry, `there is no track_file ${name}: keepalived passes over it`];
  if (!found.path.startsWith('/')) return [dropEntry, `track_file ${name} has no absolute path: write one`];
  const { statement: definition } = found;
  return { usual: found, definition, entry: { path: found.path }, spend: (counts) => spent.file(definition, counts) };
}

const BELOW =
  'keepalived passes over it, for what it names is defined further down (2.2.7 says "not found, ignoring"): here it is tracked';

/** keepalived looks for it while it reads, and finds what it has read. */
function tellOrder(entry: Statement, definition: Statement | undefined, { definitions, owner, importing }: TrackPlace): void {
  const { order } = definitions;
  if (definition && (order.get(definition) ?? 0) > (order.get(owner) ?? 0)) importing.notes.change(entry, BELOW);
}

const FIND = { interface: findInterface, script: findScript, process: findProcess, file: findFile } as const;
const isFault = (found: Found | Fault): found is Fault => Array.isArray(found);

/** lbd's own word for a weight: none for what is usual. */
function weightWritten(kind: Kind, { weight, reverse }: Weight): number | undefined {
  const signed = reverse ? -weight : weight;
  if (kind === 'file') return signed === 1 ? undefined : signed;
  const bounded = Math.max(-STRONGEST, Math.min(STRONGEST, signed));
  return bounded === 0 ? undefined : bounded;
}

function entryOf(kind: Kind, entry: Statement, place: TrackPlace): Plain | undefined {
  const { importing, seen } = place;
  const found = FIND[kind](entry.key.text, place);
  const usual = isFault(found) ? FAULT : found.usual;
  const weight = weightIn(entry, kind, usual, importing);
  if (!weight) return undefined;
  const fault = isFault(found) ? found : faultOf(kind, entry.key.text, weight, place);
  if (fault) return void fault[0](entry, fault[1], importing);
  const made = (found as Found).entry;
  const key = trackedKey({ kind: kind as TrackedKind, name: String(made.name ?? made.path) });
  if (seen.has(key)) return void idleEntry(entry, `${key} is tracked already`, importing);
  seen.add(key);
  tellOrder(entry, (found as Found).definition, place);
  (found as Found).spend?.(entry.args.length === 0);
  if (Math.abs(weight.weight) > STRONGEST && kind === 'process')
    importing.notes.change(entry, `lbd has weights up to ${STRONGEST}: it is that`);
  return { ...made, weight: weightWritten(kind, weight) };
}

/** Blocks of one kind; further ones add to it. */
export function trackHandlers(place: TrackPlace): Handlers {
  const { mapping, importing } = place;
  const { sheet } = importing;
  const handler = (kind: Kind) => (statement: Statement) => {
    const there = mapping.get('track');
    const track = there instanceof Mapping ? there : new Mapping(ORDER);
    sheet.set(mapping, 'track', track);
    const list = listFrom(track, LISTS[kind], statement, importing);
    eachEntry(statement, blockOf(kind), importing, (entry) => {
      const made = entryOf(kind, entry, place);
      if (made !== undefined) sheet.add(list, made, entry);
    });
    endList(track, LISTS[kind], statement, importing);
    if (track.entries.length === 0)
      mapping.entries.splice(
        mapping.entries.findIndex((one) => one.key === 'track'),
        1,
      );
  };
  return {
    track_interface: handler('interface'),
    track_script: handler('script'),
    track_process: handler('process'),
    track_file: handler('file'),
  };
}
