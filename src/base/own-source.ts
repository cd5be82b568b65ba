/**
 * The address that a check via: vip leaves from: one of this director's own, and never one that a virtual server has. And whether this
 * host would take the answer, which comes from an address that it may have itself.
 */
import { familyOf, type Ip, ipBytes, type Prefix } from './ip.js';

export interface OwnAddress extends Prefix {
  readonly interface: string;
}

export interface SourceQuestion {
  /** Of this host, without loopback and link-local ones. */
  readonly own: readonly OwnAddress[];
  /** What the kernel would take towards the real server; undefined: it has no route, or is of another family. */
  readonly kernel: Ip | undefined;
  readonly server: Ip;
  readonly vip: Ip;
  /** Addresses that move from director to director. */
  readonly isVirtual: (address: Ip) => boolean;
}

function contains({ address, length }: Prefix, ip: Ip): boolean {
  const [a, b] = [ipBytes(address), ipBytes(ip)];
  if (a.length !== b.length) return false;
  for (let bit = 0; bit < length; bit += 8) {
    const mask = (0xff << Math.max(0, 8 - (length - bit))) & 0xff;
    if ((((a[bit >> 3] as number) ^ (b[bit >> 3] as number)) & mask) !== 0) return false;
  }
  return true;
}

/** The kernel's choice first, then the real server's network, then the VIP's, then any; undefined: there is none. */
export function chooseSource({ own, kernel, server, vip, isVirtual }: SourceQuestion): OwnAddress | undefined {
  const family = familyOf(vip);
  const good = own.filter(({ address }) => familyOf(address) === family && address !== vip && !isVirtual(address));
  const near = (target: Ip) => good.find((one) => contains(one, target));
  return good.find(({ address }) => address === kernel) ?? near(server) ?? near(vip) ?? good[0];
}

/** A setting below net.ipv4.conf, by interface (or `all`) and name; undefined: the kernel has none of that name. */
export type Conf = (link: string, name: string) => string | undefined;

/** What drops the answer, and what it would have to be. */
export interface AnswerFault {
  readonly link: string;
  readonly name: 'accept_local' | 'rp_filter';
  readonly found: string;
  readonly needed: string;
}

/**
 * IPv4 alone drops what comes in from an address of this host, unless accept_local says otherwise (of `all` or of the interface); a strict
 * reverse-path filter (the greater of both) still wants it on the interface that has the address (fib_validate_source in fib_frontend.c,
 * tried on 6.1). `arrives`: where the answer comes in; `holder`: the interface that has the VIP.
 */
export function answerFault(conf: Conf, arrives: string, holder: string): AnswerFault | undefined {
  const values = (name: string) => ['all', arrives].map((link) => Number(conf(link, name) ?? 0));
  if (!values('accept_local').includes(1)) return { link: arrives, name: 'accept_local', found: '0', needed: '1' };
  if (Math.max(...values('rp_filter')) !== 1 || arrives === holder) return undefined;
  return { link: arrives, name: 'rp_filter', found: '1', needed: '2' };
}
