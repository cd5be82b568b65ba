/** One vrrp_instance block -> an entry of vrrp_instances. */

import { useVmac } from '../schema-held.js';
import type { Globals } from './globals.js';
import { Mapping, type Plain } from './sheet.js';
import type { OldGroup } from './sync-groups.js';
import { type TrackPlace, trackHandlers } from './track-entries.js';
import type { Statement } from './types.js';
import { authenticationHandlers } from './vrrp-authentication.js';
import { whyUnfit } from './vrrp-entries.js';
import { type OldInstance, OWNER } from './vrrp-facts.js';
import { type AnnouncementsSheet, announcementsSheet, garpWords } from './vrrp-garps.js';
import { type Holders, heldHandler } from './vrrp-held.js';
import { instanceWords, notifyHandlers } from './vrrp-notify.js';
import { type PathPlace, routesHandler } from './vrrp-routes.js';
import { rulesHandler } from './vrrp-rules.js';
import { writeOldSync } from './vrrp-sync.js';
import { type InstancePlace, unicastHandlers } from './vrrp-unicast.js';
import { flagOf, lastOf, passOver, textsOf, timeOf, wholeOf, written } from './vrrp-values.js';
import { type Handlers, type Importing, refuseWhole, walk } from './walk.js';

/** As conf/lbd.yaml has it. */
const ORDER = [
  ...['name', 'interface', 'virtual_router_id', 'version', 'priority', 'advert_interval', 'preempt', 'accept', 'v3_checksum'],
  ...['authentication', 'announcements', 'virtual_addresses', 'excluded_addresses', 'unicast', 'use_vmac', 'virtual_routes'],
  ...['virtual_rules', 'track', 'notify'],
];

/** What all instances share. */
export interface InstanceContext
  extends Omit<TrackPlace, 'mapping' | 'owner' | 'members' | 'weightless' | 'seen'>,
    Pick<PathPlace, 'taken' | 'preferences' | 'closed'> {
  readonly globals: Globals;
  readonly holders: Holders;
  /** Interfaces with a virtual MAC, of all instances. */
  readonly vmacs: Set<string>;
  readonly groupOf: (old: OldInstance) => OldGroup | undefined;
  /** Milliseconds between two frames of garp_group, by interface. */
  readonly spacing: ReadonlyMap<string, { readonly garp: number; readonly gna: number }>;
}

type Handle = (statement: Statement) => void;

/** Of versions 2 and 3: what keepalived makes of an interval that cannot be sent, milliseconds. */
function intervalOf(ms: number, version: 2 | 3): number {
  const step = version === 2 ? 1000 : 10;
  return Math.min(version === 2 ? 255_000 : 40_950, Math.max(step, Math.round(ms / step) * step));
}

function identity({ old, mapping, importing }: InstancePlace): Handlers {
  const { sheet, notes } = importing;
  const number = (key: string, value: number, why: string): Handle => {
    return (statement) => {
      if (wholeOf(textsOf(statement)[0], 1, 255) === undefined) notes.change(statement, why);
      sheet.set(mapping, key, value, statement);
    };
  };
  return {
    interface: (statement) => sheet.set(mapping, 'interface', old.interface, statement),
    virtual_router_id: number('virtual_router_id', old.vrid ?? 0, 'it is 1 to 255'),
    priority: number('priority', old.priority, 'it is no priority: keepalived takes 100'),
    version(statement) {
      if (wholeOf(textsOf(statement)[0], 2, 3) !== old.version)
        notes.change(statement, `it is ${old.version} in keepalived, too: IPv6 has version 3 alone`);
      sheet.set(mapping, 'version', old.version, statement);
    },
    advert_int(statement) {
      const given = timeOf(textsOf(statement)[0]);
      if (given === undefined || given < 10) return passOver(statement, 'it is no interval of 0.01s or more', importing);
      const ms = intervalOf(given, old.version);
      if (ms !== given) notes.change(statement, `version ${old.version} cannot send it: it is ${written(ms)}, as in keepalived`);
      sheet.set(mapping, 'advert_interval', written(ms), statement);
    },
    state: (statement) => state(statement),
    v3_checksum_as_v2(statement) {
      const wanted = flagOf(statement) ?? false;
      if (old.version === 3 && old.family === 4) sheet.set(mapping, 'v3_checksum', wanted ? 'rfc9568' : 'pseudo', statement);
      else {
        notes.noEffect(statement, 'version 2 and IPv6 have one form of the checksum');
        sheet.leave(statement);
      }
    },
  };

  function state(statement: Statement): void {
    const hasPriority = lastOf(old.statement, 'priority') !== undefined;
    if (old.isMaster && !hasPriority)
      notes.change(statement, 'MASTER without a priority is 255 in keepalived, the owner of the addresses: it is written now');
    else if (old.isBackup && old.priority === OWNER)
      notes.change(statement, 'the owner of the addresses (255) takes over at once in lbd: 254 waits for three adverts');
    else notes.noEffect(statement, 'who is master is decided by priority alone, as in keepalived after its start');
    if (hasPriority) sheet.leave(statement);
    else sheet.set(mapping, 'priority', old.priority, statement);
  }
}

