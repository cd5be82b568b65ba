/** One file of a configuration edited: its text stays as it is but for what is asked for. */
import { isMap, isSeq, type Node, type Pair, parseDocument } from 'yaml';
import { type Path, placesOf } from './places.js';
import type { Fields, Value } from './save-edits.js';
import { asMap, listDepth, listLines, styleOf } from './save-entry.js';
import { addList, setKey } from './save-key.js';
import { editList, type ListEdit } from './save-list.js';
import { endOf, holdsShared, type MapNode, type Page, pageOf, pairOf, walk } from './save-place.js';
import { linesAfter, type Patch, united } from './save-text.js';
import type { Problem } from './types.js';

/** What becomes of one virtual server that stays. */
export interface ServiceWork {
  readonly name: string;
  readonly values: Map<string, Value | null>;
  /** By the index of the real server. */
  readonly weights: Map<number, { readonly weight: number; readonly subject: string }>;
  readonly removed: Map<number, string>;
  readonly added: Fields[];
}

/** Of one file: by the index of the virtual server. */
export interface FileWork {
  readonly services: Map<number, ServiceWork>;
  readonly removed: Map<number, string>;
  readonly added: Fields[];
}

export const newWork = (): FileWork => ({ services: new Map(), removed: new Map(), added: [] });

const LIST = 'virtual_servers';
const SERVERS = 'real_servers';
/** What new words of a virtual server are written behind. */
const AFTER_SERVICE = ['protocol', 'address', 'family', 'fwmark', 'name'];

interface Work {
  readonly page: Page;
  readonly patches: Patch[];
  readonly notes: string[];
}

function pairAt(work: Work, path: Path, key: string, subject: string): Pair | undefined {
  const map = asMap(walk(work.page, path, subject));
  return map && pairOf(map, key);
}

/** Taken out and put in, once it is known that nothing else takes what goes. */
function changeList(
  { page, patches }: Work,
  pair: Pair,
  removed: ReadonlyMap<number, string>,
  added: readonly Fields[],
  subject: string,
): void {
  const list = pair.value;
  for (const [index, one] of removed) {
    const entry = isSeq(list) ? (list.items[index] as Node | undefined) : undefined;
    if (entry && holdsShared(page, entry, one)) return;
  }
  const edit: ListEdit = { removed: new Set(removed.keys()), added };
  patches.push(...(editList(page, pair, edit, subject) ?? []));
}

function editServers(work: Work, index: number, { name, removed, added }: ServiceWork, map: MapNode): void {
  if (removed.size + added.length === 0) return;
  const subject = `the list of real servers of ${name}`;
  const pair = pairOf(map, SERVERS);
  if (!pair) return void work.patches.push(addList(work.page, map, SERVERS, added));
  // Its place is looked at as a whole: it may be an alias.
  if (walk(work.page, [LIST, index, SERVERS], subject)) changeList(work, pair, removed, withUsualWeight(pair, added), subject);
}

/** Where no real server of the list has a weight, a new one with weight 1 has none either. */
function withUsualWeight({ value }: Pair, added: readonly Fields[]): readonly Fields[] {
  const maps = isSeq(value) ? value.items.map(asMap).filter((one) => one !== undefined) : [];
  if (maps.length === 0 || maps.some((map) => pairOf(map, 'weight'))) return added;
  return added.map((fields) => fields.filter(([key, word]) => key !== 'weight' || word !== 1));
}

function editService(work: Work, index: number, service: ServiceWork): void {
  const { page, patches, notes } = work;
  const map = asMap(walk(page, [LIST, index], service.name));
  if (!map) return;
  const setting = { page, map, subject: service.name, notes };
  for (const one of service.values) patches.push(...setKey(setting, one, AFTER_SERVICE));
  for (const [i, { weight, subject }] of service.weights) {
    const server = asMap(walk(page, [LIST, index, SERVERS, i], subject));
    if (server) patches.push(...setKey({ page, map: server, subject, notes }, ['weight', weight], ['address']));
  }
  editServers(work, index, service, map);
}

/** The first virtual servers of a file. */
function addSection({ page, patches }: Work, added: readonly Fields[]): void {
  const { text, document } = page;
  const root = document.contents;
  if (!isMap(root)) return page.refuse('the file has no keys', 0);
  const map = root as MapNode;
  if (map.flow) return void patches.push(addList(page, map, LIST, added));
  const lines = listLines(LIST, added, 0, Math.max(2, listDepth(text, map)), styleOf(text, undefined));
  patches.push(linesAfter(text, endOf(text, map), ['', ...lines]));
}

export interface EditedFile {
  /** Of `united`; none where nothing of it could be done, or had to be. */
  readonly patches: readonly Patch[];
  /** Errors: what cannot be written, at its place. */
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

export function editFile(file: string, text: string, { services, removed, added }: FileWork): EditedFile {
  const problems: Problem[] = [];
  const document = parseDocument(text, { prettyErrors: false, version: '1.2', keepSourceTokens: true });
  const page = pageOf(text, document, placesOf(file, text), problems);
  const work: Work = { page, patches: [], notes: [] };
  for (const [index, service] of services) editService(work, index, service);
  if (removed.size + added.length > 0) {
    const subject = 'the list of virtual servers';
    const pair = pairAt(work, [], LIST, subject);
    if (!pair) addSection(work, added);
    else if (walk(page, [LIST], subject)) changeList(work, pair, removed, added, subject);
  }
  return { patches: united(text, work.patches), problems, notes: work.notes };
}
