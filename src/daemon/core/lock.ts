/**
 * One lbd a network namespace: an abstract Unix socket is exactly as wide as a namespace, and it vanishes with its process, so a
 * crash leaves nothing to clean.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { isTrusted } from '../trusted.js';

const NAME = '\0lbd/core';
const ANSWER_MS = 1000;

export interface LockResult {
  /** The held lock; undefined when it cannot be had. */
  readonly lock: Server | undefined;
  /** What the holder says of itself. */
  readonly holder: string;
  /** The name is held by a user who cannot run lbd: whoever is in the namespace may take an abstract name. */
  readonly squatted: boolean;
}

function askHolder(name: string): Promise<LockResult> {
  return new Promise((resolve) => {
    const socket = connect({ path: name });
    let text = '';
    let squatted = false;
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('connect', () => {
      squatted = !isTrusted(socket);
      if (squatted) socket.destroy();
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ lock: undefined, holder: text.trim() || 'it does not answer', squatted }));
  });
}

/** A caller that has gone, or never reads, costs nothing. */
function introduce(socket: Socket, description: string): void {
  socket.on('error', () => {});
  if (isTrusted(socket)) socket.end(`${description}\n`, () => socket.destroy());
  else socket.destroy();
}

/** Any other failure than a held name is thrown. */
export function takeLock(description: string, name = NAME): Promise<LockResult> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => introduce(socket, description));
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      askHolder(name).then(resolve, reject);
    });
    server.listen({ path: name }, () => {
      server.unref();
      resolve({ lock: server, holder: '', squatted: false });
    });
  });
}
