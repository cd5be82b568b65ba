/** What a check says that is right word by word, and can never come to anything. */
import { type Family, familyOf, type Ip, ipBytes, isMulticast, parseIp } from '../base/ip.js';

type Values = Readonly<Record<string, unknown>>;
export type CheckFault = readonly [key: string, message: string];

/** Records that are an address, and of which family. */
const ADDRESSES: Readonly<Record<string, Family>> = { A: 4, AAAA: 6 };
/** Bytes of the largest datagram of UDP over IPv4. */
const MAX_DATAGRAM = 65_507;
/** Answers without a body, whatever their fields say (RFC 9110, 6.4.1). */
const BODILESS = [204, 304];
/** Fields that announce a body, which no probe has. */
const OF_BODY = ['content-length', 'transfer-encoding'];
const BROADCAST = '255.255.255.255';

const isNone = (ip: Ip): boolean => ipBytes(ip).every((byte) => byte === 0);
/** Whether a probe can go to it, or leave from it: to come from no address at all is to leave the choice to the kernel. */
export const isHost = (key: 'address' | 'source', ip: Ip): boolean =>
  !isMulticast(ip) && ip !== BROADCAST && (key === 'source' || !isNone(ip));

/** Of where a probe goes to, and where it leaves from. */
export function* addressFaults(value: Values): Generator<CheckFault> {
  for (const key of ['address', 'source'] as const) {
    const ip = value[key] as Ip | undefined;
    if (ip !== undefined && !isHost(key, ip)) yield [key, `${key}: ${ip} is no address of a host`];
  }
}

/** Of udp and dns: what can never be sent, or never be the answer. */
export function* datagramFaults(type: string, { send, send_hex, query = 'A', answer }: Values): Generator<CheckFault> {
  const bytes = typeof send === 'string' ? new TextEncoder().encode(send).length : `${send_hex ?? ''}`.length / 2;
  if (type === 'udp' && bytes > MAX_DATAGRAM)
    yield [send === undefined ? 'send_hex' : 'send', `a datagram holds ${MAX_DATAGRAM} bytes at most, not ${bytes}`];
  const family = type === 'dns' ? ADDRESSES[`${query}`] : undefined;
  const address = parseIp(`${answer}`);
  if (answer !== undefined && family !== undefined && (address === undefined || familyOf(address) !== family))
    yield ['answer', `answer: "${answer}" is no IPv${family} address, and records of type ${query} hold nothing else`];
}

/** Of http and https. */
export function* requestFaults({ method, status, headers, host, body, regex, digest }: Values): Generator<CheckFault> {
  const searched = (body ?? regex ?? digest) !== undefined;
  if (method === 'HEAD' && searched) yield ['method', 'an answer to HEAD has no body: nothing to search in it'];
  const ranges = (status ?? []) as readonly (readonly [number, number])[];
  if (searched && ranges.length > 0 && ranges.every(([from, to]) => from === to && BODILESS.includes(from)))
    yield ['status', `an answer ${ranges.map(([from]) => from).join(' or ')} has no body: nothing to search in it`];
  const names = Object.keys((headers ?? {}) as object);
  const ofBody = names.find((name) => OF_BODY.includes(name.toLowerCase()));
  if (ofBody !== undefined) yield ['headers', `headers: ${ofBody}: a probe sends no body, and the server would wait for it`];
  if (host !== undefined && names.some((name) => name.toLowerCase() === 'host'))
    yield ['headers', 'headers: Host is said by "host" already'];
}
