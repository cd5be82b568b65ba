/** Reads what flow.js prints and answers questions about it. */
import { fileURLToPath } from 'node:url';
import { type Program, start } from './shell.js';

export interface Answer {
  readonly at: number;
  readonly ms: number;
  readonly who: string | null;
  readonly error: string | null;
}

export interface Traffic {
  readonly answers: Answer[];
  readonly program: Program;
  /** Answers whose request started in the window [from, to). */
  between(from: number, to?: number): Answer[];
  /** Resolves with the first answer from now on that satisfies the test. */
  next(test: (answer: Answer) => boolean, timeoutMs?: number): Promise<Answer>;
  /** Resolves when `count` more answers have come. */
  more(count: number, timeoutMs?: number): Promise<Answer[]>;
  stop(): Promise<void>;
}

/** The clock of `at`: CLOCK_MONOTONIC in ms, the same for all processes of the machine. */
export const monotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

export function startTraffic(netns: string, address: string, port: number, rate: number, timeoutMs: number): Traffic {
  const script = fileURLToPath(new URL('./flow.js', import.meta.url));
  const program = start(netns, [process.execPath, script, address, String(port), String(rate), String(timeoutMs)]);
  const answers: Answer[] = [];
  const listeners = new Set<(answer: Answer) => void>();
  program.onLine((line) => {
    if (!line.startsWith('{')) return;
    const answer = JSON.parse(line) as Answer;
    answers.push(answer);
    for (const listener of [...listeners]) listener(answer);
  });
  const next = (test: (answer: Answer) => boolean, limit = 60_000) =>
    new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        listeners.delete(listener);
        reject(new Error(`no such answer within ${limit} ms; the last ones: ${JSON.stringify(answers.slice(-5))}`));
      }, limit);
      const listener = (answer: Answer) => {
        if (!test(answer)) return;
        clearTimeout(timer);
        listeners.delete(listener);
        resolve(answer);
      };
      listeners.add(listener);
    });
  return {
    answers,
    program,
    next,
    between: (from, to = Number.POSITIVE_INFINITY) => answers.filter((answer) => answer.at >= from && answer.at < to),
    async more(count, limit) {
      const before = answers.length;
      if (count > 0) await next(() => answers.length >= before + count, limit);
      return answers.slice(before);
    },
    stop: () => program.kill(),
  };
}

/** The longest time without a successful answer: between the ends of two successes that follow each other, in ms. */
export function longestGap(answers: readonly Answer[]): number {
  const ends = answers.filter((answer) => answer.error === null).map((answer) => answer.at + answer.ms);
  ends.sort((a, b) => a - b);
  let longest = 0;
  for (let i = 1; i < ends.length; i++) longest = Math.max(longest, (ends[i] as number) - (ends[i - 1] as number));
  return longest;
}

/** How many answers each server gave. */
export function shares(answers: readonly Answer[]): Record<string, number> {
  const count: Record<string, number> = {};
  for (const { who } of answers) if (who) count[who] = (count[who] ?? 0) + 1;
  return count;
}
