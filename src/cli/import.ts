/** `import FILE`: keepalived's configuration as lbd's, and what became of each statement. Loaded only for this command. */
import { hostname } from 'node:os';
import { countOutcomes, importKeepalived } from '../config/keepalived/import.js';
import type { Outcome } from '../config/keepalived/keywords/types.js';
import type { Verdict } from '../config/keepalived/notes.js';
import { readKeepalived } from '../config/keepalived/read.js';
import type { OldFile, Place, Surroundings } from '../config/keepalived/types.js';
import { wordsOf } from '../config/keepalived/walk.js';
import { fileProblem } from '../config/problems.js';
import type { Problem } from '../config/types.js';
import { oldSurroundings, readOldFile } from '../os/keepalived-files.js';

/** Of one statement, for machines. */
export interface ImportedStatement {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly block: string;
  readonly statement: string;
  readonly outcome: Outcome;
  readonly notes: readonly string[];
}

export interface ImportAnswer {
  /** There is a new file. With `strict`: and nothing is lost. */
  readonly valid: boolean;
  /** Null: there is none, and the problems say why. */
  readonly config: string | null;
  readonly summary: Readonly<Record<Outcome, number>>;
  readonly statements: readonly ImportedStatement[];
  readonly problems: readonly Problem[];
}

function statementOf({ statement, block, outcome, texts }: Verdict): ImportedStatement {
  const { file, line, column } = statement.key.place;
  return { file, line, column, block, statement: wordsOf(statement), outcome, notes: texts };
}

const nothing = (problem: Problem): ImportAnswer => ({
  valid: false,
  config: null,
  summary: { carried: 0, changed: 0, no_effect: 0, refused: 0 },
  statements: [],
  problems: [problem],
});

/** The lines of all files that were read, for what is to be shown of them. */
function remembering(first: OldFile, surroundings: Surroundings) {
  const lines = new Map([[first.file, first.text.split('\n')]]);
  const readInclude: Surroundings['readInclude'] = (pattern, from) => {
    const found = surroundings.readInclude(pattern, from);
    if (typeof found !== 'string') for (const one of found) if ('text' in one) lines.set(one.file, one.text.split('\n'));
    return found;
  };
  const sourceAt = ({ file, line }: Place): string => lines.get(file)?.[line - 1]?.replace(/\r$/, '') ?? '';
  return { surroundings: { ...surroundings, readInclude }, sourceAt };
}

/** The name of a file is somebody else's: it stays within its comment. */
const inOneLine = (name: string): string => name.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');

/** `-` is standard input; `configId`: what keepalived is given with -i; without it, it takes the first part of the host's name. */
export function importFile(word: string, strict: boolean, configId: string | undefined): ImportAnswer {
  const file = word === '-' ? '/dev/stdin' : word;
  const first = readOldFile(file);
  if (typeof first === 'string') return nothing(fileProblem(file, first));
  const { surroundings, sourceAt } = remembering(first, oldSurroundings(configId ?? hostname().split('.')[0]));
  const { yaml, verdicts, problems } = importKeepalived(readKeepalived(first, surroundings), { file, sourceAt });
  const summary = countOutcomes(verdicts);
  const config = yaml === undefined ? null : `# Made of ${inOneLine(first.file)} by lbctl import.\n\n${yaml}`;
  return {
    valid: config !== null && !(strict && summary.refused > 0),
    config,
    summary,
    statements: verdicts.map(statementOf),
    problems,
  };
}

const CLASSES: Readonly<Record<Exclude<Outcome, 'carried'>, string>> = {
  refused: 'not carried over',
  changed: 'changed',
  no_effect: 'without effect in lbd',
};

/** So many places of one and the same note are named. */
const PLACES = 4;

/** What is said of many statements in the same words is said once. */
function grouped(statements: readonly ImportedStatement[]): ImportedStatement[][] {
  const groups = new Map<string, ImportedStatement[]>();
  for (const one of statements) {
    const key = JSON.stringify(one.notes);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}

/** Where else: its line, and its words where they are others. */
function placeOf({ file, line, statement }: ImportedStatement, first: ImportedStatement): string {
  const place = file === first.file ? `line ${line}` : `${file}:${line}`;
  return statement.split(' ')[0] === first.statement.split(' ')[0] ? place : `"${statement}" in ${place}`;
}

function noteLine([first, ...others]: readonly ImportedStatement[], label: string): string {
  if (!first) return '';
  const { file, line, column, statement, notes } = first;
  const places = others.slice(0, PLACES).map((one) => placeOf(one, first));
  const more = others.length - places.length;
  const also = places.length === 0 ? '' : ` (also ${places.join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
  return `${file}:${line}:${column}: ${label}: "${statement}": ${notes.join('; ')}${also}`;
}

/** For people: what is lost first. */
export function noteLines({ statements }: ImportAnswer): readonly string[] {
  return (Object.keys(CLASSES) as (keyof typeof CLASSES)[]).flatMap((outcome) =>
    grouped(statements.filter((one) => one.outcome === outcome)).map((group) => noteLine(group, CLASSES[outcome])),
  );
}

export function summaryLine(file: string, { config, summary }: ImportAnswer): string {
  if (config === null) return `${file}: nothing is imported: see the errors above`;
  const { carried, changed, no_effect: noEffect, refused } = summary;
  const total = carried + changed + noEffect + refused;
  return `${file}: ${total} statements: ${carried} carried over, ${changed} changed, ${noEffect} without effect in lbd, ${refused} not carried over`;
}
