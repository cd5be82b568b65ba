/** What instances track: defaults, the rules of sync groups, and what can never work. */
import { didYouMean } from '../base/suggest.js';
import { type TrackedKind, trackedKey } from '../base/tracked.js';
import { slowHint, timingOf } from './build-check.js';
import type { Path } from './document.js';
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import type { ScriptShape, SyncGroupShape, TrackShape } from './schema-track.js';
import type { ScriptConfig, SyncGroupConfig, TrackedConfig, VirtualServerConfig, VrrpInstanceConfig } from './types.js';

const OWNER = 255;
const STRONGEST = 254;
/** As keepalived: once a second, and one result decides. */
const TIMING = { interval: 1000, jitter: 0, rise: 1, fall: 1 } as const;

function buildScript({ name, command, user = 'nobody', init = 'wait', ...shape }: ScriptShape): ScriptConfig {
  const interval = shape.interval ?? TIMING.interval;
  const timing = timingOf({ timeout: interval, ...given(shape) }, TIMING);
  return { name, check: { type: 'script', command, user, ...given(timing) }, init };
}

/** Without what is not said. */
const given = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

export function buildScripts(sections: readonly Located<ScriptShape>[], report: Report): ScriptConfig[] {
  const names = new Set<string>();
  return sections.map((at) => {
    const script = buildScript(at.value);
    if (names.has(script.name)) report('error', at, `there is another script named "${script.name}"`, ['name']);
    names.add(script.name);
    const hint = slowHint(script.check, 'script');
    if (hint !== undefined) report('warning', at, hint, at.value.timeout === undefined ? ['name'] : ['timeout']);
    return script;
  });
}

interface Places {
  readonly instances: readonly Located<VrrpInstanceShape>[];
  readonly groups: readonly Located<SyncGroupShape>[];
  readonly scripts: readonly Located<ScriptShape>[];
}

export function buildGroups({ groups, instances }: Places, report: Report): SyncGroupConfig[] {
  const names = new Set<string>();
  const groupOf = new Map<string, string>();
  const known = instances.map((one) => one.value.name);
  return groups.map((at) => {
    const { name, members } = at.value;
    if (names.has(name)) {
      report('error', at, `there is another sync group named "${name}"`, ['name']);
      return { name, members };
    }
    names.add(name);
    for (const [i, member] of members.entries()) {
      const before = groupOf.get(member);
      const text =
        before === name
          ? `${member} is listed twice`
          : `${member} is in the sync group ${before} already: an instance can move with one group only`;
      if (before !== undefined) report('error', at, text, ['members', i]);
      else if (!known.includes(member))
        report('error', at, `there is no VRRP instance "${member}"${didYouMean(member, known)}`, ['members', i]);
      groupOf.set(member, name);
    }
    if (members.length === 1) report('warning', at, `the sync group ${name} has one member: it does nothing`, ['members']);
    checkOwners(at, instances, report);
    return { name, members };
  });
}

const priorityOf = ({ priority = 100 }: VrrpInstanceShape): number => priority;

/** An owner takes over whenever it is there, and takes nobody along who must wait for a master to go. */
function checkOwners(at: Located<SyncGroupShape>, instances: readonly Located<VrrpInstanceShape>[], report: Report): void {
  const { name, members } = at.value;
  const own = instances.map((one) => one.value).filter((one) => members.includes(one.name));
  const owner = own.find((one) => priorityOf(one) === OWNER);
  const other = own.find((one) => priorityOf(one) !== OWNER);
  if (!owner || !other) return;
  const text = `the sync group ${name} cannot move together: ${owner.name} is the owner of its addresses (priority 255) and never waits, ${other.name} is not`;
  report('error', at, text, ['members']);
}

/** What is tracked, and where it is written. */
interface Written {
  readonly tracked: TrackedConfig;
  readonly at: Located<unknown>;
  readonly below: Path;
}

const BARE = { count: 1, upDelay: 0, downDelay: 0, init: 'wait' } as const;

function readTrack(shape: TrackShape | undefined, at: Located<unknown>, scripts: readonly ScriptConfig[]): Written[] {
  if (!shape) return [];
  const entry = (list: keyof TrackShape, i: number, tracked: TrackedConfig): Written => ({
    tracked,
    at,
    below: ['track', list, i],
  });
  const named = (kind: TrackedKind, { name, weight }: { readonly name: string; readonly weight: number }) => ({
    ...BARE,
    kind,
    name,
    weight,
  });
  const delays = (one: { readonly up_delay: number; readonly down_delay: number }) => ({
    upDelay: one.up_delay,
    downDelay: one.down_delay,
  });
  const initOf = (name: string) => scripts.find((one) => one.name === name)?.init ?? 'wait';
  return [
    ...shape.interfaces.map((one, i) => entry('interfaces', i, { ...named('interface', one), ...delays(one) })),
    ...shape.scripts.map((one, i) => entry('scripts', i, { ...named('script', one), init: initOf(one.name) })),
    ...shape.processes.map((one, i) => entry('processes', i, { ...named('process', one), ...delays(one), count: one.count })),
    ...shape.files.map(({ path, weight }, i) => entry('files', i, named('file', { name: path, weight }))),
    ...shape.virtual_servers.map((one, i) => entry('virtual_servers', i, named('virtual_server', one))),
  ];
}