function preemption({ old, mapping, importing }: InstancePlace): Handlers {
  const { sheet, notes } = importing;
  const { preempt } = old;
  const idle = (statement: Statement, why: string): void => {
    notes.noEffect(statement, why);
    sheet.leave(statement);
  };
  const why = old.isMaster
    ? 'state MASTER cancels it in keepalived'
    : old.priority === OWNER
      ? 'the owner of the addresses (255) always takes over'
      : 'another word of the instance cancels it in keepalived';
  return {
    nopreempt(statement) {
      if (preempt === 'never') sheet.set(mapping, 'preempt', false, statement);
      else idle(statement, why);
    },
    preempt(statement) {
      if (preempt === 'always') sheet.set(mapping, 'preempt', true, statement);
      else idle(statement, 'it is the default, and another word of the instance is against it');
    },
    preempt_delay(statement) {
      const ms = timeOf(textsOf(statement)[0]);
      if (ms === undefined) passOver(statement, 'it is no time of 0 to 1000 seconds', importing);
      else if (typeof preempt === 'object') sheet.set(mapping, 'preempt', { delay: written(preempt.delay) }, statement);
      else idle(statement, ms === 0 ? 'none is the default' : old.strict ? 'strict mode cancels it in keepalived' : why);
    },
  };
}

function acceptance({ old, mapping, importing }: InstancePlace): Handlers {
  const { sheet, notes } = importing;
  const asked = lastOf(old.statement, 'accept', 'no_accept');
  const write = (statement?: Statement): void => {
    if (old.priority === OWNER) {
      if (!statement) return;
      notes.noEffect(statement, 'the owner of the addresses (255) accepts what comes to them, in keepalived, too');
      return sheet.leave(statement);
    }
    sheet.set(mapping, 'accept', old.accepts, statement);
  };
  return {
    accept: write,
    no_accept: write,
    strict_mode(statement) {
      if (flagOf(statement) === undefined) passOver(statement, 'it is yes or no', importing);
      else if (asked === undefined && old.strict) write(statement);
      else sheet.leave(statement);
    },
  };
}

const VMAC_WORDS: Readonly<Record<string, string>> = {
  netlink_notify_msg: 'lbd always looks at what is there, not at what was told',
  group: 'lbd puts its interface into no group: ip link set NAME group …',
};

/** What lbd calls the interface where nobody says it. */
const ownName = ({ vrid, family }: OldInstance): string => `${family === 4 ? 'vrrp' : 'vrrp6'}.${vrid}`;

/** keepalived's names, those of IPv6 too; a further instance of the VRID gets a number behind it. */
function freeName(wanted: string | undefined, { vrid }: OldInstance, taken: ReadonlySet<string>): string {
  const usual = `vrrp.${vrid}`;
  if (wanted !== undefined && !taken.has(wanted)) return wanted;
  let name = usual;
  for (let i = 1; taken.has(name); i++) name = `${usual}.${i}`;
  return name;
}

/** The name among the words; the others are told. */
function vmacName(statement: Statement, { notes }: Importing): string | undefined {
  const texts = [...textsOf(statement)];
  let name: string | undefined;
  while (texts.length > 0) {
    const word = texts.shift() as string;
    const text = VMAC_WORDS[word];
    if (word.includes(':'))
      notes.refuse(statement, `${word}: the MAC of lbd is that of the RFC, 00:00:5e:00:01:VRID or :02:VRID`);
    else if (text !== undefined) {
      notes.change(statement, `${word}: ${text}`);
      if (word === 'group') texts.shift();
    } else name ??= word === 'name' ? texts.shift() : word;
  }
  return name;
}

const WITH_PEERS = 'lbd has a virtual MAC with adverts to the group alone: leave out unicast_peer, or this';

