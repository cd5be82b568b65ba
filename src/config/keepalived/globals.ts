/** What global_defs says that other blocks need to know. */
import { MAX_SECONDS } from '../../base/words.js';
import type { RootBlocks } from './roots.js';
import { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import { type Garps, garpWords } from './vrrp-garps.js';
import { flagOf, passOver, textsOf, timeOf, wholeOf, written } from './vrrp-values.js';
import { type Handlers, type Importing, walk } from './walk.js';

export interface Globals {
  /** script_user: the user of programs that name none; undefined: nobody said. */
  readonly scriptUser: string | undefined;
  /** vrrp_version; undefined: 2, and 3 of IPv6. */
  readonly version: 2 | 3 | undefined;
  readonly strict: boolean;
  /** v3_checksum_as_v2: the form of RFC 9568. */
  readonly plainChecksum: boolean;
  /** What instances announce unless they say it themselves. */
  readonly garps: Garps;
  /** lvs_sync_daemon: written when the names of the instances are known. */
  readonly sync: Statement | undefined;
}

type Growing = { -readonly [K in keyof Globals]: Globals[K] };

const ORDER = ['router_id', 'on_stop'];
const NOTHING: Globals = {
  scriptUser: undefined,
  version: undefined,
  strict: false,
  plainChecksum: false,
  garps: {},
  sync: undefined,
};

/** Only comments are made of it here: others write what it means. */
type Take = (read: (statement: Statement) => void) => (statement: Statement) => void;

const taking =
  ({ sheet }: Importing): Take =>
  (read) =>
  (statement) => {
    read(statement);
    sheet.leave(statement);
  };

const TIMEOUTS = { tcp: 'tcp', tcpfin: 'tcp_fin', udp: 'udp' } as const;

function timeouts(statement: Statement, { sheet, notes }: Importing): void {
  const texts = textsOf(statement);
  const mapping = new Mapping(['tcp', 'tcp_fin', 'udp']);
  for (let i = 0; i < texts.length; i += 2) {
    const word = texts[i] as string;
    const key = word in TIMEOUTS ? TIMEOUTS[word as keyof typeof TIMEOUTS] : undefined;
    const value = wholeOf(texts[i + 1], 0, MAX_SECONDS);
    if (key === undefined || value === undefined)
      notes.refuse(statement, `${word} ${texts[i + 1] ?? ''}: keepalived passes over it`);
    else if (value > 0) {
      // 0: what the kernel has.
      if (mapping.entries.length === 0) sheet.set(sheet.root, 'timeouts', mapping, statement);
      sheet.set(mapping, key, written(value * 1000));
    }
  }
  if (mapping.entries.length === 0) sheet.leave(statement);
}

function own(section: Mapping, importing: Importing): Handlers {
  const { sheet, notes } = importing;
  return {
    router_id(statement) {
      const [id = ''] = textsOf(statement);
      if (id === '') passOver(statement, 'it names nothing', importing);
      else sheet.set(section, 'router_id', id, statement);
    },
    lvs_flush_on_stop: stop,
    lvs_flush_onstop: stop,
    lvs_timeouts(statement) {
      // What was left out of the lines before is a matter of this section, where there is one.
      if (section.entries.length > 0) sheet.end(section, []);
      timeouts(statement, importing);
    },
  };

  function stop(statement: Statement): void {
    sheet.set(section, 'on_stop', 'remove', statement);
    if (textsOf(statement)[0] === undefined)
      notes.change(statement, 'lbd removes its own services at a stop, and leaves those of others');
  }
}

function scriptUser(statement: Statement, globals: Growing, { notes }: Importing): void {
  const [user, group] = textsOf(statement);
  if (user === undefined) return notes.refuse(statement, 'it names nobody: keepalived passes over it');
  globals.scriptUser = user;
  if (group !== undefined && group !== user) notes.change(statement, `programs run with the group of ${user}, not with ${group}`);
}

/** What instances inherit. */
function inherited(globals: Growing, importing: Importing): Handlers {
  const { notes } = importing;
  const take = taking(importing);
  const garps = garpWords('vrrp_', importing, (found) => {
    globals.garps = { ...globals.garps, ...found };
  });
  const time = (key: 'garpInterval' | 'gnaInterval') =>
    take((statement) => {
      const value = timeOf(textsOf(statement)[0]);
      if (value === undefined) notes.refuse(statement, 'it is no time: keepalived passes over it');
      else globals.garps = { ...globals.garps, [key]: value };
    });
  return {
    ...garps,
    vrrp_garp_interval: time('garpInterval'),
    vrrp_gna_interval: time('gnaInterval'),
    vrrp_min_garp: take((statement) => {
      if (flagOf(statement)) globals.garps = { ...globals.garps, repeat: 1, delay: 0 };
    }),
    vrrp_version: take((statement) => {
      const value = wholeOf(textsOf(statement)[0], 2, 3);
      if (value === undefined) notes.refuse(statement, 'it is 2 or 3: keepalived passes over it');
      else globals.version = value === 3 ? 3 : 2;
    }),
    vrrp_strict: take((statement) => {
      globals.strict = flagOf(statement) ?? true;
    }),
    // Whatever stands behind it.
    v3_checksum_as_v2: take(() => {
      globals.plainChecksum = true;
    }),
    script_user: take((statement) => scriptUser(statement, globals, importing)),
    lvs_sync_daemon: (statement) => {
      if (globals.sync) passOver(statement, 'it was said before', importing);
      else globals.sync = statement;
    },
  };
}

const OWN_WORDS = ['router_id', 'lvs_flush_on_stop', 'lvs_flush_onstop'];

/** Writes what lbd has of global_defs, and gives what others need of it. */
export function readGlobals(blocks: RootBlocks, importing: Importing): Globals {
  const { sheet } = importing;
  const globals: Growing = { ...NOTHING };
  const section = new Mapping(ORDER);
  for (const statement of blocks.get('global_defs') ?? []) {
    const { block = [], below } = statement;
    const isWritten = block.some((one) => OWN_WORDS.includes(one.key.text)) || section.entries.length > 0;
    if (isWritten) sheet.set(sheet.root, 'global', section, statement);
    else sheet.leave({ ...statement, block: [], below: [] });
    walk('global_defs', block, { ...own(section, importing), ...inherited(globals, importing) }, importing);
    if (isWritten) sheet.end(section, below);
  }
  return globals;
}
