/**
 * A real server that misbehaves as it is told: `node naughty.js FOLDER CERT KEY`. Before every answer it reads FOLDER/mode:
 * ok | reset | hang | drip | status | stall | deaf | no-name | not-serving | an agent's line. HTTP on 80, HTTPS on 443, gRPC health on
 * 50051 of the loopback alone, an agent on 9999, DNS on UDP 53.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import packet from 'dns-packet';

const [folder = '', cert = '', key = ''] = process.argv.slice(2);
const mode = (): string => readFileSync(join(folder, 'mode'), 'utf8').trim();
const quiet = (socket: Socket) => socket.on('error', () => {});

function answerHttp(socket: Socket): void {
  quiet(socket);
  switch (mode()) {
    case 'reset':
      return void socket.resetAndDestroy();
    case 'hang':
      return void socket.resume();
    case 'drip': {
      const timer = setInterval(() => socket.write('x'), 100);
      return void socket.on('close', () => clearInterval(timer));
    }
    case 'status':
      return void socket.once('data', () => socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'));
    default:
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  }
}

/** TLS that says nothing after the TCP handshake, or a server behind it. */
const https = createHttps({ cert: readFileSync(cert), key: readFileSync(key) }, (_request, response) => response.end('ok'));
https.on('tlsClientError', () => {});
const front = createServer((socket) => {
  quiet(socket);
  if (mode() === 'stall') socket.resume();
  else https.emit('connection', socket);
});

/** HealthCheckResponse: SERVING or NOT_SERVING. */
const grpc = createHttp2().on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Uint8Array.of(0, 0, 0, 0, 2, 8, mode() === 'not-serving' ? 2 : 1));
});
grpc.on('session', (session) => session.on('error', () => {}));

const agent = createServer((socket) =>
  quiet(socket).end(`${/^(ok|reset|hang|drip|status|stall|deaf|no-name|not-serving)$/.test(mode()) ? 'ready' : mode()}\n`),
);

const dns = createSocket('udp4');
dns.on('message', (message, from) => {
  if (mode() === 'deaf') return;
  const { id = 0, questions = [] } = packet.decode(message);
  const answers = [{ type: 'A' as const, name: 'web.test', ttl: 1, data: '192.0.2.7' }];
  const reply = mode() === 'no-name' ? { flags: 3, answers: [] } : { answers };
  dns.send(packet.encode({ type: 'response', id, questions, ...reply }), from.port, from.address);
});

const listening = [
  new Promise<void>((done) => createServer(answerHttp).listen(80, done)),
  new Promise<void>((done) => front.listen(443, done)),
  new Promise<void>((done) => grpc.listen(50_051, '127.0.0.1', done)),
  new Promise<void>((done) => agent.listen(9999, done)),
  new Promise<void>((done) => dns.bind(53, done)),
];
await Promise.all(listening);
console.log('naughty listens');
