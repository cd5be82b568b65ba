/**
 * At most one check and one vrrp process a network namespace. A child that outlived its core holds the name until the new core's
 * child asks for it; then it keeps everything as it is and ends, and the new one goes on from there.
 */
import { connect, createServer, type Server } from 'node:net';
import { isTrusted } from './trusted.js';

const YIELD_MS = 3000;

/** An abstract name has no permissions: whoever is in the namespace may connect, and only lbd's own user is obeyed. */
const listen = (name: string, yielded: () => void): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      // A caller that goes away is no event of ours.
      socket.on('error', () => {});
      if (isTrusted(socket)) yielded();
      else socket.destroy();
    });
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ path: name }, () => {
      server.unref();
      resolve(server);
    });
  });

/** Asks the holder to end; resolves when its socket closed, which the kernel does when the process is gone. */
const askToYield = (name: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ path: name });
    socket.setTimeout(YIELD_MS, () => socket.destroy());
    socket.once('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
  });

/**
 * Takes the name for this process; `yielded` is called when a successor wants it. False when the holder does not let go: the
 * caller says so and goes on.
 */
export async function takeLease(role: 'check' | 'vrrp', yielded: () => void, name = `\0lbd/${role}`): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await listen(name, yielded)) return true;
    await askToYield(name);
  }
  return (await listen(name, yielded)) !== undefined;
}
