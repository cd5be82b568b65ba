/** sd_notify(3): tells systemd READY, RELOADING, STOPPING. Without NOTIFY_SOCKET it does nothing. */
import { native } from '../../os/native.js';
import { AF_UNIX, SOCK_DGRAM } from '../../os/sockaddr.js';

const UNIX_PATH_MAX = 108;

/** struct sockaddr_un; a leading `@` names an abstract socket (sd_notify's convention). */
function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  const bytes = new Uint8Array(2 + Math.min(name.length, UNIX_PATH_MAX));
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_UNIX;
  bytes.set(name.subarray(0, UNIX_PATH_MAX), 2);
  return bytes;
}

export function notifySystemd(state: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (!path) return;
  try {
    const fd = native.socket(AF_UNIX, SOCK_DGRAM, 0);
    native.send(fd, Buffer.from(state), 0, unixAddress(path));
    native.close(fd);
  } catch {
    // A supervisor that cannot be told is no reason to stop forwarding.
  }
}
