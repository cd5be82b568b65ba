/**
 * `lbctl save`: changes made at run time written into the files of a configuration. Only the texts are made here, and read again: whoever
 * asked for them compares what they say with what is in force before anything is written.
 */
import { hash } from 'node:crypto';
import { formatEndpoint } from '../base/ip.js';
import type { AddedServer, AddedService } from './added.js';
import { load } from './document.js';
import type { Located } from './located.js';
import { parseConfig } from './parse.js';
import { fileProblem } from './problems.js';
import { type IncludedFile, type ParseOptions, readFiles } from './read-files.js';
import { unifiedDiff } from './save-diff.js';
import { type FileEdit, fieldsOfServer, fieldsOfService, type Value } from './save-edits.js';
import { editFile, type FileWork, newWork, type ServiceWork } from './save-file.js';
import { patched } from './save-text.js';
import type { VirtualServerShape } from './schema-service.js';
import type { Config, ParsedConfig, Problem } from './types.js';

export interface SavedFile {
  readonly file: string;
  /** SHA-256 of what it holds now, in hexadecimal digits. */
  readonly before: string;
  /** What it is to hold. */
  readonly text: string;
  /** Unified, for people: without the passwords of lines nearby. */
  readonly diff: string;
}

export interface SavedTexts {
  /** What the files say now. */
  readonly current: ParsedConfig;
  /** What they would say; absent where they are wrong now, or something cannot be written. */
  readonly next?: ParsedConfig;
  readonly files: readonly SavedFile[];
  /** Errors: what cannot be written, at its place. */
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

interface Read {
  readonly texts: ReadonlyMap<string, string>;
  readonly services: readonly Located<VirtualServerShape>[];
}

/** The texts of all files, in the order in which they are read, and the virtual servers in them. */
function readAll(first: IncludedFile, options: ParseOptions): Read {
  const texts = new Map<string, string>();
  const open = ({ file, text }: IncludedFile) => {
    texts.set(file, text);
    return { loaded: load(file, text, options.env ?? {}) };
  };
  return { texts, services: readFiles(first, options, open, [])?.services ?? [] };
}

/** New virtual servers come to the first file where it has some, otherwise to the last that has. */
function homeOf(first: string, { services }: Read): string {
  const files = services.map((one) => one.source.file);
  return files.includes(first) ? first : (files.at(-1) ?? first);
}

/** A real server as the file has it: without a port it has that of its virtual server, which the caller knows. */
const isServer = (
  { address }: VirtualServerShape['real_servers'][number],
  edit: { readonly address: string; readonly port: number },
  service: VirtualServerShape,
): boolean => address.address === edit.address && (address.port ?? service.address?.[0]?.port ?? 0) === edit.port;

interface Planned {
  readonly work: Map<string, FileWork>;
  /** What edits name and no file has. */
  readonly missing: string[];
}

function workOf({ work }: Planned, file: string): FileWork {
  const found = work.get(file) ?? newWork();
  work.set(file, found);
  return found;
}

function serviceOf(planned: Planned, { value, source, path }: Located<VirtualServerShape>): ServiceWork {
  const { services } = workOf(planned, source.file);
  const index = path[1] as number;
  const none = { name: value.name, values: new Map(), weights: new Map(), removed: new Map(), added: [] };
  const found = services.get(index) ?? none;
  services.set(index, found);
  return found;
}

/** An edit of a virtual server that the files have. */
function planOne(planned: Planned, at: Located<VirtualServerShape>, edit: Exclude<FileEdit, { kind: 'add-service' }>): void {
  if (edit.kind === 'remove-service') {
    workOf(planned, at.source.file).removed.set(at.path[1] as number, edit.service);
    return;
  }
  const service = serviceOf(planned, at);
  if (edit.kind === 'set-service') return void service.values.set(edit.key, edit.value);
  if (edit.kind === 'add-server') return void service.added.push(fieldsOfServer(edit.server, true));
  const subject = `${edit.service}/${formatEndpoint(edit.address, edit.port)}`;
  const index = at.value.real_servers.findIndex((one) => isServer(one, edit, at.value));
  if (index < 0) planned.missing.push(subject);
  else if (edit.kind === 'remove-server') service.removed.set(index, subject);
  else service.weights.set(index, { weight: edit.weight, subject });
}

interface NewService {
  readonly service: AddedService;
  readonly servers: AddedServer[];
  readonly values: Map<string, Value | null>;
}

function plan(first: string, read: Read, edits: readonly FileEdit[]): Planned {
  const planned: Planned = { work: new Map(), missing: [] };
  const places = new Map(read.services.map((one) => [one.value.name, one]));
  const added = new Map<string, NewService>();
  for (const edit of edits)
    if (edit.kind === 'add-service') added.set(edit.added.name, { service: edit.added, servers: [], values: new Map() });
  for (const edit of edits) {
    if (edit.kind === 'add-service') continue;
    const fresh = added.get(edit.service);
    const at = places.get(edit.service);
    if (fresh && edit.kind === 'add-server') fresh.servers.push(edit.server);
    else if (fresh && edit.kind === 'set-service') fresh.values.set(edit.key, edit.value);
    else if (at) planOne(planned, at, edit);
    else planned.missing.push(edit.service);
  }
  const home = homeOf(first, read);
  for (const { service, servers, values } of added.values())
    workOf(planned, home).added.push(fieldsOfService(service, servers, values));
  return planned;
}

const SECRET = /((?:password|authorization)["']?[ \t]*:[ \t]*)(?:"[^"\n]*"|'[^'\n]*'|[^\s,}][^,}\n]*)/gi;

interface Edited {
  readonly files: SavedFile[];
  readonly problems: Problem[];
  readonly notes: string[];
}

function editAll({ texts }: Read, { work, missing }: Planned): Edited {
  const gone = missing.map((one) => fileProblem([...texts.keys()][0] as string, `${one} stands in no file of the configuration`));
  const edited: Edited = { files: [], problems: gone, notes: [] };
  for (const [file, one] of work) {
    const text = texts.get(file) as string;
    const { patches, problems, notes } = editFile(file, text, one);
    edited.problems.push(...problems);
    edited.notes.push(...notes.map((note) => `${file}: ${note}`));
    const diff = unifiedDiff(file, text, patches).replace(SECRET, '$1…');
    if (diff !== '') edited.files.push({ file, before: hash('sha256', text), text: patched(text, patches), diff });
  }
  return edited;
}

/** `sorry_server: none` is written where the defaults have one; elsewhere the key goes. */
const brief = (edits: readonly FileEdit[], { defaults }: Config): readonly FileEdit[] =>
  edits.map((one) =>
    one.kind === 'set-service' &&
    one.key === 'sorry_server' &&
    one.value === 'none' &&
    (defaults?.sorry_server ?? 'none') === 'none'
      ? { ...one, value: null }
      : one,
  );

/** `text`: of the first file. Never throws on any input. */
export function saveEdits(file: string, text: string, options: ParseOptions, edits: readonly FileEdit[]): SavedTexts {
  const current = parseConfig(file, text, options);
  if (!current.config) return { current, files: [], problems: [], notes: [] };
  const read = readAll({ file, text }, options);
  const edited = editAll(read, plan(file, read, brief(edits, current.config)));
  if (edited.problems.length > 0) return { current, ...edited };
  const fresh = new Map(edited.files.map((one) => [one.file, one.text]));
  const readInclude: ParseOptions['readInclude'] = (pattern, from) => {
    const found = options.readInclude?.(pattern, from) ?? 'include is not possible here';
    return typeof found === 'string' ? found : found.map((one) => ({ ...one, text: fresh.get(one.file) ?? one.text }));
  };
  return { current, next: parseConfig(file, fresh.get(file) ?? text, { ...options, readInclude }), ...edited };
}
