/** Many command lines at once. In the lab's machine the start of a program costs a hundred times what most of them do. */
import { execFileSync } from 'node:child_process';

/** A program that takes many lines in one call: how those lines begin, and the call. */
interface Taker {
  readonly begins: RegExp;
  call(beginning: string, rests: readonly string[]): string;
}

const input = (rests: readonly string[]): string => `<<'END'\n${rests.join('\n')}\nEND`;
const TAKERS: readonly Taker[] = [
  { begins: /^ip (-6 )?(-n \S+ )?/, call: (ip, rests) => `${ip}-batch - ${input(rests)}` },
  { begins: /^sysctl -qw /, call: (sysctl, rests) => `${sysctl}${rests.join(' ')}` },
  { begins: /^nft /, call: (_, rests) => `nft -f - ${input(rests)}` },
  { begins: /^ipvsadm /, call: (_, rests) => `ipvsadm -R ${input(rests)}` },
];
const quote = (line: string): string => line.replace(/\S+/g, (word) => `'${word}'`);
const ALONE: Taker = { begins: /^/, call: (_, rests) => rests.map(quote).join('\n') };

/** The lines, of plain words, in their order; neighbours that one program takes together are one call of it. The first failure is the end. */
export function scriptOf(lines: readonly string[]): string {
  const calls: { readonly taker: Taker; readonly beginning: string; readonly rests: string[] }[] = [];
  for (const line of lines) {
    const taker = TAKERS.find(({ begins }) => begins.test(line)) ?? ALONE;
    const beginning = taker.begins.exec(line)?.[0] ?? '';
    if (calls.at(-1)?.taker !== taker || calls.at(-1)?.beginning !== beginning) calls.push({ taker, beginning, rests: [] });
    calls.at(-1)?.rests.push(line.slice(beginning.length));
  }
  return ['set -e', ...calls.map(({ taker, beginning, rests }) => taker.call(beginning, rests)), ''].join('\n');
}

/** Runs command lines in a network namespace (undefined: in this one). Throws with what was printed when one fails. */
export function runAll(netns: string | undefined, lines: readonly string[]): string {
  const inside = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const [program = '', ...words] = [...inside, 'sh'];
  return execFileSync(program, words, { encoding: 'utf8', input: scriptOf(lines), stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs as many of these lines of ip as can be: undoing what may not be there. */
export function tryAll(lines: readonly string[]): void {
  try {
    execFileSync('ip', ['-force', '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'ignore'] });
  } catch {
    // Some were not there.
  }
}
