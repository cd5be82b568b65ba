/** A configuration of keepalived -> that of lbd, with what became of every statement. Pure: what is read is the caller's. */
import { parseConfig } from '../parse.js';
import { lineStarts, shownLine } from '../places.js';
import { fileProblem } from '../problems.js';
import type { Problem } from '../types.js';
import { type Emitted, emit } from './emit.js';
import { readGlobals } from './globals.js';
import type { Outcome } from './keywords/types.js';
import { createNotes, type Verdict } from './notes.js';
import type { Given } from './parts.js';
import { importServices } from './services.js';
import { createSheet, Listing, type Mapping, type Value } from './sheet.js';
import type { Fault, Place, Statement, Tree } from './types.js';
import { importVrrp } from './vrrp.js';
import { type Handlers, walk } from './walk.js';

/** The sections of the new file, in the order of conf/lbd.yaml. */
const SECTIONS = [
  'global',
  'defaults',
  'virtual_servers',
  'connection_sync',
  'timeouts',
  'kernel_settings',
  'vrrp_instances',
  'sync_groups',
  'scripts',
];

/** keepalived merges what is said twice of a block that can be there once; the others are a list. */
const ROOTS = [
  'global_defs',
  'virtual_server',
  'virtual_server_group',
  'SSL',
  'track_file',
  'vrrp_track_file',
  'vrrp_instance',
  'vrrp_sync_group',
  'vrrp_script',
  'vrrp_track_process',
  'garp_group',
  'interface_up_down_delays',
] as const;

export interface Imported {
  /** The new file; undefined: there are errors. */
  readonly yaml: string | undefined;
  /** Of every statement, in the order of the old file. */
  readonly verdicts: readonly Verdict[];
  /** Of the old text, and what lbd's own parser says of the new one, told at the old file's places. Errors and warnings. */
  readonly problems: readonly Problem[];
}

export interface ImportOptions {
  /** The first file, for what is said of all of it. */
  readonly file: string;
  /** A line of an old file as it stands there. */
  readonly sourceAt: (place: Place) => string;
}

const problemAt = (severity: Problem['severity'], { place, message, source }: Fault): Problem => ({
  severity,
  message,
  ...place,
  source,
});

function gather(statements: readonly Statement[], importing: Parameters<typeof walk>[3]): Given['blocks'] {
  const blocks = new Map<string, Statement[]>();
  const keep = (statement: Statement): void => {
    const word = statement.key.text;
    const same = blocks.get(word);
    if (same) same.push(statement);
    else blocks.set(word, [statement]);
  };
  const handlers: Handlers = Object.fromEntries(ROOTS.map((word) => [word, keep]));
  walk('root', statements, handlers, importing);
  return blocks;
}

/** What nobody looked for: words in the braces of a keyword that has no block. */
function meetRest(statements: readonly Statement[], within: string, importing: Parameters<typeof walk>[3]): void {
  const { notes } = importing;
  for (const one of statements) {
    if (!notes.isMet(one))
      notes.meet(one, within, 'refused', `${within} has no words in braces: keepalived does not expect them there`);
    meetRest(one.block ?? [], one.key.text, importing);
  }
}

const hasEntries = (value: Value | undefined): boolean => value instanceof Listing && value.items.length > 0;

/** lbd's own rules, over the new file. */
function judge(root: Mapping, { text, placeAt }: Emitted, { file, sourceAt }: ImportOptions): readonly Problem[] {
  if (!['virtual_servers', 'vrrp_instances'].some((key) => hasEntries(root.get(key))))
    return [fileProblem(file, 'there is no virtual_server and no vrrp_instance in it that lbd could take')];
  const starts = lineStarts(text);
  return parseConfig('lbd.yaml', text).problems.map((problem) => {
    const { line, column } = problem;
    const place = line === 0 ? undefined : placeAt((starts[line - 1] as number) + column - 1);
    return place ? { ...problem, ...place, source: shownLine(sourceAt(place)) } : { ...problem, file };
  });
}

export function importKeepalived(tree: Tree, options: ImportOptions): Imported {
  const warnings = tree.warnings.map((one) => problemAt('warning', one));
  if (tree.faults.length > 0) {
    const faults = tree.faults.map((one) => problemAt('error', one));
    return { yaml: undefined, verdicts: [], problems: [...faults, ...warnings] };
  }
  const importing = { notes: createNotes(), sheet: createSheet(SECTIONS) };
  const blocks = gather(tree.statements, importing);
  const order = new Map(tree.statements.map((one, at) => [one, at]));
  const given: Given = { ...importing, blocks, order, globals: readGlobals(blocks, importing) };
  importServices(given);
  importVrrp(given);
  meetRest(tree.statements, 'root', importing);
  importing.sheet.close(tree.below);
  const { root } = importing.sheet;
  const emitted = emit(root);
  const problems = [...warnings, ...judge(root, emitted, options)];
  const isValid = problems.every(({ severity }) => severity !== 'error');
  return { yaml: isValid ? emitted.text : undefined, verdicts: importing.notes.verdicts(), problems };
}

/** How many statements ended in each class. */
export function countOutcomes(verdicts: readonly Verdict[]): Readonly<Record<Outcome, number>> {
  const counts = { carried: 0, changed: 0, no_effect: 0, refused: 0 };
  for (const { outcome } of verdicts) counts[outcome]++;
  return counts;
}
