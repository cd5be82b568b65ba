/** Who is at the other end of a Unix socket, as the kernel tells (unix(7), SO_PEERCRED). */
import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Caller } from '../control/server.js';
import { native } from './native.js';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid, each 32 bits. */
const UCRED_BYTES = 12;

const UNKNOWN: Caller = { uid: -1, pid: 0, name: 'unknown' };

/** A memo: the names of one file, and what tells that it is still the same file. */
let known: { readonly file: string; readonly stamp: string; readonly names: ReadonlyMap<string, string> } | undefined;

function namesOf(file: string): ReadonlyMap<string, string> {
  const { ino, mtimeMs, ctimeMs, size } = statSync(file);
  const stamp = [ino, mtimeMs, ctimeMs, size].join(' ');
  if (known?.file === file && known.stamp === stamp) return known.names;
  const names = new Map<string, string>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    // Of several names for one user the first counts, as for getpwuid(3).
    if (!names.has(uid)) names.set(uid, name);
  }
  known = { file, stamp, names };
  return names;
}

/** The user's name from /etc/passwd (passwd(5)), else `uid N`. */
export function userName(uid: number, file = '/etc/passwd'): string {
  try {
    return namesOf(file).get(String(uid)) || `uid ${uid}`;
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
