/** virtual_server blocks -> virtual_servers. */
import { familyOf } from '../../base/ip.js';
import type { ClientTls } from './checkers-common.js';
import { type Group, type Groups, readGroups } from './groups.js';
import type { Given } from './parts.js';
import type { ServerDraft } from './servers.js';
import { createClaims, createNames, outputsOf } from './services-outputs.js';
import { readService, type ServiceDraft } from './services-read.js';
import { createPaper, lose, tellWhole, wordOf } from './services-words.js';
import { writeService } from './services-write.js';
import type { Sheet } from './sheet.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

/** What SSL_GET shows of itself: both files, or none. */
function readTls(given: Given): ClientTls | undefined {
  const found: { certificate?: Statement; key?: Statement } = {};
  for (const statement of given.blocks.get('SSL') ?? []) {
    const keep = (key: 'certificate' | 'key') => (one: Statement) => {
      if (wordOf(one).startsWith('/')) found[key] = one;
      else lose(one, 'lbd wants the whole path of a file', given);
    };
    walk('SSL', statement.block ?? [], { certificate: keep('certificate'), key: keep('key') }, given);
    given.sheet.leave({ ...statement, block: undefined });
  }
  const { certificate, key } = found;
  if (certificate && key) {
    for (const one of [certificate, key]) given.sheet.leave(one);
    return { certificate: wordOf(certificate), key: wordOf(key) };
  }
  const alone = certificate ?? key;
  if (alone) lose(alone, 'a certificate needs its key, and a key its certificate: write both into tls of the checks', given);
  return undefined;
}

const targetKey = ({ target, words }: ServiceDraft): string | undefined => {
  if (target.kind === 'group') return undefined;
  return target.kind === 'fwmark'
    ? `fwmark ${target.mark}`
    : `${words.protocol?.value ?? 'udp'} ${target.address} ${target.port}`;
};

const TWICE =
  'it is there already: its real servers are those of the first one, too, as in the kernel under keepalived; nothing else of it counts';

/** The lines of the second are left; its real servers have theirs where they go. */
function joinLines({ statement, reading }: ServiceDraft): void {
  const { sheet } = reading.given;
  sheet.leave({ ...statement, block: undefined });
  for (const one of statement.block ?? []) if (one.key.text !== 'real_server') sheet.leave(one);
  reading.release();
}

/** keepalived makes one service of the kernel of what is there twice, with the settings of the first and the real servers of both. */
function joinTwins(drafts: readonly ServiceDraft[]): ServiceDraft[] {
  const first = new Map<string, ServiceDraft>();
  return drafts.filter((draft) => {
    const key = targetKey(draft);
    const twin = key === undefined ? undefined : first.get(key);
    if (!twin) {
      if (key !== undefined) first.set(key, draft);
      return true;
    }
    for (const one of draft.statement.block ?? [])
      if (one.key.text !== 'real_server')
        tellWhole(one, 'noEffect', 'the first virtual server of this address counts', draft.reading.notes);
    draft.reading.notes.change(draft.statement, TWICE);
    joinLines(draft);
    twin.servers.push(...draft.servers);
    return false;
  });
}

const FIRST_CHECK =
  'real servers of all virtual servers take traffic when their checks pass for the first time; keepalived sends it at once unless alpha is said';
const SUSPICION =
  'when most hosts of all virtual servers fail at once they stay in for some seconds more, as it may be the director: global: { suspicion: off } for none';
const ON_STOP =
  'when lbd stops, virtual servers stay in the kernel; keepalived takes them out, as global: { on_stop: remove } does';
const NO_PROTOCOL = 'keepalived takes UDP where no protocol is said';
const EVERY_PROTOCOL = 'a service of a mark takes every protocol';
const NO_SERVERS = 'keepalived passes over a virtual server without real servers';

function leaveAll({ statement, servers, reading }: ServiceDraft, sheet: Sheet): void {
  for (const one of servers) {
    one.reading.release();
    if (!statement.block?.includes(one.statement)) sheet.leave(one.statement);
  }
  reading.release();
  sheet.leave(statement);
}

function hasServers(draft: ServiceDraft, { notes, sheet }: Given): boolean {
  if (draft.servers.length > 0) return true;
  tellWhole(draft.statement, 'noEffect', NO_SERVERS, notes);
  leaveAll(draft, sheet);
  return false;
}

