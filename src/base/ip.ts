/**
 * IP addresses as canonical text. Text is what people read and what maps are keyed by; bytes exist only in wire formats.
 * Canonical means: dotted decimal without leading zeros, or RFC 5952 (lower case, the longest run of zeros shortened).
 */

export type Family = 4 | 6;

/** An address in canonical text; made by parseIp or ipFromBytes only. */
export type Ip = string & { readonly brand?: 'ip' };

export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
}

export interface Prefix {
  readonly address: Ip;
  /** 0..32 or 0..128. */
  readonly length: number;
}

export const familyOf = (ip: Ip): Family => (ip.includes(':') ? 6 : 4);

/** Bits of an address of this family. */
export const addressBits = (family: Family): number => (family === 4 ? 32 : 128);

const ZERO = 48;
const DOT = 46;

/**
 * Dotted decimal into four bytes from `at` on; false when it is none (the bytes are spoilt then). By character: whole tables of
 * addresses go through here, and a regular expression a part takes longer than the kernel's own work.
 */
function writeIp4(text: string, bytes: Uint8Array, at: number): boolean {
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digits === 0 || value > 255 || part === 4) return false;
      bytes[at + part++] = value;
      digits = 0;
      value = 0;
      continue;
    }
    // A leading zero is octal to some programs and decimal to others: refused.
    if (code < ZERO || code > ZERO + 9 || digits === 3 || (digits > 0 && value === 0)) return false;
    value = value * 10 + code - ZERO;
    digits++;
  }
  return part === 4;
}

function parseIp4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  return writeIp4(text, bytes, 0) ? bytes : undefined;
}

/** The 16-bit groups of one side of `::`, or undefined; a dotted tail counts as two groups. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const tail = i === parts.length - 1 ? parseIp4(part) : undefined;
      if (!tail) return undefined;
      groups.push(((tail[0] as number) << 8) | (tail[1] as number), ((tail[2] as number) << 8) | (tail[3] as number));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function parseIp6(text: string): Uint8Array | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  const head = parseGroups(sides[0] as string);
  const tail = sides.length === 2 ? parseGroups(sides[1] as string) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (sides.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}

/** 4 or 16 bytes in network order, or undefined when the text is no address. */
export function parseIpBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIp6(text) : parseIp4(text);
}

/** The canonical form of an address in any accepted spelling, or undefined. */
export function parseIp(text: string): Ip | undefined {
  const bytes = parseIpBytes(text);
  return bytes && ipFromBytes(bytes);
}

/** The bytes of a canonical address. Throws RangeError on text that is none (a bug, not input). */
export function ipBytes(ip: Ip): Uint8Array {
  const bytes = parseIpBytes(ip);
  if (!bytes) throw new RangeError(`not an IP address: ${ip}`);
  return bytes;
}

/** The longest run of two or more zero groups: [start, length]; length 0 when there is none. */
function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best[1] && end - i >= 2) best = [i, end - i];
    i = end + 1;
  }
  return best;
}

/** Writes the 4 or 16 bytes of a canonical address. Throws RangeError on text that is none. */
export function writeIp(ip: Ip, bytes: Uint8Array, at: number): void {
  // IPv4 first, without an array of its own; nothing but an address of it passes.
  if (!writeIp4(ip, bytes, at)) bytes.set(ipBytes(ip), at);
}

/** Canonical text of 4 or 16 bytes. Throws RangeError on another length. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  const [start, length] = longestZeroRun(groups);
  if (length === 0) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** `192.0.2.1:80` or `[2001:db8::1]:80`: the text form, and the key, of an address with a port. */
export function formatEndpoint(address: Ip, port: number): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

export function parsePort(text: string): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

/** `ADDRESS:PORT`, `[V6]:PORT`, or an address alone (port undefined); undefined when it is none of these. */
export function parseEndpoint(text: string): { address: Ip; port: number | undefined } | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const dotted = /^([^:]+):(\d+)$/.exec(text);
  const [, host, portText] = bracketed ?? dotted ?? [undefined, text, undefined];
  const address = parseIp(host as string);
  if (!address || (bracketed && familyOf(address) !== 6)) return undefined;
  if (portText === undefined) return { address, port: undefined };
  const port = parsePort(portText);
  return port === undefined ? undefined : { address, port };
}

/** `ADDRESS/LENGTH`; without a length the whole address. Undefined when it is no prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  const [host, lengthText, ...rest] = text.split('/');
  const address = parseIp(host as string);
  if (!address || rest.length > 0) return undefined;
  const bits = addressBits(familyOf(address));
  if (lengthText === undefined) return { address, length: bits };
  if (!/^(0|[1-9]\d{0,2})$/.test(lengthText) || Number(lengthText) > bits) return undefined;
  return { address, length: Number(lengthText) };
}

export const formatPrefix = (prefix: Prefix): string => `${prefix.address}/${prefix.length}`;

/** Unsigned comparison in network order, as VRRP breaks ties (RFC 9568 section 6.4.3). */
export function compareIp(a: Ip, b: Ip): number {
  const left = ipBytes(a);
  const right = ipBytes(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return (left[i] as number) - (right[i] as number);
  return 0;
}

export const isLinkLocal6 = (ip: Ip): boolean => /^fe[89ab][0-9a-f]:/.test(ip);

export function isMulticast(ip: Ip): boolean {
  const first = ipBytes(ip)[0] as number;
  return familyOf(ip) === 4 ? first >= 224 && first <= 239 : first === 0xff;
}
