/** A configuration of keepalived as a text -> that of lbd, and what was said of its statements. */
import assert from 'node:assert/strict';
import { importKeepalived } from '../../src/config/keepalived/import.js';
import type { Outcome } from '../../src/config/keepalived/keywords/types.js';
import { readKeepalived } from '../../src/config/keepalived/read.js';
import { wordsOf } from '../../src/config/keepalived/walk.js';

const around = { readInclude: () => 'there are no files here', configId: undefined, env: {}, folderOf: () => '/etc/keepalived' };

export interface Told {
  readonly words: string;
  readonly outcome: Outcome;
  readonly texts: readonly string[];
}

export interface ImportedText {
  /** Undefined: lbd would not take it. */
  readonly yaml: string | undefined;
  readonly told: readonly Told[];
  readonly errors: readonly string[];
}

export function imported(text: string): ImportedText {
  const tree = readKeepalived({ file: 'keepalived.conf', text }, around);
  assert.deepEqual(tree.faults, []);
  const { yaml, verdicts, problems } = importKeepalived(tree, { file: 'keepalived.conf', sourceAt: () => '' });
  return {
    yaml,
    told: verdicts.map(({ statement, outcome, texts }) => ({ words: wordsOf(statement), outcome, texts })),
    errors: problems.filter(({ severity }) => severity === 'error').map(({ line, message }) => `${line}: ${message}`),
  };
}

/** Said of all virtual servers together, at one of them. */
const COMMON = /^(when lbd stops|when most hosts)/;

/** Of what is not carried over as it stands: `changed lb_kind TUN: …`; without what is said of all virtual servers together. */
export function notesOf({ told }: ImportedText): string[] {
  return told.flatMap(({ words, outcome, texts }) => {
    const own = texts.filter((text) => !COMMON.test(text));
    const isTold = outcome !== 'carried' && own.length > 0;
    return isTold ? [`${outcome} ${words}: ${own.join('; ')}`] : [];
  });
}

/** The new text; it must be one that lbd takes. */
export function yamlOf(text: string): string {
  const { yaml, errors } = imported(text);
  assert.deepEqual(errors, []);
  return yaml as string;
}
