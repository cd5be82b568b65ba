/** doctor.test.ts inside a namespace: joins the groups that directors join, or sends packets of each kind, on call. */
import { createSocket } from 'node:dgram';
import { native } from '../../src/os/native.js';
import { AF_INET, AF_INET6, inetAddress, intValue, SOCK_DGRAM, SOCK_RAW } from '../../src/os/sockaddr.js';
import { serve } from './netns.js';

const SOL_IP = 0;
const SOL_IPV6 = 41;
const IP_MULTICAST_TTL = 33;
const IPV6_MULTICAST_HOPS = 18;
const VRRP = 112;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const MLD_QUERY = 130;
/** Twenty bytes of TCP: from port 40000 to 80, FIN and ACK, no checksum. Nobody has heard of the connection. */
const FIN = Buffer.from('9c4000500000000100000001501100ff00000000', 'hex');

function send(family: number, protocol: number, to: string, port: number, payload: Uint8Array, hops: number, scope = 0): void {
  const fd = native.socket(family, protocol === UDP ? SOCK_DGRAM : SOCK_RAW, protocol);
  if (family === AF_INET) native.setsockopt(fd, SOL_IP, IP_MULTICAST_TTL, intValue(hops));
  else native.setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, intValue(hops));
  const result = native.send(fd, payload, 0, inetAddress(to, port, scope));
  native.close(fd);
  if (result < 0) throw new Error(`${to}: errno ${-result}`);
}

serve({
  async join(address: string) {
    for (const [type, groups, on] of [
      ['udp4', ['224.0.0.18', '224.0.0.81'], address],
      ['udp6', ['ff02::12'], '::%eth0'],
    ] as const) {
      const socket = createSocket(type);
      await new Promise<void>((resolve) => socket.bind(0, resolve));
      for (const group of groups) socket.addMembership(group, on);
    }
  },
  /** One of each, in the order of the test. */
  sendAll(address: string, scope: number) {
    const nothing = new Uint8Array(8);
    send(AF_INET, VRRP, '224.0.0.18', 0, nothing, 255);
    send(AF_INET, UDP, '224.0.0.81', 8848, nothing, 1);
    send(AF_INET, TCP, address, 0, FIN, 64);
    send(AF_INET6, VRRP, 'ff02::12', 0, nothing, 255, scope);
    send(AF_INET6, ICMPV6, 'ff02::1', 0, Buffer.concat([Buffer.from([MLD_QUERY]), Buffer.alloc(23)]), 1, scope);
  },
});
