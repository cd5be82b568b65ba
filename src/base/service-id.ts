/** What names a service in the kernel's IPVS, and how users name it. */
import { type Family, formatEndpoint, type Ip } from './ip.js';

export type IpvsProtocol = 'tcp' | 'udp' | 'sctp';

export type ServiceId =
  | {
      readonly kind: 'address';
      readonly family: Family;
      readonly protocol: IpvsProtocol;
      readonly address: Ip;
      /** 0: every port (a persistent service only). */
      readonly port: number;
    }
  | { readonly kind: 'fwmark'; readonly family: Family; readonly fwmark: number };

/** `tcp/192.0.2.10:80`, `udp/[2001:db8::1]:53`, `fwmark/7`, `fwmark/7/inet6`: also how users name a service. */
export function serviceKey(id: ServiceId): string {
  if (id.kind === 'fwmark') return id.family === 4 ? `fwmark/${id.fwmark}` : `fwmark/${id.fwmark}/inet6`;
  return `${id.protocol}/${formatEndpoint(id.address, id.port)}`;
}
