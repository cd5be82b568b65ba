/** The command of a MISC_CHECK: keepalived takes one word, and cuts it into a program and its arguments as a shell would. */

const SPACE = /\s/;

interface Cut {
  readonly words: string[];
  /** Undefined: between words. */
  open: string | undefined;
}

/** `"a b" c\ d 'e'` -> three words; undefined: a quote or an escape has no end. */
export function splitCommand(text: string): readonly string[] | undefined {
  const cut: Cut = { words: [], open: undefined };
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    let sign = text[i] as string;
    if (sign === '\\' && quote !== "'") {
      i++;
      if (i >= text.length) return undefined;
      sign = text[i] as string;
    } else if (quote === '' ? sign === '"' || sign === "'" : sign === quote) {
      quote = quote === '' ? sign : '';
      cut.open ??= '';
      continue;
    } else if (quote === '' && SPACE.test(sign)) {
      if (cut.open !== undefined) cut.words.push(cut.open);
      cut.open = undefined;
      continue;
    }
    cut.open = (cut.open ?? '') + sign;
  }
  if (cut.open !== undefined) cut.words.push(cut.open);
  return quote === '' ? cut.words : undefined;
}
