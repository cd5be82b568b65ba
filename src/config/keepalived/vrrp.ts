/** vrrp_instance blocks and what belongs to them -> vrrp_instances, sync_groups, scripts. */
import { parsePrefix } from '../../base/ip.js';
import type { Given } from './parts.js';
import { chosenPreferences } from './rule-words.js';
import { groupsOf, isMixed, type OldGroup, refuseGroup, writeGroup } from './sync-groups.js';
import { definitionsOf } from './track-definitions.js';
import type { Delays } from './track-entries.js';
import { createSpent } from './track-spent.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry } from './vrrp-entries.js';
import { factsOf, type OldInstance, OWNER, whyNone } from './vrrp-facts.js';
import { type InstanceContext, instanceMapping, writeInstance } from './vrrp-instance.js';
import { writeScript } from './vrrp-scripts.js';
import { writeSync } from './vrrp-sync.js';
import { allOf, lastOf, textsOf, timeOf } from './vrrp-values.js';
import { refuseWhole, walk } from './walk.js';

/** Those that lbd can have; the others are told. */
function readInstances(given: Given): readonly OldInstance[] {
  const instances: OldInstance[] = [];
  const names = new Set<string>();
  for (const statement of given.blocks.get('vrrp_instance') ?? []) {
    const old = factsOf(
      statement,
      given.globals,
      instances.map((one) => one.name),
    );
    const why = whyNone(old, instances, names);
    names.add(old.oldName);
    if (why !== undefined) refuseWhole(statement, why, given);
    else instances.push(old);
  }
  return instances;
}

interface Members {
  readonly instances: readonly OldInstance[];
  readonly groups: readonly OldGroup[];
  readonly mixed: ReadonlySet<string>;
}

/** An owner among members that are none has the priority below. */
function settleOwners(given: Given): Members {
  const found = readInstances(given);
  const statements = given.blocks.get('vrrp_sync_group') ?? [];
  const mixed = groupsOf(statements, found).filter(isMixed);
  const owners = new Set(mixed.flatMap(({ members }) => members.filter((one) => one.priority === OWNER)));
  const instances = found.map((one) => (owners.has(one) ? { ...one, priority: OWNER - 1 } : one));
  return { instances, groups: groupsOf(statements, instances), mixed: new Set(mixed.map((one) => one.name)) };
}

/** Up is as down where it is not said. */
function readDelays(given: Given, instances: readonly OldInstance[]): Delays {
  const delays = new Map<string, { readonly down: number; readonly up: number }>();
  const tracked = new Set(
    [...(given.blocks.get('vrrp_instance') ?? []), ...(given.blocks.get('vrrp_sync_group') ?? [])]
      .flatMap((one) => allOf(one, 'track_interface'))
      .flatMap((one) => one.block ?? [])
      .map((one) => one.key.text),
  );
  const read = (entry: Statement): void => {
    const name = entry.key.text;
    const [down, up = down] = textsOf(entry).map(timeOf);
    if (down === undefined || up === undefined) return dropEntry(entry, 'it says no time: keepalived passes over it', given);
    delays.set(name, { down, up });
    if (instances.some((one) => one.interface === name))
      dropEntry(
        entry,
        `an instance on ${name} is in FAULT at once when that is down: it could neither advertise nor serve`,
        given,
      );
    else if (!tracked.has(name)) dropEntry(entry, 'nobody tracks it: keepalived waits for nothing there either', given);
    else given.sheet.leave(entry);
  };
  for (const statement of given.blocks.get('interface_up_down_delays') ?? []) {
    given.sheet.leave({ ...statement, block: [] });
    eachEntry(statement, 'interface_up_down_delays', given, read);
  }
  return delays;
}

/** garp_group: milliseconds between two frames. */
function readSpacing(given: Given): InstanceContext['spacing'] {
  const spacing = new Map<string, { readonly garp: number; readonly gna: number }>();
  for (const statement of given.blocks.get('garp_group') ?? []) {
    const ms = (word: string) => timeOf(textsOf(lastOf(statement, word) ?? { ...statement, args: [] })[0]);
    const [garp, gna] = [ms('garp_interval'), ms('gna_interval')];
    const names = [...allOf(statement, 'interface').flatMap(textsOf)];
    const leave = (one: Statement): void => given.sheet.leave(one);
    leave({ ...statement, block: [] });
    const handlers = {
      garp_interval: leave,
      gna_interval: leave,
      interface: leave,
      interfaces(list: Statement): void {
        leave(list);
        eachEntry(list, 'interfaces', given, (entry) => {
          names.push(entry.key.text);
        });
      },
    };
    walk('garp_group', statement.block ?? [], handlers, given);
    if (garp === undefined && gna === undefined)
      given.notes.noEffect(statement, 'it says no interval: keepalived passes over it');
    for (const name of names) spacing.set(name, { garp: garp ?? 0, gna: gna ?? garp ?? 0 });
  }
  return spacing;
}

/** Addresses of the instances that accept nothing. */
const closedBy = (instances: readonly OldInstance[]): ReadonlySet<string> =>
  new Set(
    instances
      .filter((one) => !one.accepts)
      .flatMap((one) => allOf(one.statement, 'virtual_ipaddress', 'virtual_ipaddress_excluded'))
      .flatMap((one) => (one.block ?? []).map(({ key }) => parsePrefix(key.text)?.address ?? '')),
  );

export function importVrrp(given: Given): void {
  const { instances, groups, mixed } = settleOwners(given);
  const definitions = definitionsOf(given);
  const spent = createSpent(given);
  const shared = { definitions, spent, delays: readDelays(given, instances), importing: given };
  const written = new Map(instances.map((one) => [one.name, instanceMapping()]));
  writeSync(instances, given);
  for (const statement of given.blocks.get('vrrp_sync_group') ?? []) {
    const group = groups.find((one) => one.statement === statement);
    const wasMixed = ({ name }: OldGroup): boolean => mixed.has(name);
    if (group) writeGroup(group, { ...shared, written, wasMixed, scriptUser: given.globals.scriptUser });
    else refuseGroup(statement, given);
  }
  const context: InstanceContext = {
    ...shared,
    globals: given.globals,
    holders: new Map(),
    vmacs: new Set(),
    taken: new Set(),
    closed: closedBy(instances),
    preferences: chosenPreferences(given.order.keys()),
    groupOf: (old) => groups.find(({ members }) => members.includes(old)),
    spacing: readSpacing(given),
  };
  for (const old of instances) writeInstance(old, written.get(old.name) ?? instanceMapping(), context);
  for (const script of definitions.scripts.values()) writeScript(script, given.globals.scriptUser, given);
  tellUnused(
    given,
    spent,
    [...definitions.scripts.values()].map((one) => one.statement),
  );
}

/** Definitions that nobody tracks, and second ones of a name. */
function tellUnused({ blocks }: Given, spent: ReturnType<typeof createSpent>, scripts: readonly Statement[]): void {
  const of = (...words: readonly string[]) => words.flatMap((word) => blocks.get(word) ?? []);
  spent.rest(
    of('vrrp_track_process', 'track_file', 'vrrp_track_file'),
    'no instance tracks it, and keepalived looks at it for none either; what a FILE_CHECK wants of it is told there',
  );
  spent.rest(
    of('vrrp_script').filter((one) => !scripts.includes(one)),
    'there is another vrrp_script of that name: keepalived never runs it',
  );
}
