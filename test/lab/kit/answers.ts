/**
 * The real servers that nginx is none of, in one program on every address of its namespace: SMTP, DNS (an empty answer to every question),
 * RADIUS' port says `seen`, and syslog nothing.
 */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';

function smtp(socket: Socket): void {
  socket.on('error', () => {});
  socket.write('220 lab ESMTP\r\n');
  socket.setEncoding('latin1').on('data', (line: string) => {
    if (/^quit/i.test(line)) socket.end('221 bye\r\n');
    else socket.write('250 lab\r\n');
  });
}

/** The question with the bit of a response (RFC 1035, 4.1.1). */
function dns(query: Buffer): Buffer {
  const answer = Buffer.from(query);
  answer[2] = (answer[2] as number) | 0x80;
  return answer;
}

const nothing = (): undefined => undefined;
const seen = (): Buffer => Buffer.from('seen');
/** Each at its own address: an answer leaves from where its socket is bound. */
const DATAGRAMS: readonly (readonly [address: string, port: number, answer: (message: Buffer) => Buffer | undefined])[] = [
  ['10.44.12.11', 53, dns],
  ['10.44.12.12', 53, dns],
  ['10.44.12.13', 53, dns],
  ['10.44.13.11', 514, nothing],
  ['10.44.13.11', 1812, seen],
  ['10.44.13.12', 1812, seen],
];

await new Promise<void>((resolve) => createServer(smtp).listen({ port: 25, host: '::', backlog: 1024 }, resolve));
for (const [address, port, answer] of DATAGRAMS) {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const text = answer(message);
    if (text) socket.send(text, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
}
console.log('answers');
