/**
 * One lbd a network namespace: an abstract Unix socket is exactly as wide as a namespace, and it vanishes with its process, so a
 * crash leaves nothing to clean.
 */
import { connect, createServer, type Server } from 'node:net';

const NAME = '\0lbd/core';

/** The held lock; undefined when another lbd holds it, whose pid is then in `holder`. */
export interface LockResult {
  readonly lock: Server | undefined;
  readonly holder: string;
}

function askHolder(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path: NAME });
    let text = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text.trim() || 'unknown'));
  });
}

/** Any other failure than a held name is thrown. */
export function takeLock(description: string): Promise<LockResult> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end(`${description}\n`));
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      askHolder().then((holder) => resolve({ lock: undefined, holder }), reject);
    });
    server.listen({ path: NAME }, () => {
      server.unref();
      resolve({ lock: server, holder: '' });
    });
  });
}
