/** The dns checker: a question to this server, by UDP, and by TCP where the answer was cut (RFC 1035, RFC 7766). */
import { randomBytes } from 'node:crypto';
import packet, { type Answer, type DecodedPacket, type RecordType } from 'dns-packet';
import { parseIp } from '../../base/ip.js';
import type { DnsProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import { beginProbe, type Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { openStream } from './stream.js';
import type { Probe, Target } from './types.js';
import { openDatagram } from './udp-socket.js';

type Reply = DecodedPacket & { readonly rcode?: string };

const question = (probe: DnsProbe, id: number) => ({
  type: 'query' as const,
  id,
  flags: packet.RECURSION_DESIRED,
  questions: [{ type: probe.query as RecordType, name: probe.name }],
});

const isText = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

/** The data of a record in one way of writing: of a mapping the values, of several texts all. */
function dataOf(answer: Answer): string {
  const { data } = answer as { data?: unknown };
  if (isText(data)) return String(data);
  if (data instanceof Uint8Array) return Buffer.from(data).toString();
  if (Array.isArray(data))
    return data.map((one) => (isText(one) ? String(one) : Buffer.from(one as Uint8Array).toString())).join('');
  return Object.values((data ?? {}) as object)
    .filter(isText)
    .join(' ');
}

/** A name, or an address however it is spelt. */
const plain = (text: string): string => parseIp(text) ?? text.toLowerCase().replace(/\.$/, '');

/** What is wrong with the reply as a reply to our question; a refusal may leave the question out. */
function trouble({ query, name }: DnsProbe, reply: Reply): string | undefined {
  const code = reply.rcode ?? 'NOERROR';
  const [asked] = reply.questions ?? [];
  if (asked ? asked.type !== query || plain(asked.name) !== plain(name) : code === 'NOERROR')
    return `the DNS answer is ${asked ? `about ${asked.name} ${asked.type}, not ${name} ${query}` : 'without its question'}`;
  return code === 'NOERROR' ? undefined : `DNS ${code}`;
}

function judge(probe: DnsProbe, reply: Reply | 'unreadable', outcome: Outcome): void {
  if (reply === 'unreadable') return outcome.fail(remote('the DNS answer cannot be read: it is cut, or no DNS message'));
  const bad = trouble(probe, reply);
  if (bad !== undefined) return outcome.fail(remote(bad));
  const answers = (reply.answers ?? []).filter((one) => one.type === probe.query).map(dataOf);
  const { answer } = probe;
  if (answer === undefined) return outcome.succeed(answers.length === 0 ? 'DNS NOERROR, no records' : `DNS ${answers[0]}`);
  const hit = answers.find((one) => plain(one) === plain(answer));
  if (hit !== undefined) return outcome.succeed(`DNS ${hit}`);
  outcome.fail(remote(`DNS answered ${answers.length === 0 ? 'no record' : answers.slice(0, 3).join(', ')}, not ${answer}`));
}

/** The reply that has our number; undefined: none. */
function read(bytes: Uint8Array, id: number): Reply | 'unreadable' | undefined {
  const message = Buffer.from(bytes);
  if (message.length < 2 || message.readUInt16BE() !== id) return undefined;
  try {
    const reply = packet.decode(message) as Reply;
    // A record that goes on behind the end of the message would be read as one of holes.
    return reply.type === 'response' && packet.decode.bytes <= message.length ? reply : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** TC of a response, which may end in the middle of a record. */
const isCut = (bytes: Uint8Array): boolean => ((bytes[2] ?? 0) & 0x82) === 0x82;

/** Behind two bytes of length, in both directions. */
function askByTcp(probe: DnsProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  const id = randomBytes(2).readUInt16BE();
  return connectProbe(probe, target, done, (connection) => {
    const { outcome } = connection;
    let received = Buffer.alloc(0);
    const reader = {
      push(bytes: Uint8Array) {
        received = Buffer.concat([received, bytes]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return;
        const reply = read(received.subarray(2, 2 + received.readUInt16BE()), id);
        if (reply) judge(probe, reply, outcome);
        else outcome.fail(remote('no DNS answer over TCP'));
      },
      end: () => outcome.fail(remote('connection closed by the server without a DNS answer')),
    };
    openStream(connection, reader).write(packet.streamEncode(question(probe, id)));
  });
}

export function startDns(probe: DnsProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  const id = randomBytes(2).readUInt16BE();
  let release = () => {};
  return beginProbe(
    (outcome) => {
      const socket = openDatagram(probe, target, outcome, (bytes) => {
        const reply = read(bytes, id);
        if (!reply) return;
        if (!isCut(bytes)) return judge(probe, reply, outcome);
        socket.release();
        const again = askByTcp(probe, target, ({ ok, local, reason }) =>
          ok ? outcome.succeed(`${reason} (by TCP)`) : outcome.fail({ local, reason: `${reason} (by TCP)` }),
        );
        release = () => again.cancel();
      });
      release = () => socket.release();
      socket.send(packet.encode(question(probe, id)));
    },
    () => release(),
    done,
  );
}
