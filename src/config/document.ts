/** YAML text with positions: every value can be traced to its line and column. */
import { type Document, isMap, isNode, isScalar, type Node, parseDocument, visit } from 'yaml';
import { type Environment, type Loaded, type Path, type Place, placesOf } from './places.js';
import { loadPlain } from './plain-document.js';
import type { Problem } from './types.js';
import { retype, substitute } from './variables.js';
import { foreignSigns, syntaxFaults } from './yaml-faults.js';

export type { Loaded, Path, Source } from './places.js';

/** Aliases may be used, but not to blow a small file up into a huge one. */
const MAX_ALIASES = 1000;

function findOffset(document: Document, path: Path, atKey: boolean): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => (isScalar(item.key) ? item.key.value : item.key) === key);
      const node = (atKey && depth === path.length ? pair?.key : (pair?.value ?? pair?.key)) as Node | undefined;
      if (node?.range) return node.range[0];
    } else {
      const node = document.getIn(path.slice(0, depth), true) as Node | undefined;
      if (node?.range) return node.range[0];
    }
  }
  return document.contents?.range?.[0] ?? 0;
}

/** The value with its places. */
interface Parsed {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  offsetOf(path: Path, atKey: boolean): number;
}

function readAny(text: string, env: Environment, at: Place): Parsed {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const offsetOf = (path: Path, atKey: boolean) => findOffset(document, path, atKey);
  const problems = syntaxFaults(document, text).map(({ message, offset }) => at('error', message, offset));
  if (problems.length > 0) return { value: undefined, problems, offsetOf };
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string' || !node.value.includes('$')) return;
      const replaced = substitute(node.value, env, (fault) => problems.push(at('error', fault, node.range?.[0] ?? 0)));
      if (replaced !== node.value) node.value = retype(node.type === 'PLAIN', replaced);
    },
    Pair(_key, { key }) {
      if (!isNode(key) || isScalar(key)) return;
      const text = 'a key is a word, no list and no mapping (a value that begins with [ or { stands in quotes)';
      problems.push(at('error', text, key.range?.[0] ?? 0));
    },
    Alias(_key, node) {
      if (!node.resolve(document))
        problems.push(at('error', `*${node.source}: no anchor &${node.source} stands before it`, node.range?.[0] ?? 0));
    },
  });
  if (problems.length > 0) return { value: undefined, problems, offsetOf };
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), problems, offsetOf };
  } catch (error) {
    const tooMany = 'the aliases (*name) of this text make far more of it than is written: write it out';
    const message = error instanceof ReferenceError ? tooMany : (error as Error).message;
    return { value: undefined, problems: [at('error', message, 0)], offsetOf };
  }
}

/** A text that the quick reader does not read: the library's values, places and errors. */
function loadAny(file: string, text: string, env: Environment): Loaded {
  const at = placesOf(file, text);
  const foreign = foreignSigns(text);
  const { value, problems, offsetOf } = foreign
    ? { value: undefined, problems: [at('error', foreign.message, foreign.offset)], offsetOf: () => 0 }
    : readAny(text, env, at);
  const problem: Loaded['source']['problem'] = (severity, message, path, atKey = false) =>
    at(severity, message, offsetOf(path, atKey));
  return { source: { file, problem }, value, problems };
}

/** `readers`: what a test wants compared; both ways give the same. */
export function load(
  file: string,
  text: string,
  env: Environment,
  readers: 'both' | 'library' = 'both',
): Loaded & { readonly isPlain: boolean } {
  const plain = readers === 'both' ? loadPlain(file, text, env) : undefined;
  // The mark of UTF-8 that some editors write is no part of the first line.
  return { ...(plain ?? loadAny(file, text.replace(/^\ufeff/, ''), env)), isPlain: plain !== undefined };
}
