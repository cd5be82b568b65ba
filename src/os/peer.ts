/** Who is at the other end of a Unix socket, as the kernel tells (unix(7), SO_PEERCRED). */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Caller } from '../control/server.js';
import { native } from './native.js';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid, each 32 bits. */
const UCRED_BYTES = 12;

const UNKNOWN: Caller = { uid: -1, pid: 0, name: 'unknown' };

/** The user's name from /etc/passwd (passwd(5)), else `uid N`. */
export function userName(uid: number, file = '/etc/passwd'): string {
  try {
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .find((one) => one.split(':')[2] === String(uid));
    return line?.split(':')[0] || `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}

/** Never throws: `unknown` when the kernel does not say. */
export function peerOf(socket: Socket): Caller {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return UNKNOWN;
  try {
    const bytes = native.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, UCRED_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // The kernel writes in the machine's order; x64 and arm64 are little-endian.
    const uid = view.getUint32(4, true);
    return { pid: view.getInt32(0, true), uid, name: userName(uid) };
  } catch {
    return UNKNOWN;
  }
}