interface Known {
  readonly scripts: readonly ScriptConfig[];
  readonly virtualServers: readonly VirtualServerConfig[];
}

/** Undefined: it is there. */
function missing({ kind, name }: TrackedConfig, { scripts, virtualServers }: Known): string | undefined {
  const all = kind === 'script' ? scripts : kind === 'virtual_server' ? virtualServers : undefined;
  if (!all || all.some((one) => one.name === name)) return undefined;
  const hint = didYouMean(
    name,
    all.map((one) => one.name),
  );
  return kind === 'script' ? `there is no script "${name}" below scripts:${hint}` : `there is no virtual server "${name}"${hint}`;
}

/** What the entry can never do for this instance. */
function* faults(instance: VrrpInstanceConfig, tracked: TrackedConfig): Generator<string> {
  const { kind, name, weight } = tracked;
  const what = trackedKey(tracked);
  const { priority } = instance;
  if (weight === 0) return;
  if (priority === OWNER)
    yield `${what}: a weight does not go with priority 255: the owner of the addresses has no other priority (RFC 9568); without a weight it is FAULT`;
  else if (!instance.preempt)
    yield `${what}: a weight does not go with preempt: false: the other director, told the same, never takes over from a live master, whatever its priority; without a weight it is FAULT, and the other one takes over`;
  else if (kind === 'interface' && name === instance.interface)
    yield `${what} is the instance's own: down, it is FAULT, and a weight never counts`;
  else if (kind !== 'file' && weight < 0 && priority === 1) yield `${what}: the priority is 1 and cannot be lowered`;
  else if (kind !== 'file' && weight > 0 && priority === STRONGEST)
    yield `${what}: the priority is 254 and cannot be raised (255 is an owner's)`;
}

function warning({ interface: own }: VrrpInstanceConfig, { kind, name, weight }: TrackedConfig): string | undefined {
  return kind === 'interface' && name === own && weight === 0
    ? `interface ${name} is the instance's own: it is FAULT without it anyway`
    : undefined;
}

/** Of an instance and its group; told at the instance where that has it too. */
function checked(instance: VrrpInstanceConfig, all: readonly Written[], known: Known, report: Report): TrackedConfig[] {
  const seen = new Map<string, TrackedConfig>();
  for (const { tracked, at, below } of all) {
    const key = trackedKey(tracked);
    const before = seen.get(key);
    if (before) report('error', at, `${key} is tracked by ${instance.name} already`, below);
    seen.set(key, tracked);
    const absent = missing(tracked, known);
    if (absent !== undefined) report('error', at, absent, [...below, 'name']);
    for (const text of faults(instance, tracked)) report('error', at, text, [...below, 'weight']);
    const note = warning(instance, tracked);
    if (note !== undefined) report('warning', at, note, below);
  }
  return [...seen.values()];
}

function warnUnused({ scripts }: Places, instances: readonly VrrpInstanceConfig[], report: Report): void {
  const used = new Set(instances.flatMap((one) => one.track ?? []).map(trackedKey));
  for (const at of scripts) {
    const { name } = at.value;
    if (!used.has(trackedKey({ kind: 'script', name })))
      report('warning', at, `no VRRP instance tracks the script ${name}: it is not run`, ['name']);
  }
}

/**
 * The instances with what they track. A group moves as one, so a weight that one of its members has counts for all: else the others would
 * hold it where it is.
 */
export function buildTracks(
  places: Places,
  instances: readonly VrrpInstanceConfig[],
  known: Known,
  report: Report,
): VrrpInstanceConfig[] {
  const own = places.instances.map((at) => readTrack(at.value.track, at, known.scripts));
  const tracks = instances.map((instance, i) => {
    const group = places.groups.find((one) => one.value.members.includes(instance.name));
    const all = [
      ...(own[i] ?? []),
      ...readTrack(group?.value.track, group ?? (places.instances[i] as Located<unknown>), known.scripts),
    ];
    return checked(instance, all, known, report);
  });
  const result = instances.map((instance, i) => {
    const group = places.groups.find((one) => one.value.members.includes(instance.name));
    const keys = new Set(tracks[i]?.map(trackedKey));
    const mates = instances.flatMap((mate, k) => (group?.value.members.includes(mate.name) ? (tracks[k] ?? []) : []));
    const shared = mates.filter((one) => one.weight !== 0 && !keys.has(trackedKey(one)));
    for (const one of shared) {
      // Without its own interface it is FAULT, and so is its group.
      if (one.kind === 'interface' && one.name === instance.interface) continue;
      for (const text of faults(instance, one))
        report('error', places.instances[i] as Located<unknown>, `${text}; the sync group ${group?.value.name} tracks it`);
    }
    const track = [...(tracks[i] ?? []), ...new Map(shared.map((one) => [trackedKey(one), one])).values()];
    return track.length === 0 ? instance : { ...instance, track };
  });
  warnUnused(places, result, report);
  return result;
}
