/** What lbd says of itself: its log, and its control socket. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiRefusal, connect } from '../../src/control/client.js';

const POLL_MS = 5;
const CHUNK = 1 << 20;

/** What lbd says of its batches so far: operations, and milliseconds from the first netlink message to the last answer. */
export function appliedBatches(file: string): { operations: number; ms: number } {
  const lines = readFileSync(file, 'utf8').split('\n');
  const batches = lines.filter((line) => line.includes('"msg":"table applied"')).map((line) => JSON.parse(line));
  const sum = (field: string) => batches.reduce((total: number, batch) => total + Number(batch[field]), 0);
  return { operations: sum('operations'), ms: sum('ms') };
}

/** Calls of the result say whether a text was written to the file since; only what is new is read. */
function watchFor(text: string, fd: number): () => boolean {
  const chunk = Buffer.alloc(CHUNK);
  let position = fstatSync(fd).size;
  let rest = '';
  return () => {
    for (;;) {
      const count = readSync(fd, chunk, 0, CHUNK, position);
      if (count === 0) return false;
      position += count;
      const whole = rest + chunk.toString('latin1', 0, count);
      if (whole.includes(text)) return true;
      rest = whole.slice(-text.length);
    }
  };
}

/**
 * The moment when lbd has read its file anew, told its check process, and that has taken it: the event `reload`, and after it the answer of
 * the check process to a cheap question, which comes after the new configuration because messages stay in their order.
 */
export function reloadWatch(log: string, socket: string): (limitMs: number) => Promise<number> {
  const fd = openSync(log, 'r');
  const told = watchFor('"kind":"reload"', fd);
  return async (limitMs) => {
    const deadline = performance.now() + limitMs;
    try {
      while (!told()) {
        if (performance.now() > deadline) throw new Error(`lbd has not reloaded within ${limitMs / 1000} s`);
        await sleep(POLL_MS);
      }
    } finally {
      closeSync(fd);
    }
    return untilAnswered(socket, deadline);
  };
}

async function untilAnswered(socket: string, deadline: number): Promise<number> {
  const client = await connect(socket);
  try {
    while (!(await answered(client))) {
      if (performance.now() > deadline) throw new Error("lbd's check process does not answer");
    }
    return performance.now();
  } finally {
    client.close();
  }
}

/** A real server that there is not: refused by the check process, without reading the kernel's table. */
async function answered(client: Awaited<ReturnType<typeof connect>>): Promise<boolean> {
  try {
    await client.call('why', { target: 's0', rs: '192.0.2.1:1' });
    return true;
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    return error.error.code !== 'unavailable';
  }
}
