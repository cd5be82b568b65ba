/** Tells the demo: numbered steps, plain lines in a pipe; at a terminal a live line with what traffic does meanwhile. */

export interface Narrator {
  step(text: string): void;
  say(text: string): void;
  /** A figure for the table at the end. */
  result(what: string, value: string): void;
  table(): string;
  /** Shows `text()` while the work goes on (terminal only). */
  during<T>(text: () => string, work: Promise<T>): Promise<T>;
}

const LIVE_MS = 200;

export function createNarrator(write: (text: string) => void, live: boolean): Narrator {
  let steps = 0;
  let shown = false;
  const results: [string, string][] = [];
  const clear = () => {
    if (shown) write('\r\x1b[K');
    shown = false;
  };
  const line = (text: string) => {
    clear();
    write(`${text}\n`);
  };
  return {
    step: (text) => line(`\n${++steps}. ${text}`),
    say: (text) => line(`   ${text}`),
    result: (what, value) => {
      results.push([what, value]);
      line(`   ${what}: ${value}`);
    },
    table() {
      const width = Math.max(...results.map(([what]) => what.length));
      return results.map(([what, value]) => `   ${what.padEnd(width)}  ${value}`).join('\n');
    },
    async during(text, work) {
      if (!live) return work;
      const timer = setInterval(() => {
        write(`\r\x1b[K   ${text()}`);
        shown = true;
      }, LIVE_MS);
      try {
        return await work;
      } finally {
        clearInterval(timer);
        clear();
      }
    },
  };
}
