/** YAML text with positions: every value can be traced to its line and column. */
import { type Document, isMap, isScalar, type Node, parseDocument, visit, type YAMLParseError } from 'yaml';
import { readPlainYaml } from './plain-yaml.js';
import type { Problem } from './types.js';

/** Keys and indexes from the top of the document. */
export type Path = readonly (string | number)[];

export interface Source {
  readonly file: string;
  /** A problem at the value (or, with `key`, at the key) that the path leads to, or at the nearest thing above it. */
  problem(severity: Problem['severity'], message: string, path: Path, atKey?: boolean): Problem;
}

export interface Loaded {
  readonly source: Source;
  /** Undefined when the text is no YAML. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

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

type Environment = Readonly<Record<string, string | undefined>>;

/** `${NAME}`, `${NAME:-default}` (also for an empty one, as in a shell); `$$` is a dollar sign. What cannot be told goes to `fault`. */
function substitute(text: string, env: Environment, fault: (text: string) => void): string {
  return text.replace(
    /\$\$|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\{[^}]*\}?/g,
    (whole, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$$') return '$';
      if (name === undefined) fault(`${whole} is no variable: write \${NAME} or \${NAME:-default}, and $$ for a dollar sign`);
      else if (env[name] === undefined && fallback === undefined)
        fault(`the environment variable ${name} is not set (\${${name}:-default} gives a default)`);
      return (env[name ?? ''] || fallback) ?? '';
    },
  );
}

/** A plain scalar is typed again after the substitution: `weight: ${WEIGHT}` is a number. */
function retype(isPlain: boolean, text: string): unknown {
  if (!isPlain) return text;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

/** The value with its places, however it was read. */
interface Parsed {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  offsetOf(path: Path, atKey: boolean): number;
}

type Place = (severity: Problem['severity'], message: string, offset: number) => Problem;

function placesOf(file: string, text: string): Place {
  let starts: number[] | undefined;
  const findStarts = (): number[] => {
    const all = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) all.push(at + 1);
    return all;
  };
  return (severity, message, offset) => {
    starts ??= findStarts();
    let line = starts.length;
    for (let low = 0; low < line; ) {
      const middle = (low + line) >> 1;
      if ((starts[middle] as number) <= offset) low = middle + 1;
      else line = middle;
    }
    const start = starts[line - 1] as number;
    const source = text.slice(start, (starts[line] ?? text.length + 1) - 1).replace(/\r$/, '');
    return { severity, message, file, line, column: offset - start + 1, source };
  };
}

/** Undefined: the text is not of the plain kind, or a variable is wrong, which the other way tells. */
function readPlain(text: string, env: Environment): Parsed | undefined {
  const plain = readPlainYaml(text, (scalar, isPlain) => {
    if (!scalar.includes('$')) return { value: scalar };
    let isFaulty = false;
    const replaced = substitute(scalar, env, () => {
      isFaulty = true;
    });
    if (isFaulty) return undefined;
    return { value: replaced === scalar ? scalar : retype(isPlain, replaced) };
  });
  if (!plain) return undefined;
  const offsetOf = (path: Path, atKey: boolean): number => {
    for (let depth = path.length; depth > 0; depth--) {
      const found = plain.offsetOf(path.slice(0, depth), atKey && depth === path.length);
      if (found !== undefined) return found;
    }
    return plain.start;
  };
  return { value: plain.value, problems: [], offsetOf };
}

/** The library's sentence, where it speaks to the writer of a file. */
function yamlFault({ code, message, pos }: YAMLParseError, text: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here: a file holds one (use include for several files)';
  const line = text.slice(text.lastIndexOf('\n', pos[0] - 1) + 1, pos[0] + 1);
  const cure = /\$\{/.test(line)
    ? ` (a \${VARIABLE} between { } or [ ] must be in quotes, and is a text then: write the entry line by line)`
    : '';
  return `${message.split('\n')[0]}${cure}`;
}

function readAny(text: string, env: Environment, at: Place): Parsed {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const offsetOf = (path: Path, atKey: boolean) => findOffset(document, path, atKey);
  const problems = document.errors.map((error) => at('error', yamlFault(error, text), error.pos[0]));
  if (problems.length > 0) return { value: undefined, problems, offsetOf };
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string' || !node.value.includes('$')) return;
      const replaced = substitute(node.value, env, (fault) => problems.push(at('error', fault, node.range?.[0] ?? 0)));
      if (replaced !== node.value) node.value = retype(node.type === 'PLAIN', replaced);
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
    return { value: undefined, problems: [at('error', (error as Error).message, 0)], offsetOf };
  }
}

/** `readers`: what a test wants compared; both ways give the same. */
export function load(file: string, text: string, env: Environment, readers: 'both' | 'library' = 'both'): Loaded {
  const at = placesOf(file, text);
  const { value, problems, offsetOf } = (readers === 'both' && readPlain(text, env)) || readAny(text, env, at);
  const source: Source = {
    file,
    problem: (severity, message, path, atKey = false) => at(severity, message, offsetOf(path, atKey)),
  };
  return { source, value, problems };
}
