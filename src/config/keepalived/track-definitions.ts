/** vrrp_script, vrrp_track_process and track_file blocks, as what tracks them needs them: read without a word about it. */

import type { Given } from './parts.js';
import { commandWords, type Program, programOf } from './programs.js';
import type { RootBlocks } from './roots.js';
import type { Statement } from './types.js';
import { allOf, lastOf, newName, textsOf, timeOf, wholeOf } from './vrrp-values.js';

export interface Weight {
  readonly weight: number;
  /** It counts the other way round. */
  readonly reverse: boolean;
}

interface Definition extends Weight {
  readonly statement: Statement;
  readonly oldName: string;
}

export interface OldScript extends Definition {
  readonly name: string;
  readonly program: Program;
}

export interface OldProcess extends Definition {
  /** The name of lbd, or the beginning of a command line; empty: nothing is said. */
  readonly process: string;
  readonly count: number;
  readonly upDelay: number;
  readonly downDelay: number;
  /** It must not run at all. */
  readonly isForbidden: boolean;
}

export interface OldTrackedFile extends Definition {
  readonly path: string;
}

export interface Definitions {
  readonly scripts: ReadonlyMap<string, OldScript>;
  readonly processes: ReadonlyMap<string, OldProcess>;
  readonly files: ReadonlyMap<string, OldTrackedFile>;
  readonly order: Given['order'];
}

const MOST = 254;

function weightOf(statement: Statement, usual: number): Weight {
  const [word, sign] = textsOf(lastOf(statement, 'weight') ?? { ...statement, args: [] });
  return { weight: wholeOf(word, -MOST, MOST) ?? usual, reverse: sign === 'reverse' };
}

const blocksOf = (blocks: RootBlocks, ...words: readonly string[]): readonly Statement[] =>
  words.flatMap((word) => blocks.get(word) ?? []);

/** The first of each name; keepalived has others beside it, and never finds them. */
function byName<T extends Definition>(all: readonly T[]): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const one of all) if (!found.has(one.oldName)) found.set(one.oldName, one);
  return found;
}

const nameOf = ({ args: [name] }: Statement): string => name?.text ?? '';

/** Its words as one line: a string is the program with its words, what stands behind it is passed over. */
function scriptOf(statement: Statement, taken: Set<string>): OldScript {
  const oldName = nameOf(statement);
  const name = newName(oldName, taken);
  taken.add(name);
  const script = lastOf(statement, 'script');
  const line = script && commandWords(script)[0]?.text;
  const program: Program = line === undefined ? { refused: 'it has no script: keepalived passes over it' } : programOf(line);
  return { statement, oldName, name, program, ...weightOf(statement, 0) };
}

function delaysOf(statement: Statement): Pick<OldProcess, 'upDelay' | 'downDelay'> {
  const last = (...words: string[]) => timeOf(lastOf(statement, ...words)?.args[0]?.text) ?? 0;
  return { upDelay: last('delay', 'fork_delay'), downDelay: last('delay', 'terminate_delay') };
}

function processOf(statement: Statement): OldProcess {
  const [process] = allOf(statement, 'process');
  const most = wholeOf(lastOf(statement, 'quorum_max')?.args[0]?.text, 0, 65_535);
  return {
    statement,
    oldName: nameOf(statement),
    process: process ? textsOf(process).join(' ').trim() : '',
    count: wholeOf(lastOf(statement, 'quorum')?.args[0]?.text, 1, 65_535) ?? 1,
    ...delaysOf(statement),
    isForbidden: most === 0,
    ...weightOf(statement, 0),
  };
}

const fileOf = (statement: Statement): OldTrackedFile => ({
  statement,
  oldName: nameOf(statement),
  path: allOf(statement, 'file')[0]?.args[0]?.text ?? '',
  ...weightOf(statement, 1),
});

export function definitionsOf({ blocks, order }: Pick<Given, 'blocks' | 'order'>): Definitions {
  const taken = new Set<string>();
  return {
    scripts: byName(blocksOf(blocks, 'vrrp_script').map((one) => scriptOf(one, taken))),
    processes: byName(blocksOf(blocks, 'vrrp_track_process').map(processOf)),
    files: byName(blocksOf(blocks, 'track_file', 'vrrp_track_file').map(fileOf)),
    order,
  };
}
