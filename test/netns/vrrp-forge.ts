/** Sends packets that no VRRP router would send: `HEX TTL` pairs as arguments, to the IPv4 group on eth0. */
import { fromHex } from '../../src/base/bytes.js';
import { native } from '../../src/os/native.js';
import { AF_INET, inetAddress, intValue, SOCK_RAW } from '../../src/os/sockaddr.js';

const IP_MULTICAST_TTL = 33;
const IPPROTO_VRRP = 112;

const fd = native.socket(AF_INET, SOCK_RAW, IPPROTO_VRRP);
native.bind(fd, inetAddress('10.9.0.9', 0));
const words = process.argv.slice(2);
for (let i = 0; i < words.length; i += 2) {
  native.setsockopt(fd, 0, IP_MULTICAST_TTL, intValue(Number(words[i + 1])));
  const result = native.send(fd, fromHex(words[i] as string), 0, inetAddress('224.0.0.18', 0));
  if (result < 0) throw new Error(`sendto: errno ${-result}`);
}
native.close(fd);
