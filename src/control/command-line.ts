/**
 * A command line that the compiled lbctl (native/lbctl.c) hands over, so that Node.js need not start for it:
 *   -> {"id":1,"method":"command_line","progress":true,"params":{…}}
 *   <- {"id":1,"error":{…}}: nothing is done, lbctl runs it in Node.js; or {"id":1,"result":{"accepted":true}}, and then
 *   frames to the end:
 *      o LENGTH                   so many bytes for standard output follow this line
 *      e LENGTH                   the same for standard error
 *      d LENGTH STATUS            what to say, and the exit status, should the connection end without an x
 *      q LENGTH STATUS SECONDS    the same for so many seconds without a byte; 0: it goes on until nobody reads standard output
 *      w LENGTH                   a line for a terminal: what is waited for. It is wiped before anything else is written. Only for who
 *                                 asks for it (`progress`, which may be absent: an lbctl before it knows no such frame)
 *      x STATUS                   the exit status; the end
 * Nothing is begun before lbctl has, in its socket, that it was accepted: it may give up waiting and do the work itself. It keeps its side
 * open until the end: to close it means that nobody waits any more.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ApiError } from './api.js';
import type { Client } from './client.js';

/** What lbctl says in the daemon's place, and its exit status. */
export interface LastWords {
  readonly text: string;
  readonly status: number;
}

/** One command line while it runs. */
export interface Session {
  /** Answers that lbctl must run it; the end. */
  decline(why: string): void;
  /** Rejects when lbctl does not wait any more: nothing may be begun. */
  accept(died: LastWords, quiet: LastWords & { readonly seconds: number }): Promise<void>;
  /** A promise when lbctl is to be waited for: its reader may be slow. */
  out(text: string): void | Promise<void>;
  err(text: string): void;
  /** Tells what is waited for; undefined: lbctl does not want to know. */
  readonly waits: ((line: string) => void) | undefined;
  end(status: number): void;
  /** The control API, as whoever started lbctl may use it. */
  connect(): Promise<Client>;
  /** Aborted when lbctl is gone. */
  readonly gone: AbortSignal;
}

const sized = (kind: string, text: string, ...numbers: number[]): string =>
  `${[kind, Buffer.byteLength(text), ...numbers].join(' ')}\n${text}`;

export function createSession(
  socket: Duplex,
  { id, progress }: { readonly id: unknown; readonly progress: boolean },
  connect: () => Client,
): Session {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const write = (text: string): boolean => socket.destroyed || !socket.writable || socket.write(text);
  return {
    gone: gone.signal,
    connect: async () => connect(),
    decline(message) {
      const error: ApiError = { code: 'refused', message };
      socket.end(`${JSON.stringify({ id, error })}\n`);
    },
    accept: (died, quiet) =>
      new Promise((resolve, reject) => {
        const accepted = `${JSON.stringify({ id, result: { accepted: true } })}\n`;
        const words = sized('d', died.text, died.status) + sized('q', quiet.text, quiet.status, quiet.seconds);
        socket.write(accepted + words, (error) => (error ? reject(error) : resolve()));
      }),
    out(text) {
      if (text === '' || write(sized('o', text))) return undefined;
      return once(socket, 'drain', { signal: gone.signal }).then(
        () => {},
        () => {},
      );
    },
    err(text) {
      if (text !== '') write(sized('e', text));
    },
    waits: progress ? (line) => void write(sized('w', line)) : undefined,
    end(status) {
      socket.end(`x ${status}\n`);
    },
  };
}
