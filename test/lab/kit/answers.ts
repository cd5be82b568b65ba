/**
 * Real servers of every kind in one program, on every address that its namespace has: `node answers.js KEY CERTIFICATE`. HTTP and HTTPS
 * (`/page` is the text below, `/missing` 404, all else `ok`), SMTP, DNS (an empty answer to everything), RADIUS' port says `seen`, syslog
 * says nothing, and the other ports take connections.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [key = '', certificate = ''] = process.argv.slice(2);
const PAGE = 'lbd answers\n';

function http(socket: Socket): void {
  let request = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text: string) => {
    request += text;
    if (!request.includes('\r\n\r\n')) return;
    const [, path] = request.split(' ', 2);
    const body = path === '/page' ? PAGE : 'ok\n';
    const status = path === '/missing' ? '404 Not Found' : '200 OK';
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
}

function smtp(socket: Socket): void {
  socket.on('error', () => {});
  socket.write('220 lab ESMTP\r\n');
  socket.setEncoding('latin1').on('data', (line: string) => {
    if (/^quit/i.test(line)) socket.end('221 bye\r\n');
    else socket.write('250 lab\r\n');
  });
}

const taken = (socket: Socket): void => void socket.on('error', () => {}).resume();

const SERVERS: Readonly<Record<number, (socket: Socket) => void>> = {
  25: smtp,
  53: taken,
  80: http,
  3306: taken,
  8080: http,
};

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

const listening = Object.entries(SERVERS).map(
  ([port, serve]) =>
    new Promise<void>((resolve) => createServer(serve).listen({ port: Number(port), host: '::', backlog: 1024 }, resolve)),
);
const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, http);
tls.on('tlsClientError', () => {});
listening.push(new Promise((resolve) => tls.listen({ port: 443, host: '::' }, resolve)));
for (const [address, port, answer] of DATAGRAMS) {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const text = answer(message);
    if (text) socket.send(text, from.port, from.address);
  });
  listening.push(new Promise((resolve) => socket.bind(port, address, resolve)));
}
await Promise.all(listening);
console.log('answers');
