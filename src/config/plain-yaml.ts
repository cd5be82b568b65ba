/**
 * A reader for the plain part of YAML 1.2 that configurations are written in: block and flow collections, plain and quoted scalars of one
 * line, comments. It gives up (undefined) on everything else and on anything that may be an error, for the library to read or to refuse: anchors, tags,
 * block scalars, rare escapes, tabs, keys that are no words. What it does read, it reads as the library does (test/unit/config/plain-yaml.test.ts), twenty times
 * as fast.
 */

export interface PlainYaml {
  readonly value: unknown;
  /** The offset of the whole value. */
  readonly start: number;
  /** The offset of what the path leads to, or of its key; undefined where nothing is. */
  offsetOf(path: readonly (string | number)[], atKey: boolean): number | undefined;
}

/** What a scalar stands for; undefined: this reader is not for it. */
export type ScalarReader = (text: string, isPlain: boolean) => { readonly value: unknown } | undefined;

/** Of one item of a collection: offset of its key (of its value, in a sequence), offset of its value. */
type Mark = readonly [key: number, value: number];
type Marks = Map<string | number, Mark>;

class NotPlain extends Error {}

const GIVE_UP = new NotPlain('not the plain part of YAML');
const MAX_DEPTH = 40;

/** Anything else is a tab, a carriage return, a control character, a surrogate, what was no UTF-8, or a line break of another script. */
const FOREIGN = /[^\n\x20-\x7e\u00a0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffc]/;
/** The start, the end of a document, or a directive. */
const MARKER = /^(?:---|\.\.\.|%)/m;

