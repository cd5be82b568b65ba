// Manual pages in the man macros (groff_man(7)): text in, lines of roff out. Nothing but ASCII leaves here.
const PLAIN = { '’': "'", '…': '...', '–': '-', '×': 'x' };

/** Text as it is to be read: roff takes a backslash, a hyphen, and a dot or a quote at the beginning of a line for its own. */
export function escaped(text) {
  const ascii = text.replace(/[^\x00-\x7f]/g, (one) => PLAIN[one] ?? '?');
  return ascii
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

const one = (text) => escaped(text.replace(/\s+/g, ' ').trim());
const quoted = (text) => `"${one(text).replace(/"/g, '\\(dq')}"`;

export const title = (name, section, version) => `.TH ${name} ${section} "" ${quoted(`lbd ${version}`)} "lbd"`;
export const section = (name) => `.SH ${quoted(name)}`;
export const subsection = (name) => `.SS ${quoted(name)}`;
export const paragraph = (text) => `.PP\n${one(text)}`;
/** Words with `*bold*` and `_italic_` parts, as one line of a synopsis or a tag. */
export const styled = (text) =>
  one(text)
    .replace(/\*([^*]+)\*/g, '\\fB$1\\fR')
    .replace(/(^|[^A-Za-z0-9])_([^_]+)_(?![A-Za-z0-9])/g, '$1\\fI$2\\fR');
/** A tag, already roff, and what it is. */
export const item = (tag, text) => `.TP\n${tag}\n${one(text)}`;
export const bold = (text) => `\\fB${one(text)}\\fR`;
export const italic = (text) => `\\fI${one(text)}\\fR`;
/** Lines as they are. */
export const example = (text) => `.PP\n.nf\n.RS 4\n${escaped(text.trimEnd())}\n.RE\n.fi`;
export const indented = (lines) => ['.RS', ...lines, '.RE'];
/** `lbctl(1), lbd(8)` */
export const also = (pages) => pages.map(([name, number]) => `.BR ${escaped(name)} (${number})`).join(',\n');
