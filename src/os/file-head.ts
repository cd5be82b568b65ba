/** The beginning of a file, read without ever being held up by it. */
import { close, constants, open, read } from 'node:fs';

/** Bytes. */
const MOST = 4096;
/** A read that takes longer hangs: it holds one thread of Node.js, and gets no second one. */
const HANGS_MS = 1000;

type Heard = (error: NodeJS.ErrnoException | null, text: string) => void;

/** Reads that have not come back, and who waits for them. BOUNDED by the files of the configuration. */
const reading = new Map<string, { readonly since: number; readonly heard: Heard[] }>();

/** O_NONBLOCK, or a FIFO without a writer would hold the thread that opens it. */
function begin(file: string, first: Heard): void {
  const heard = [first];
  reading.set(file, { since: performance.now(), heard });
  const end = (fd: number | undefined, error: NodeJS.ErrnoException | null, text: string) => {
    if (fd !== undefined) close(fd, () => {});
    reading.delete(file);
    for (const one of heard) one(error, text);
  };
  open(file, constants.O_RDONLY | constants.O_NONBLOCK, (refused, fd) => {
    if (refused) return end(undefined, refused, '');
    read(fd, Buffer.alloc(MOST), 0, MOST, null, (error, count, buffer) => end(fd, error, buffer.toString('utf8', 0, count)));
  });
}

/** True: an earlier read of it has not come back, and `heard` is not called. */
export function readHead(file: string, heard: Heard): boolean {
  const under = reading.get(file);
  if (!under) begin(file, heard);
  else if (performance.now() - under.since < HANGS_MS) under.heard.push(heard);
  else return true;
  return false;
}