const KEY = /([A-Za-z_][\w-]*):(?=[ \n]|$)/y;
const SPACES = / */y;
/** Spaces, a comment, the end of the line. */
const REST_OF_LINE = / *(?:(?<= )#[^\n]*)?(?:\n|$)/y;
const BLANK_LINES = /(?: *(?:#[^\n]*)?\n)*/y;
const LAST_LINE = / *(?:#[^\n]*)?$/y;
const QUOTED = /"(?:[^"\\\n]|\\(?:[0abefnrtv"/\\]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}))*"|'(?:[^'\n]|'')*'/y;
const ESCAPE = /\\(?:[xu]([0-9a-fA-F]+)|(.))/g;
const ESCAPED: Readonly<Record<string, string>> = {
  0: '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const PLAIN_IN_BLOCK = /[A-Za-z0-9_./~<+$(=-](?:[^\s:#]|:(?=\S)|(?<=\S)#| +(?=[^ #\n]))*/y;
const PLAIN_IN_FLOW = /[A-Za-z0-9_./~<+$(=-](?:[^\s,[\]{}:#]|:(?=[^\s,[\]{}])|(?<=\S)#| +(?=[^ \n,[\]{}:#]))*/y;

const NUMBERS =
  /^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);

class Reader {
  private at = 0;
  private depth = 0;
  private readonly marks = new Map<object, Marks>();

  private readonly text: string;
  private readonly scalar: ScalarReader;

  constructor(text: string, scalar: ScalarReader) {
    this.text = text;
    this.scalar = scalar;
  }

  read(): PlainYaml {
    if (this.nextLine() !== 0 || this.startsItem()) throw GIVE_UP;
    const start = this.at;
    const value = this.blockMap(0);
    if (this.at < this.text.length) throw GIVE_UP;
    return { value, start, offsetOf: (path, atKey) => this.offsetOf(value, path, atKey) };
  }

  private offsetOf(top: unknown, path: readonly (string | number)[], atKey: boolean): number | undefined {
    let value = top;
    let mark: Mark | undefined;
    for (const key of path) {
      mark = typeof value === 'object' && value !== null ? this.marks.get(value)?.get(key) : undefined;
      if (!mark) return undefined;
      value = (value as Record<string | number, unknown>)[key];
    }
    return mark?.[atKey ? 0 : 1];
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at = pattern.lastIndex;
    return found[1] ?? found[0];
  }

  /** Goes to what the next line holds that is more than a comment; its indentation, or -1 at the end. */
  private nextLine(): number {
    this.match(BLANK_LINES);
    if (this.match(LAST_LINE) !== undefined) return -1;
    return (this.match(SPACES) as string).length;
  }

  private column(): number {
    return this.at - (this.text.lastIndexOf('\n', this.at - 1) + 1);
  }

  /** At `- `. */
  private startsItem(): boolean {
    return this.text[this.at] === '-' && this.text[this.at + 1] === ' ';
  }

  private enter<T>(marks: Marks, value: T & object, fill: () => void): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw GIVE_UP;
    this.marks.set(value, marks);
    fill();
    this.depth -= 1;
    return value;
  }

  /** Stands behind the indentation of its first key afterwards, or of the line that ends it. */
  private blockMap(indent: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const marks: Marks = new Map();
    return this.enter(marks, map, () => {
      do {
        const keyAt = this.at;
        const key = this.newKey(marks);
        if (this.match(REST_OF_LINE) !== undefined) {
          const valueAt = this.below(indent);
          if (valueAt === undefined) {
            const colonAt = keyAt + key.length + 1;
            if (!/\n|^$/.test(this.text.slice(colonAt, colonAt + 1))) throw GIVE_UP;
            map[key] = null;
            marks.set(key, [keyAt, colonAt]);
          } else {
            marks.set(key, [keyAt, this.at]);
            map[key] = this.startsItem() ? this.blockSequence(valueAt) : this.blockMap(valueAt);
          }
        } else {
          this.match(SPACES);
          marks.set(key, [keyAt, this.at]);
          map[key] = this.inLine(indent);
        }
      } while (this.goesOn(indent) && !this.startsItem());
    });
  }

  /** The indentation of the collection that follows a key without a value in its line; undefined: there is none. */
  private below(indent: number): number | undefined {
    const found = this.nextLine();
    return found > indent || (found === indent && this.startsItem()) ? found : undefined;
  }

  /** Whether the line at hand belongs to the collection with this indentation; deeper ones belong to nobody. */
  private goesOn(indent: number): boolean {
    if (this.at >= this.text.length) return false;
    const column = this.column();
    if (column > indent) throw GIVE_UP;
    return column === indent;
  }

  private newKey(marks: Marks): string {
    const key = this.match(KEY);
    if (key === undefined || marks.has(key) || key === '__proto__' || WORDS.has(key)) throw GIVE_UP;
    return key;
  }

  private blockSequence(indent: number): unknown[] {
    const list: unknown[] = [];
    const marks: Marks = new Map();
    return this.enter(marks, list, () => {
      do {
        this.at += 1;
        this.match(SPACES);
        marks.set(list.length, [this.at, this.at]);
        KEY.lastIndex = this.at;
        list.push(KEY.test(this.text) ? this.blockMap(this.column()) : this.inLine(indent));
      } while (this.goesOn(indent) && this.startsItem());
    });
  }

  /** A value that begins in this line; goes on to the next line that holds something. */
  private inLine(indent: number): unknown {
    const value = this.value(PLAIN_IN_BLOCK, indent);
    if (this.match(REST_OF_LINE) === undefined) throw GIVE_UP;
    this.nextLine();
    return value;
  }

  private value(plain: RegExp, indent: number): unknown {
    switch (this.text[this.at]) {
      case '{':
        return this.flowMap(indent);
      case '[':
        return this.flowSequence(indent);
      case '"':
      case "'":
        return this.convert(this.quoted(this.match(QUOTED) ?? this.giveUp()), false);
      default:
        return this.convert(this.match(plain) ?? this.giveUp(), true);
    }
  }

  private quoted(text: string): string {
    const inner = text.slice(1, -1);
    if (text[0] === "'") return inner.replaceAll("''", "'");
    if (!inner.includes('\\')) return inner;
    return inner.replace(ESCAPE, (_all, code: string | undefined, sign: string) => {
      const meant = code === undefined ? (ESCAPED[sign] ?? sign) : String.fromCharCode(Number.parseInt(code, 16));
      // A variable must be seen in the text as it is written (variables.ts, withValues).
      return meant === '$' ? this.giveUp() : meant;
    });
  }

  private giveUp(): never {
    throw GIVE_UP;
  }

  private convert(text: string, isPlain: boolean): unknown {
    if (isPlain && /^-(?: |$|-(?:[ -]|$))/.test(text)) throw GIVE_UP;
    if (isPlain && WORDS.has(text)) return WORDS.get(text);
    if (isPlain && NUMBERS.test(text))
      return /^-?(?:0|[1-9]\d{0,14})$/.test(text) && text !== '-0' ? Number(text) : this.giveUp();
    return (this.scalar(text, isPlain) ?? this.giveUp()).value;
  }

  /** Between the parts of a flow collection; its lines stand deeper than the block that holds it. */
  private gap(indent: number): void {
    if (this.match(REST_OF_LINE) === undefined) this.match(SPACES);
    else if (this.nextLine() <= indent) throw GIVE_UP;
  }

  private skip(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private flowMap(indent: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const marks: Marks = new Map();
    return this.enter(marks, map, () =>
      this.items('}', indent, () => {
        const keyAt = this.at;
        const key = this.newKey(marks);
        this.match(SPACES);
        marks.set(key, [keyAt, this.at]);
        map[key] = this.value(PLAIN_IN_FLOW, indent);
      }),
    );
  }

  private flowSequence(indent: number): unknown[] {
    const list: unknown[] = [];
    const marks: Marks = new Map();
    return this.enter(marks, list, () =>
      this.items(']', indent, () => {
        marks.set(list.length, [this.at, this.at]);
        list.push(this.value(PLAIN_IN_FLOW, indent));
      }),
    );
  }

  private items(end: string, indent: number, item: () => void): void {
    this.at += 1;
    this.gap(indent);
    while (!this.skip(end)) {
      item();
      this.gap(indent);
      if (this.skip(',')) this.gap(indent);
      else if (this.text[this.at] !== end) throw GIVE_UP;
    }
  }
}

const EMPTY = /^(?: *(?:#[^\n]*)?\n)* *(?:#[^\n]*)?$/;

/** Nothing but spaces and comments. */
export const isEmptyYaml = (text: string): boolean => EMPTY.test(text) && !FOREIGN.test(text) && !MARKER.test(text);

export function readPlainYaml(text: string, scalar: ScalarReader): PlainYaml | undefined {
  if (FOREIGN.test(text) || MARKER.test(text)) return undefined;
  try {
    return new Reader(text, scalar).read();
  } catch (error) {
    if (error === GIVE_UP) return undefined;
    throw error;
  }
}
