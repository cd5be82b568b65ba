/** `~SEQ(NAME, START, STEP, END) rest` and `~LST(NAME, VALUE, …) rest`: the rest of the line again and again, with another value each time. */

/** What its variables are, one turn after the other. */
export interface Sequence {
  readonly names: readonly string[];
  readonly turns: number;
  /** The values of the turn `at`, from 0, in the order of the names. */
  readonly valuesAt: (at: number) => readonly string[];
  /** Where the rest of the line begins. */
  readonly end: number;
}

export const isSequence = (text: string): boolean => /^~(?:SEQ|LST)/.test(text);

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SEQ = /^~SEQ(x?)[ \t]*\([ \t]*([^ \t,()]+)[ \t]*,([^)]*)\)[ \t]*/;
/** As C reads it: 0x… is hexadecimal, 0… octal. */
const NUMBER = /^[ \t]*([-+]?)(?:0[xX]([0-9a-fA-F]{1,12})|0([0-7]{1,16})|([0-9]{1,15}))[ \t]*$/;

function numberOf(text: string): number | undefined {
  const found = NUMBER.exec(text);
  if (!found) return undefined;
  const [, sign, hex, octal, decimal = ''] = found;
  const value = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : Number.parseInt(decimal, 10);
  return sign === '-' ? -value : value;
}

function range(numbers: readonly number[]): { start: number; step: number; end: number } {
  const [first = 0, second = 0, third = 0] = numbers;
  if (numbers.length === 1) return { start: first < 0 ? -1 : 1, step: first < 1 ? -1 : 1, end: first };
  if (numbers.length === 2) return { start: first, step: first <= second ? 1 : -1, end: second };
  return { start: first, step: second, end: third };
}

/** `expand` replaces what stands among the numbers. A string says what is wrong with it. */
function readSeq(text: string, expand: (numbers: string) => string): Sequence | string {
  const found = SEQ.exec(text);
  if (!found) return '~SEQ is written ~SEQ(NAME, [START, [STEP,]] END)';
  const [all, hex, name = '', inner = ''] = found;
  if (!NAME.test(name)) return `"${name}" is no name of a parameter`;
  const parts = expand(inner).split(',').map(numberOf);
  const numbers = parts.filter((one) => one !== undefined);
  if (numbers.length < parts.length || numbers.length > 3)
    return '~SEQ takes one to three whole numbers after the name: [START, [STEP,]] END';
  const { start, step, end } = range(numbers);
  if (step === 0 || (start < end && step < 0) || (start > end && step > 0))
    return `~SEQ never comes from ${start} to ${end} in steps of ${step}`;
  if (hex && (start < 0 || end < 0)) return '~SEQx counts from 0 upwards only';
  const turns = Math.floor((end - start) / step) + 1;
  const show = (at: number): string => (start + at * step).toString(hex ? 16 : 10);
  return { names: [name], turns, valuesAt: (at) => [show(at)], end: all.length };
}

const LST = /^~LST[ \t]*\([ \t]*/;
const SET = /(?:\{([^{}()]*)\}|([^,{}()]*))[ \t]*([,)])[ \t]*/y;

/** One set of names or values: `{A, B}` or `A`. */
function readSet(
  text: string,
  at: number,
): { readonly members: string[]; readonly isLast: boolean; readonly end: number } | undefined {
  SET.lastIndex = at;
  const found = SET.exec(text);
  if (!found) return undefined;
  const [all, several, one = '', sign] = found;
  const members = (several === undefined ? [one] : several.split(',')).map((member) => member.trim());
  return members.some((member) => /[ \t]/.test(member)) ? undefined : { members, isLast: sign === ')', end: at + all.length };
}

function readLst(text: string): Sequence | string {
  const wrong = '~LST is written ~LST(NAME, VALUE, …) or ~LST({NAME, NAME}, {VALUE, VALUE}, …)';
  const names = readSet(text, LST.exec(text)?.[0].length ?? text.length);
  if (!names || names.isLast) return wrong;
  const bad = names.members.find((one) => !NAME.test(one));
  if (bad !== undefined) return `"${bad}" is no name of a parameter`;
  const values: (readonly string[])[] = [];
  let end = names.end;
  for (let isLast = false; !isLast; ) {
    const set = readSet(text, end);
    if (!set) return wrong;
    if (set.members.length > names.members.length)
      return `~LST has ${names.members.length} names, and ${set.members.length} values for them: ${set.members.join(', ')}`;
    values.push(names.members.map((_, i) => set.members[i] ?? ''));
    ({ end, isLast } = set);
  }
  return { names: names.members, turns: values.length, valuesAt: (at) => values[at] ?? [], end };
}

export const readSequence = (text: string, expand: (numbers: string) => string): Sequence | string =>
  text.startsWith('~SEQ') ? readSeq(text, expand) : readLst(text);
