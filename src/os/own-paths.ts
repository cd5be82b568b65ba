/** What this host would do with a packet of its own, and with the answer: addresses, routes and settings as they are now. */
import { networkInterfaces } from 'node:os';
import { familyOf, type Ip, isLinkLocal6, parseIp } from '../base/ip.js';
import type { Conf, OwnAddress } from '../base/own-source.js';
import { native } from './native.js';
import { AF_INET, AF_INET6, inetAddress, readInetAddress, SOCK_DGRAM } from './sockaddr.js';
import { openSysctls } from './sysctl.js';

export interface OwnPaths {
  /** Of every interface; without loopback's own addresses and link-local ones. */
  addresses(): readonly OwnAddress[];
  /** The source that the kernel takes towards an address; undefined: no route. Sends nothing. */
  sourceTowards(address: Ip): Ip | undefined;
  /** Undefined also where a setting cannot be read. */
  readonly conf: Conf;
}

/** Any port will do. */
const PORT = 9;

function addresses(): OwnAddress[] {
  const found: OwnAddress[] = [];
  for (const [name, list] of Object.entries(networkInterfaces()))
    for (const { address: text, cidr } of list ?? []) {
      const address = parseIp(text.split('%')[0] as string);
      if (address === undefined || address.startsWith('127.') || address === '::1' || isLinkLocal6(address)) continue;
      found.push({ address, length: Number(cidr?.split('/')[1] ?? (familyOf(address) === 4 ? 32 : 128)), interface: name });
    }
  return found;
}

function sourceTowards(address: Ip): Ip | undefined {
  const fd = native.socket(familyOf(address) === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  try {
    if (native.connect(fd, inetAddress(address, PORT)) !== 0) return undefined;
    return readInetAddress(native.getsockname(fd))?.address;
  } finally {
    native.close(fd);
  }
}

export function openOwnPaths(): OwnPaths {
  const sysctls = openSysctls('/proc/sys/net/ipv4/conf');
  return {
    addresses,
    sourceTowards,
    conf(link, name) {
      try {
        return sysctls.read(`${link}/${name}`);
      } catch {
        return undefined;
      }
    },
  };
}
