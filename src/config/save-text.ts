/** Changes of a text at offsets: whatever they do not name stays, byte for byte. */

/** Characters `start` to `end` are replaced. */
export interface Patch {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** In their order, those that overlap made one; of several at one offset the first stands first. */
function inOrder(patches: readonly Patch[]): Patch[] {
  const sorted = [...patches].sort((a, b) => a.start - b.start);
  const result: Patch[] = [];
  for (const patch of sorted) {
    const last = result.at(-1);
    const apart = !last || patch.start > last.end || (patch.start === last.end && last.text + patch.text !== '');
    if (apart) result.push(patch);
    else result[result.length - 1] = { start: last.start, end: Math.max(last.end, patch.end), text: last.text + patch.text };
  }
  return result;
}

/** Patches as they are applied: in their order, none over another. A text without a line break at its end keeps none there. */
export function united(text: string, patches: readonly Patch[]): Patch[] {
  const all = inOrder(patches);
  const at = text.endsWith('\n') ? -1 : all.findIndex(({ start, end }) => end === text.length && start < end);
  const last = all[at];
  if (!last) return all;
  // What stands before the end that goes has the break that is one too many.
  const before = all[at - 1];
  if (before?.end === last.start && before.text.endsWith('\n'))
    all[at - 1] = { ...before, text: before.text.replace(/\r?\n$/, '') };
  else if (text[last.start - 1] === '\n') all[at] = { ...last, start: last.start - (text[last.start - 2] === '\r' ? 2 : 1) };
  return inOrder(all);
}

/** `patches`: of `united`. */
export function patched(text: string, patches: readonly Patch[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const patch of patches) {
    parts.push(text.slice(at, patch.start), patch.text);
    at = patch.end;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

/** The offset at which the line of `at` begins. */
export const lineStart = (text: string, at: number): number => (at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1);

/** The offset after the line of `at`, its line break included. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

/** How the lines of a text end. */
export const breakOf = (text: string): string => (/\r\n/.test(text.slice(0, lineEnd(text, 0))) ? '\r\n' : '\n');

export const isBlank = (text: string): boolean => text.trim() === '';

/** New lines after the line of `at`, also where that is the last one and has no line break. */
export function linesAfter(text: string, at: number, lines: readonly string[]): Patch {
  const eol = breakOf(text);
  const end = lineEnd(text, at);
  const joined = lines.join(eol);
  return { start: end, end, text: text.endsWith('\n') || end < text.length ? joined + eol : eol + joined };
}

/** The lines from that of `from` to that of `to`, both included, are gone. */
export const withoutLines = (text: string, from: number, to: number): Patch => ({
  start: lineStart(text, from),
  end: lineEnd(text, to),
  text: '',
});

/** And the empty line before them, where another one or nothing at all follows: not two of them are left. */
export function withoutParagraph(text: string, from: number, to: number): Patch {
  const patch = withoutLines(text, from, to);
  const before = lineStart(text, Math.max(0, patch.start - 1));
  const isApart =
    patch.start > 0 && isBlank(text.slice(before, patch.start)) && isBlank(text.slice(patch.end, lineEnd(text, patch.end)));
  return isApart ? { ...patch, start: before } : patch;
}
