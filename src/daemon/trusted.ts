/** Whose word counts on the abstract sockets: the lock of core and the leases of its children. */
import type { Socket } from 'node:net';
import { peerOf } from '../os/peer.js';

/** Root, or the user that this lbd runs as. On a connected client it is the listener that is asked about. */
export function isTrusted(socket: Socket): boolean {
  const { uid } = peerOf(socket);
  return uid === 0 || uid === process.getuid?.();
}
