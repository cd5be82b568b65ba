/** lvs_sync_daemon, and the older lvs_sync_daemon_interface of an instance -> connection_sync. */
import { parseIp } from '../../base/ip.js';
import { connectionSync } from '../schema.js';
import type { Given } from './parts.js';
import { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import { whyUnfit } from './vrrp-entries.js';
import type { OldInstance } from './vrrp-facts.js';
import { passOver, textsOf, wholeOf } from './vrrp-values.js';
import { type Importing, refuseWhole } from './walk.js';

const ORDER = ['interface', 'follow', 'id', 'group', 'port', 'ttl', 'maxlen'];
const NUMBERS = ['id', 'port', 'ttl', 'maxlen'];

interface Sync {
  readonly interface: string;
  readonly follow: string | undefined;
  readonly options: Readonly<Record<string, string | number>>;
}

/** `IF [[inst] INSTANCE] [id N] …`, and the number alone, as it was once; a text: what is wrong. */
function read(texts: readonly string[]): Sync | string {
  const [dev, ...rest] = texts;
  if (dev === undefined) return 'it names no interface: keepalived passes over it';
  const options: Record<string, string | number> = {};
  let follow: string | undefined;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    if (NUMBERS.includes(word)) {
      const value = wholeOf(rest[++i], 0, 65_535);
      if (value === undefined) return `${word} ${rest[i] ?? ''}: keepalived passes over it`;
      // 0: what the kernel chooses.
      if (value > 0 || word === 'id') options[word] = value;
    } else if (word === 'group') {
      const group = parseIp(rest[++i] ?? '');
      if (group === undefined) return `group ${rest[i] ?? ''} is no address: keepalived passes over it`;
      options.group = group;
    } else if (word === 'inst') follow = rest[++i];
    else if (i === 0) follow = word;
    else if (i === 1 && wholeOf(word, 0, 255) !== undefined) options.id = Number(word);
    else return `keepalived knows no ${word} here`;
  }
  return { interface: dev, follow, options };
}

function write(statement: Statement, sync: Sync | string, instances: readonly OldInstance[], given: Importing): void {
  const { sheet } = given;
  if (typeof sync === 'string') return refuseWhole(statement, sync, given);
  const { follow } = sync;
  const instance = instances.find((one) => one.oldName === follow);
  if (follow !== undefined && !instance)
    return refuseWhole(statement, `there is no vrrp_instance ${follow}: keepalived has no daemon then`, given);
  const value = { interface: sync.interface, ...(instance ? { follow: instance.name } : {}), ...sync.options };
  const why = whyUnfit(connectionSync, value);
  if (why !== undefined) return refuseWhole(statement, why, given);
  const section = new Mapping(ORDER);
  sheet.set(sheet.root, 'connection_sync', section, statement);
  for (const [key, one] of Object.entries(value)) sheet.set(section, key, one);
}

export function writeSync(instances: readonly OldInstance[], given: Given): void {
  const { sync } = given.globals;
  if (sync) write(sync, read(textsOf(sync)), instances, given);
}

/** lvs_sync_daemon_interface of an instance: what is said first counts. */
export function writeOldSync(statement: Statement, old: OldInstance, importing: Importing): void {
  const { sheet } = importing;
  if (sheet.root.get('connection_sync') !== undefined) return passOver(statement, 'lvs_sync_daemon was said before', importing);
  const [dev] = textsOf(statement);
  const sync = dev === undefined ? read([]) : { interface: dev, follow: old.oldName, options: {} };
  write(statement, sync, [old], importing);
}
