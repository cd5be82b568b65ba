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
  readonly texts: string;
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
    told: verdicts.map(({ statement, outcome, texts }) => ({ words: wordsOf(statement), outcome, texts: texts.join('; ') })),
    errors: problems.filter(({ severity }) => severity === 'error').map(({ line, message }) => `${line}: ${message}`),
  };
}

/** Said of the first virtual server of every file that does not say lvs_flush_on_stop. */
const AT_A_STOP = /(?:; )?at an ordered stop lbd leaves its services in the kernel, .*?as global\.on_stop: remove does/;

const beside = (one: Told): Told[] => {
  const texts = one.texts.replace(AT_A_STOP, '').replace(/^; /, '');
  return one.outcome === 'changed' && texts === '' ? [] : [{ ...one, texts }];
};

/** Of what is not carried over as it stands: `changed lb_kind TUN: …`. */
export const notesOf = ({ told }: ImportedText): string[] =>
  told
    .flatMap(beside)
    .filter(({ outcome }) => outcome !== 'carried')
    .map(({ words, outcome, texts }) => `${outcome} ${words}: ${texts}`);

/** The new text; it must be one that lbd takes. */
export function yamlOf(text: string): string {
  const { yaml, errors } = imported(text);
  assert.deepEqual(errors, []);
  return yaml as string;
}
