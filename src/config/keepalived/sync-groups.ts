/** vrrp_sync_group -> sync_groups, and its programs to the first member. */
import { Mapping } from './sheet.js';
import { type TrackPlace, trackHandlers } from './track-entries.js';
import type { Statement } from './types.js';
import { dropEntry, eachEntry, endList, idleEntry, listFrom } from './vrrp-entries.js';
import { type OldInstance, OWNER } from './vrrp-facts.js';
import { groupWords, notifyHandlers } from './vrrp-notify.js';
import { allOf, newName } from './vrrp-values.js';
import { type Importing, refuseWhole, walk } from './walk.js';

export interface OldGroup {
  readonly statement: Statement;
  readonly name: string;
  readonly oldName: string;
  readonly members: readonly OldInstance[];
  /** sync_group_tracking_weight: weights of members count. */
  readonly hasWeights: boolean;
  /** What it tracks: members do not again. */
  readonly seen: Set<string>;
}

const namesIn = (statement: Statement): readonly string[] =>
  (allOf(statement, 'group')[0]?.block ?? []).map((one) => one.key.text);

/** Groups with a name and members, each instance in the first that names it. */
export function groupsOf(statements: readonly Statement[], instances: readonly OldInstance[]): readonly OldGroup[] {
  const groups: OldGroup[] = [];
  for (const statement of statements) {
    const oldName = statement.args[0]?.text ?? '';
    const taken = new Set(groups.flatMap(({ members }) => members));
    const wanted = new Set(namesIn(statement));
    const members = [...wanted]
      .map((name) => instances.find((one) => one.oldName === name))
      .filter((one): one is OldInstance => one !== undefined && !taken.has(one));
    if (oldName === '' || members.length === 0 || groups.some((one) => one.oldName === oldName)) continue;
    const name = newName(oldName, new Set(groups.map((one) => one.name)));
    const hasWeights = allOf(statement, 'sync_group_tracking_weight', 'global_tracking').length > 0;
    groups.push({ statement, name, oldName, members, hasWeights, seen: new Set() });
  }
  return groups;
}

/** An owner never waits for others: in a group with such as do, it is none. */
export const isMixed = ({ members }: OldGroup): boolean =>
  members.some((one) => one.priority === OWNER) && members.some((one) => one.priority !== OWNER);

export interface GroupContext extends Omit<TrackPlace, 'mapping' | 'owner' | 'members' | 'weightless' | 'seen'> {
  readonly scriptUser: string | undefined;
  /** What was written of an instance. */
  readonly written: ReadonlyMap<string, Mapping>;
  readonly wasMixed: (group: OldGroup) => boolean;
}

const NO_MEMBER = 'there is no such vrrp_instance, or another group has it: keepalived passes over it';

/** `group`: the names of those that are members. */
function membersHandler(group: OldGroup, mapping: Mapping, importing: Importing): (statement: Statement) => void {
  const { sheet } = importing;
  const seen = new Set<string>();
  return (statement) => {
    const list = listFrom(mapping, 'members', statement, importing);
    eachEntry(statement, 'group', importing, (entry) => {
      const member = group.members.find((one) => one.oldName === entry.key.text);
      if (!member) return dropEntry(entry, NO_MEMBER, importing);
      if (seen.has(member.name)) return idleEntry(entry, 'it is there twice', importing);
      seen.add(member.name);
      sheet.add(list, member.name, entry);
    });
    endList(mapping, 'members', statement, importing);
  };
}

export function writeGroup(group: OldGroup, context: GroupContext): void {
  const { importing, written, scriptUser } = context;
  const { sheet, notes } = importing;
  const { statement, members } = group;
  const mapping = new Mapping(['name', 'members', 'track']);
  const [first] = members;
  sheet.add(sheet.listOf(sheet.root, 'sync_groups'), mapping, statement);
  sheet.set(mapping, 'name', group.name);
  if (context.wasMixed(group))
    notes.change(
      statement,
      'its members cannot all be owners (255) of their addresses: in keepalived all begin as backups, here such a one has priority 254',
    );
  const track = trackHandlers({ ...context, mapping, owner: statement, members, weightless: false, seen: group.seen });
  const notify = notifyHandlers({
    mapping: written.get(first?.name ?? '') ?? new Mapping(),
    words: groupWords(group.name),
    scriptUser,
    importing,
  });
  walk(
    'vrrp_sync_group',
    statement.block ?? [],
    { ...track, ...notify, group: membersHandler(group, mapping, importing) },
    importing,
  );
  sheet.end(mapping, statement.below);
}

export const refuseGroup = (statement: Statement, importing: Importing): void =>
  refuseWhole(statement, 'it has no name of its own, or no member that is there: keepalived passes over it', importing);
