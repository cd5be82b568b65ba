/** What a vrrp_instance block means before anything is written: defaults of keepalived, and what its words do to each other. */
import { type Family, familyOf, parseIp, parsePrefix } from '../../base/ip.js';
import { interfaceName } from '../schema-tools.js';
import type { Globals } from './globals.js';
import type { Statement } from './types.js';
import { whyUnfit } from './vrrp-entries.js';
import { hasPeers, isAlone } from './vrrp-peers.js';
import { allOf, flagOf, lastOf, newName, textsOf, timeOf, wholeOf } from './vrrp-values.js';

export type Preempt = 'always' | 'never' | { readonly delay: number };

export interface OldInstance {
  readonly statement: Statement;
  readonly oldName: string;
  readonly name: string;
  readonly interface: string | undefined;
  readonly vrid: number | undefined;
  readonly isMaster: boolean;
  readonly isBackup: boolean;
  readonly priority: number;
  readonly family: Family;
  /** That of lbd, which goes by addresses and peers alone. */
  readonly newFamily: Family;
  readonly version: 2 | 3;
  readonly strict: boolean;
  readonly hasPeers: boolean;
  readonly preempt: Preempt;
  /** What comes to its addresses reaches the host. */
  readonly accepts: boolean;
}

export const OWNER = 255;
const USUAL = 100;
const MOST_DELAY = 1_000_000;
/** Words of `follow`, which no instance may be called by. */
const RESERVED = ['auto', 'always'];

const ADDRESSED = ['mcast_src_ip', 'unicast_src_ip', 'mcast_dst_ip'];
const LISTS = ['unicast_peer', 'virtual_ipaddress'];

/** The first address of the block decides, wherever it stands. */
function familyIn({ block = [] }: Statement): Family {
  for (const one of block) {
    const word = one.key.text;
    if (word === 'native_ipv6') return 6;
    const texts = LISTS.includes(word)
      ? (one.block ?? []).map(({ key }) => key.text)
      : ADDRESSED.includes(word)
        ? textsOf(one)
        : [];
    const address = texts.map((text) => parsePrefix(text)?.address ?? parseIp(text)).find((each) => each !== undefined);
    if (address !== undefined) return familyOf(address);
  }
  return 4;
}

/** An address or a peer of IPv6 is there. */
const isNamed = (statement: Statement): boolean =>
  allOf(statement, ...LISTS)
    .flatMap((one) => one.block ?? [])
    .some(({ key }) => parsePrefix(key.text)?.address.includes(':'));

function versionOf(statement: Statement, family: Family, globals: Globals): 2 | 3 {
  if (family === 6) return 3;
  const own = wholeOf(lastOf(statement, 'version')?.args[0]?.text, 2, 3) ?? globals.version;
  return own === 3 ? 3 : 2;
}

function priorityOf(statement: Statement, isMaster: boolean): number {
  const given = lastOf(statement, 'priority');
  if (!given) return isMaster ? OWNER : USUAL;
  return wholeOf(given.args[0]?.text, 1, OWNER) ?? USUAL;
}

/** Undefined: none, or none that can be. */
function interfaceOf(statement: Statement): string | undefined {
  const name = lastOf(statement, 'interface')?.args[0]?.text;
  return name === undefined || whyUnfit(interfaceName('interface'), name) !== undefined ? undefined : name;
}

interface Standing {
  readonly isMaster: boolean;
  readonly priority: number;
  readonly strict: boolean;
}

function preemptOf(statement: Statement, { isMaster, priority, strict }: Standing): Preempt {
  const refusing = lastOf(statement, 'nopreempt', 'preempt')?.key.text === 'nopreempt';
  if (isMaster || priority === OWNER) return 'always';
  if (refusing) return 'never';
  const delay = timeOf(lastOf(statement, 'preempt_delay')?.args[0]?.text);
  return delay === undefined || delay === 0 || delay > MOST_DELAY || strict ? 'always' : { delay };
}

/** Strict mode allows it to version 3 alone; an owner does always. */
function acceptsOf(statement: Statement, { priority, strict }: Standing, version: 2 | 3): boolean {
  if (priority === OWNER) return true;
  const asked = lastOf(statement, 'accept', 'no_accept')?.key.text;
  return asked === 'accept' ? !strict || version === 3 : asked === undefined && !strict;
}

export function factsOf(statement: Statement, globals: Globals, taken: readonly string[]): OldInstance {
  const oldName = statement.args[0]?.text ?? '';
  const states = allOf(statement, 'state').map((one) => one.args[0]?.text);
  const family = familyIn(statement);
  const strictHere = lastOf(statement, 'strict_mode');
  const strict = strictHere ? (flagOf(strictHere) ?? globals.strict) : globals.strict;
  const isMaster = states.includes('MASTER') && !(strict && priorityOf(statement, true) !== OWNER);
  const standing = { isMaster, priority: priorityOf(statement, isMaster), strict };
  const version = versionOf(statement, family, globals);
  return {
    statement,
    oldName,
    name: newName(oldName, new Set([...RESERVED, ...taken])),
    interface: interfaceOf(statement),
    vrid: wholeOf(lastOf(statement, 'virtual_router_id')?.args[0]?.text, 1, 255),
    isMaster,
    isBackup: !isMaster && states.length > 0,
    priority: standing.priority,
    family,
    newFamily: family === 6 && isNamed(statement) ? 6 : 4,
    version,
    strict,
    hasPeers: hasPeers(statement, family),
    preempt: preemptOf(statement, standing),
    accepts: acceptsOf(statement, standing, version),
  };
}

/** Why keepalived, or lbd, has no such instance; undefined: it is one. `names`: of all blocks before. */
export function whyNone(old: OldInstance, before: readonly OldInstance[], names: ReadonlySet<string>): string | undefined {
  if (old.oldName === '') return 'a vrrp_instance needs a name: keepalived passes over it';
  if (names.has(old.oldName)) return `there is a vrrp_instance ${old.oldName} already: keepalived passes over it`;
  if (old.vrid === undefined) return 'a vrrp_instance needs a virtual_router_id of 1 to 255: keepalived has none without';
  if (old.interface === undefined) return 'an instance of lbd has an interface: write "interface NAME" into it';
  if (old.hasPeers && isAlone(old.statement)) return 'its only peer is this director itself: name the others';
  const twin = before.find((one) => one.interface === old.interface && one.newFamily === old.newFamily && one.vrid === old.vrid);
  if (twin)
    return `${twin.oldName} has virtual_router_id ${old.vrid} on ${old.interface} already: give it one of its own on all directors`;
  return undefined;
}
