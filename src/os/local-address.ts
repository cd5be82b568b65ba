/** When an added address is really there for packets that arrive. */
import { familyOf, type Ip } from '../base/ip.js';
import { native } from './native.js';
import { AF_INET6, inetAddress, readInetAddress, SOCK_DGRAM } from './sockaddr.js';

/** Any port will do: nothing is sent. */
const PORT = 9;

/** The host routes the address to itself: a socket connected to it gets it as its own. Sleeps for a millisecond when it does not. */
function isRouted(address: Ip, index: number): boolean {
  const fd = native.socket(AF_INET6, SOCK_DGRAM, 0);
  try {
    const connected = native.connect(fd, inetAddress(address, PORT, index)) === 0;
    if (connected && readInetAddress(native.getsockname(fd))?.address === address) return true;
    native.wait(fd, 0, 1);
    return false;
  } finally {
    native.close(fd);
  }
}

/**
 * The kernel answers an IPv6 address request before a worker thread of its own has made the route by which packets for the address
 * are taken in; who announces at once loses what comes in between. Blocks until the route is there, a millisecond at a time, with a
 * call of `meanwhile` after each, and `limitMs` at most. An IPv4 address has its route when the request is answered.
 */
export function awaitLocal(address: Ip, index: number, limitMs: number, meanwhile: () => void): boolean {
  if (familyOf(address) === 4) return true;
  for (let waited = 0; waited <= limitMs; waited++) {
    if (isRouted(address, index)) return true;
    meanwhile();
  }
  return false;
}
