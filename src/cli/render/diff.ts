/** `diff`: what is otherwise than in the file, object by object; `save`: the lines that were written. */
import type { ApiDiff, ApiDifference, ApiSaved } from '../../control/api.js';
import { age, line, type Style, sentence, styled, type View } from './text.js';

const MARK: Readonly<Record<ApiDifference['change'], readonly [mark: string, style: Style]>> = {
  added: ['+', 'green'],
  removed: ['-', 'red'],
  changed: ['~', 'yellow'],
};

const DONE = { added: 'added by', removed: 'removed by', changed: 'by' } as const;

function differenceLine(view: View, { change, target, text, by, since_seconds: since }: ApiDifference, width: number): string {
  const [mark, style] = MARK[change];
  const why = by === null || by.why === '' ? '' : `: ${by.why}`;
  const who = by === null || since === null ? '' : `(${DONE[change]} ${by.who}, ${age(since)} ago${why})`;
  const name = text === '' ? target : target.padEnd(width);
  return sentence(view, styled(`${mark} ${name}`, style), `  ${text}${text === '' || who === '' ? '' : ' '}`, styled(who, 'dim'));
}

function afterwords({ differences }: ApiDiff): string[] {
  const written = differences.filter(({ saved }) => saved).length;
  const left = differences.length - written;
  const what = written === differences.length ? (written === 1 ? 'it' : 'them') : `${written} of them`;
  if (differences.length === 0) return [];
  if (written === 0) return ['none of it is a matter of the file: it stays set at run time'];
  const stays = left === 0 ? '' : `; ${left === 1 ? 'the other stays' : 'the others stay'} set at run time`;
  return [`lbctl save writes ${what} into the file${stays}`];
}

const NONE: Readonly<Record<ApiDiff['against'], (name: string) => string>> = {
  file: (name) => `no difference: nothing is set at run time beside ${name}`,
  kernel: () => 'no difference: the kernel has what is wanted',
  peer: (name) => `no difference between this director and ${name}`,
};

export function renderDiff(view: View, diff: ApiDiff): string {
  const { against, differences, disk, name } = diff;
  const width = Math.max(0, ...differences.filter(({ text }) => text !== '').map(({ target }) => [...target].length));
  const head = differences.length === 0 ? line(view, NONE[against](name)) : '';
  return [
    head,
    ...differences.map((one) => differenceLine(view, one, width)),
    ...(against === 'file' ? afterwords(diff) : []).map((text) => sentence(view, styled(text, 'dim'))),
    disk === null || disk.state === 'in_force'
      ? ''
      : sentence(view, styled(disk.text, disk.state === 'invalid' ? 'red' : 'yellow')),
  ].join('');
}

const STYLE: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'dim' };

/** Lines of a file are shown whole, tabs too: they are there to be read as they stand. */
export function renderSaved(view: View, { files }: ApiSaved): string {
  return files
    .flatMap(({ diff }) => diff.replace(/\n$/, '').split('\n'))
    .map((text) => sentence(view, styled(text.replaceAll('\t', '    '), STYLE[text[0] ?? ''])))
    .join('');
}
