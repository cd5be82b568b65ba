/** Newline-separated messages out of a byte stream, with a bound on their length. */

const NEWLINE = 10;

export interface LineReader {
  /** Takes the next bytes of the stream. */
  push(chunk: Buffer): void;
  /** Bytes of an unfinished line that are held. */
  pending(): number;
}

/**
 * Calls `onLine` for every whole line (without its end; empty lines are skipped). A line longer than `limit` bytes is thrown
 * away up to its end, and `onTooLong` is called once for it.
 */
export function createLineReader(limit: number, onLine: (line: string) => void, onTooLong: () => void): LineReader {
  let parts: Buffer[] = [];
  let size = 0;
  let skipping = false;
  const take = (part: Buffer) => {
    if (skipping) return;
    size += part.length;
    parts.push(part);
    if (size <= limit) return;
    skipping = true;
    parts = [];
    onTooLong();
  };
  const finish = () => {
    const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const whole = !skipping;
    parts = [];
    size = 0;
    skipping = false;
    const text = whole ? line.toString('utf8').trim() : '';
    if (text !== '') onLine(text);
  };
  return {
    push(chunk) {
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        take(chunk.subarray(from, end));
        finish();
        from = end + 1;
      }
      if (from < chunk.length) take(chunk.subarray(from));
    },
    pending: () => size,
  };
}
