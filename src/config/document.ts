/** YAML text with positions: every value can be traced to its line and column. */
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml';
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

/** `${NAME}`, `${NAME:-default}`; `$$` is a dollar sign. Undefined names go to `missing`. */
function substitute(text: string, env: Readonly<Record<string, string | undefined>>, missing: (name: string) => void): string {
  return text.replace(
    /\$\$|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g,
    (whole, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return whole === '$$' ? '$' : whole;
      const value = env[name];
      if (value === undefined && fallback === undefined) missing(name);
      return value ?? fallback ?? '';
    },
  );
}

/** A plain scalar is typed again after the substitution: `weight: ${WEIGHT}` is a number. */
function retype(scalar: Scalar, text: string): unknown {
  if (scalar.type !== 'PLAIN') return text;
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

export function load(file: string, text: string, env: Readonly<Record<string, string | undefined>>): Loaded {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const texts = text.split('\n');
  const at = (severity: Problem['severity'], message: string, offset: number): Problem => {
    const { line, col } = lines.linePos(offset);
    return {
      severity,
      message,
      file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      source: (texts[Math.max(line, 1) - 1] ?? '').replace(/\r$/, ''),
    };
  };
  const source: Source = {
    file,
    problem: (severity, message, path, atKey = false) => at(severity, message, findOffset(document, path, atKey)),
  };
  const problems = document.errors.map((error) => at('error', error.message.split('\n')[0] as string, error.pos[0]));
  if (problems.length > 0) return { source, value: undefined, problems };
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string' || !node.value.includes('$')) return;
      const replaced = substitute(node.value, env, (name) =>
        problems.push(
          at('error', `the environment variable ${name} is not set (\${${name}:-default} gives a default)`, node.range?.[0] ?? 0),
        ),
      );
      if (replaced !== node.value) node.value = retype(node, replaced);
    },
  });
  try {
    return { source, value: document.toJS({ maxAliasCount: MAX_ALIASES }), problems };
  } catch (error) {
    return { source, value: undefined, problems: [...problems, at('error', (error as Error).message, 0)] };
  }
}
