/**
 * What is wrong with a text as YAML, in words for who wrote it: the library's errors say what its parser expected. One slip gives one
 * sentence: what the parser makes of the rest of the line is left out.
 */
import { type Document, isCollection, isScalar, type Node, visit, type YAMLParseError, type YAMLWarning } from 'yaml';

export interface Fault {
  readonly message: string;
  readonly offset: number;
}

/** Bytes that were no UTF-8 have become U+FFFD when the file was read. YAML allows no control characters (chapter 5.1). */
const FOREIGN = /[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Undefined: the text has none. */
export function foreignSigns(text: string): Fault | undefined {
  const offset = text.search(FOREIGN);
  if (offset < 0) return undefined;
  const sign = text[offset] as string;
  const code = sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  const message =
    sign === '\ufffd'
      ? 'this is no UTF-8: save the file as UTF-8 (or is it no configuration at all?)'
      : `a configuration holds no control characters: this is U+${code} (or is it no configuration at all?)`;
  return { message, offset };
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
const startOfLine = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Keys that stand there before; the error is at the second one. */
function duplicate(text: string, offset: number): string {
  const key = /^(?:"[^"]*"|'[^']*'|[^\s:,{}[\]]+)/.exec(text.slice(offset))?.[0] ?? 'this key';
  return `"${key.replace(/^["']|["']$/g, '')}" is written twice in one mapping: leave one of them out`;
}

/** Begun and not ended, the outer ones first. */
function openNodes(document: Document, text: string): Node[] {
  const found: Node[] = [];
  visit(document, {
    Node(_key, node) {
      const { range } = node as Node;
      if (!range) return;
      const [start, end] = range;
      const sign = text[start] as string;
      const isFlow = isCollection(node) && node.flow;
      const isQuoted = isScalar(node) && (sign === '"' || sign === "'");
      const close = { '{': '}', '[': ']', '"': '"', "'": "'" }[sign];
      if ((isFlow || isQuoted) && close !== undefined && (end - start < 2 || text[end - 1] !== close)) found.push(node as Node);
    },
  });
  return found;
}

const NAMES: Readonly<Record<string, string>> = { '{': 'a {', '[': 'a [', '"': 'a quote', "'": 'a quote' };
const ENDS: Readonly<Record<string, string>> = { '{': '}', '[': ']', '"': '"', "'": "'" };

function unended(node: Node, text: string): Fault {
  const [offset] = node.range as [number, number, number];
  const sign = text[offset] as string;
  return {
    offset,
    message: `${NAMES[sign]} begins here and its ${ENDS[sign]} is missing (or stands in a line that is not deep enough)`,
  };
}

const QUOTES = 'a value that begins with one of [ { & * ! | > % @ or holds ": " stands in quotes';
const IN_QUOTES = `or is it a value with special characters? ${QUOTES}`;

const WORDS: Readonly<Partial<Record<YAMLParseError['code'], string>>> = {
  MULTIPLE_DOCS: 'a second document begins here: a file holds one (use include for several files)',
  TAB_AS_INDENT: 'a tab at the beginning of a line: YAML is indented by spaces',
  MULTILINE_IMPLICIT_KEY:
    'this is no key with its value: a colon and a space follow a key (name: web), and the keys of one mapping stand in one column',
  BLOCK_AS_IMPLICIT_KEY: `a key within the value of another one: the keys of one mapping stand in one column (${IN_QUOTES})`,
  BAD_INDENT:
    'this line stands in no column of the lines above: keys of one mapping, and the "- " of one list, stand in one column',
  BLOCK_IN_FLOW: 'between { } or [ ] entries stand with commas between them: is one missing before this?',
  MISSING_CHAR: 'something is missing here',
  BAD_COLLECTION_TYPE: 'the tag is of another kind of value',
  UNEXPECTED_TOKEN: `this does not belong here (${IN_QUOTES})`,
};

/** The library's sentence, where it says something to the writer of a file. */
function wordsOf({ code, message, pos }: YAMLParseError | YAMLWarning, text: string): string {
  const line = text.slice(startOfLine(text, pos[0]), pos[0] + 1);
  if (code === 'DUPLICATE_KEY') return duplicate(text, pos[0]);
  if (/\$\{/.test(line))
    return `a \${VARIABLE} between { } or [ ] must be in quotes, and is a text then: write the entry line by line`;
  if (message.startsWith('Maximum call stack')) return 'this is nested far too deep';
  if (code === 'TAG_RESOLVE_FAILED' && /^Unresolved tag/.test(message))
    return `${message.slice('Unresolved '.length)} means nothing to lbd: leave it out`.replace(/^tag:/, 'the tag');
  if (code === 'BAD_SCALAR_START') return `a value that begins with ${text[pos[0]]} stands in quotes`;
  return WORDS[code] ?? (message.split('\n')[0] as string);
}

const isUnended = ({ code, message }: YAMLParseError | YAMLWarning): boolean =>
  (code === 'BAD_INDENT' || code === 'MISSING_CHAR') && /^Flow |^Missing closing/.test(message);

/** Where one is, the parser has lost the structure of the text, and finds others in what follows. */
const LOSES: ReadonlySet<YAMLParseError['code']> = new Set([
  ...(['TAB_AS_INDENT', 'BAD_INDENT', 'MULTILINE_IMPLICIT_KEY', 'BLOCK_AS_IMPLICIT_KEY'] as const),
  ...(['BLOCK_IN_FLOW', 'MISSING_CHAR', 'UNEXPECTED_TOKEN', 'IMPOSSIBLE', 'RESOURCE_EXHAUSTION'] as const),
]);

/** It has found it again after so many lines without a fault. */
const FAR = 10;

interface Told extends Fault {
  readonly line: number;
  readonly loses: boolean;
}

/** One of each line, and of what follows from it none. */
function* causes(faults: readonly Told[]): Generator<Fault> {
  const lines = new Set<number>();
  let lost = Number.NEGATIVE_INFINITY;
  for (const { line, loses, ...fault } of faults) {
    const follows = loses && line - lost <= FAR;
    if (loses) lost = line;
    if (!follows && !lines.has(line)) yield fault;
    lines.add(line);
  }
}

/** Who has more than so many has another problem. */
const MOST = 200;

/** What was begun and not ended stands before what the parser stumbles over then. Warnings are of tags and versions that it passes over. */
export function syntaxFaults(document: Document.Parsed | Document, text: string): Fault[] {
  const all = [...document.errors, ...document.warnings].slice(0, MOST);
  if (all.length === 0) return [];
  const open = all.some(isUnended) ? openNodes(document, text).map((node) => unended(node, text)) : [];
  const others = all.filter((one) => open.length === 0 || !isUnended(one));
  const told = (fault: Fault, loses: boolean): Told => ({ ...fault, line: lineAt(text, fault.offset), loses });
  const faults = others.map((one) => told({ message: wordsOf(one, text), offset: one.pos[0] }, LOSES.has(one.code)));
  // Each that is not ended is a slip of its own; what is lost behind it is not.
  const ofOpen = open.flatMap((fault) => [told(fault, false), { ...told(fault, true), message: '' }]);
  return [...causes([...ofOpen, ...faults].sort((a, b) => a.offset - b.offset))];
}