function vmac({ old, mapping, importing }: InstancePlace, vmacs: Set<string>): Handle {
  const { sheet, notes } = importing;
  return (statement) => {
    if (mapping.get('use_vmac') !== undefined) return passOver(statement, 'it was said before', importing);
    if (old.hasPeers) return refuseWhole(statement, WITH_PEERS, importing);
    const wanted = vmacName(statement, importing);
    const why = wanted === undefined ? undefined : whyUnfit(useVmac, { name: wanted });
    if (why !== undefined || wanted === old.interface) return passOver(statement, why ?? 'it is the interface itself', importing);
    const name = freeName(wanted, old, vmacs);
    if (wanted !== undefined && name !== wanted) notes.change(statement, `another instance has ${wanted}: it is ${name}`);
    vmacs.add(name);
    sheet.set(mapping, 'use_vmac', name === ownName(old) ? true : { name }, statement);
  };
}

function announcing(place: InstancePlace, announced: AnnouncementsSheet): Handlers {
  return garpWords('', place.importing, (found, statement) => announced.put(found, statement));
}

/** Without an address there is none that accept: false could close, and lbd says so. */
function openEmpty(mapping: Mapping): void {
  const lists = ['virtual_addresses', 'excluded_addresses'].map((key) => mapping.get(key));
  const at = mapping.entries.findIndex((one) => one.key === 'accept');
  if (at >= 0 && lists.every((one) => one === undefined)) mapping.entries.splice(at, 1);
}

/** What keepalived does by default, or by global_defs, where lbd does something else. */
function writeDefaults(
  { old, mapping, importing }: InstancePlace,
  announced: AnnouncementsSheet,
  context: InstanceContext,
): void {
  const { sheet } = importing;
  const { globals, spacing } = context;
  const put = (key: string, value: Plain): void => {
    if (mapping.get(key) === undefined) sheet.set(mapping, key, value);
  };
  put('version', old.version);
  if (old.priority !== 100) put('priority', old.priority);
  if (!old.accepts) put('accept', false);
  if (globals.plainChecksum && old.version === 3 && old.family === 4) put('v3_checksum', 'rfc9568');
  openEmpty(mapping);
  const own = spacing.get(old.interface ?? '');
  const garps = own ? { ...globals.garps, garpInterval: own.garp, gnaInterval: own.gna } : globals.garps;
  announced.fill(old.strict ? { lowerRepeat: 0, ...garps } : garps, old.family);
}

function handlersOf(place: InstancePlace, announced: AnnouncementsSheet, context: InstanceContext): Handlers {
  const { old, mapping, importing } = place;
  const group = context.groupOf(old);
  const held = { old, mapping, holders: context.holders, importing };
  const paths = { ...context, old, mapping, importing };
  const track = {
    ...context,
    mapping,
    owner: old.statement,
    members: group?.members ?? [old],
    weightless: group !== undefined && !group.hasWeights,
    seen: new Set(group?.seen),
  };
  return {
    ...identity(place),
    ...preemption(place),
    ...acceptance(place),
    ...announcing(place, announced),
    ...unicastHandlers(place),
    ...authenticationHandlers(place),
    ...notifyHandlers({ mapping, words: instanceWords, scriptUser: context.globals.scriptUser, importing }),
    ...trackHandlers(track),
    use_vmac: vmac(place, context.vmacs),
    virtual_ipaddress: heldHandler('virtual_ipaddress', held),
    virtual_ipaddress_excluded: heldHandler('virtual_ipaddress_excluded', held),
    virtual_routes: routesHandler(paths),
    virtual_rules: rulesHandler(paths),
    lvs_sync_daemon_interface: (statement) => writeOldSync(statement, old, importing),
  };
}

/** Empty; a group may put its programs into it before. */
export const instanceMapping = (): Mapping => new Mapping(ORDER);

export function writeInstance(old: OldInstance, mapping: Mapping, context: InstanceContext): void {
  const { importing } = context;
  const { sheet } = importing;
  const list = sheet.listOf(sheet.root, 'vrrp_instances');
  sheet.add(list, mapping, old.statement);
  sheet.set(mapping, 'name', old.name);
  if (old.name !== old.oldName)
    importing.notes.change(old.statement, `a name of lbd has letters, digits, "_", "-" and ".": it is ${old.name}`);
  const announced = announcementsSheet(mapping, importing);
  const place: InstancePlace = { old, mapping, importing };
  walk('vrrp_instance', old.statement.block ?? [], handlersOf(place, announced, context), importing);
  writeDefaults(place, announced, context);
  sheet.end(mapping, old.statement.below);
}