/** Real servers of the other family belong to the other half of a group. */
function halfOf(draft: ServiceDraft, family: number): ServiceDraft {
  return {
    ...draft,
    servers: draft.servers.filter(({ place, forward }) => forward === 'tun' || familyOf(place.address) === family),
  };
}

/** Its comments stand above the first virtual server of it. */
function leaveGroup(group: Group | undefined, sheet: Sheet): void {
  if (group) sheet.leave(group.heading);
}

/** Those that no half of a group has. */
function leaveServers({ servers }: ServiceDraft, written: ReadonlySet<ServerDraft>, sheet: Sheet): void {
  for (const one of servers) {
    if (written.has(one)) continue;
    one.reading.release();
    sheet.leave(one.statement);
  }
}

function writeAll(drafts: readonly ServiceDraft[], groups: Groups, { sheet, notes }: Given): void {
  const [names, claims] = [createNames(), createClaims()];
  const paper = createPaper(sheet);
  const list = sheet.listOf(sheet.root, 'virtual_servers');
  for (const draft of drafts) {
    const { statement, words, target } = draft;
    const protocol = words.protocol?.value ?? 'udp';
    const outputs = outputsOf(draft, groups, protocol, claims, names);
    if (!words.protocol && outputs.some(({ mark }) => mark === undefined)) notes.change(statement, NO_PROTOCOL);
    if (words.protocol && outputs.length > 0 && outputs.every(({ mark }) => mark !== undefined))
      notes.noEffect(words.protocol.from, EVERY_PROTOCOL);
    if (target.kind === 'group') leaveGroup(groups.get(target.name), paper);
    const families = new Set(outputs.map(({ family }) => family));
    const written = new Set<ServerDraft>();
    for (const output of outputs) {
      const whole = families.size > 1 ? halfOf(draft, output.family) : draft;
      for (const server of writeService(list, { draft: whole, output, protocol }, paper)) written.add(server);
    }
    if (written.size > 0) {
      leaveServers(draft, written, paper);
      continue;
    }
    if (outputs.length > 0) tellWhole(statement, 'noEffect', NO_SERVERS, notes);
    leaveAll(draft, sheet);
  }
}

const saysAlpha = ({ block = [] }: Statement): boolean => block.some(({ key }) => key.text === 'alpha');

/** Fewer never make lbd suspect itself (config/build-checking.ts). */
const FEW_HOSTS = 5;
const STOP_WORDS = ['lvs_flush_on_stop', 'lvs_flush_onstop'];

/** Differences of all virtual servers, told at the first that has them. */
function tellCommon(drafts: readonly ServiceDraft[], { blocks, notes }: Given): void {
  const bold = drafts.find(({ statement, servers }) => !saysAlpha(statement) && servers.some(({ checks }) => checks.length > 0));
  if (bold) notes.change(bold.statement, FIRST_CHECK);
  const checked = drafts.flatMap(({ servers }) => servers.filter(({ checks }) => checks.length > 0));
  const [first] = drafts;
  if (!first) return;
  if (new Set(checked.map(({ place }) => place.address)).size >= FEW_HOSTS) notes.change(first.statement, SUSPICION);
  const globals = (blocks.get('global_defs') ?? []).flatMap(({ block = [] }) => block);
  if (!globals.some(({ key }) => STOP_WORDS.includes(key.text))) notes.change(first.statement, ON_STOP);
}

function leaveGroups(groups: Groups, drafts: readonly ServiceDraft[], { notes, sheet }: Given): void {
  const used = new Set(drafts.flatMap(({ target }) => (target.kind === 'group' ? [target.name] : [])));
  for (const [name, { statement }] of groups) {
    if (used.has(name)) continue;
    tellWhole(statement, 'noEffect', 'no virtual_server is of this group', notes);
    sheet.leave(statement);
  }
}

export function importServices(given: Given): void {
  const groups = readGroups(given);
  const tls = readTls(given);
  const read = (given.blocks.get('virtual_server') ?? []).flatMap((statement) => readService(statement, given, tls) ?? []);
  const drafts = joinTwins(read.filter((draft) => hasServers(draft, given)));
  leaveGroups(groups, drafts, given);
  if (drafts.length === 0) return;
  tellCommon(drafts, given);
  writeAll(drafts, groups, given);
}
