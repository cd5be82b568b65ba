/**
 * Servers that say whom they see, and their client. `node origin.js serve NAME PORT`: TCP and UDP, IPv4 and IPv6, each message is answered
 * with `NAME sees ADDRESS`. `node origin.js ask tcp|udp FROM ADDRESS PORT [BYTES]`: one message from address FROM, prints the answer or why
 * there is none. `node origin.js talk FROM ADDRESS PORT`: a TCP connection, a message every 50 ms, prints each answer.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const WAIT_MS = 6000;
const [mode = '', ...words] = process.argv.slice(2);

function serve(name: string, port: number): void {
  const said = (address = '') => `${name} sees ${address.replace(/^::ffff:/, '')}\n`;
  const tcp = createServer((socket) => {
    socket.on('data', () => socket.write(said(socket.remoteAddress)));
    socket.on('error', () => socket.destroy());
  });
  const udp = createSocket('udp6');
  udp.on('message', (_data, from) => udp.send(said(from.address), from.port, from.address));
  udp.bind(port, '::', () => tcp.listen(port, '::', () => console.log(`origin ${name} listens`)));
}

function say(answer: string): void {
  console.log(`answer: ${answer.trim()}`);
  process.exit(0);
}

function askTcp(from: string, address: string, port: number): void {
  const socket = connect({ host: address, port, localAddress: from }, () => socket.write('?'));
  socket.on('data', (data) => say(data.toString()));
  socket.on('error', (error) => say(error.message));
}

function askUdp(from: string, address: string, port: number, message: string): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data) => say(data.toString()));
  socket.on('error', (error) => say(error.message));
  socket.bind(0, from, () => socket.connect(port, address, () => socket.send(message)));
}

function talk(from: string, address: string, port: number): void {
  const socket = connect({ host: address, port, localAddress: from });
  socket.on('connect', () => setInterval(() => socket.write('?'), 50));
  socket.on('data', (data) => console.log(`answer: ${data.toString().trim().split('\n').pop()}`));
  socket.on('error', (error) => say(error.message));
  socket.on('close', () => say('closed'));
}

if (mode === 'serve') serve(words[0] as string, Number(words[1]));
else if (mode === 'talk') talk(words[0] as string, words[1] as string, Number(words[2]));
else {
  const [protocol, from, address, port, bytes = '1'] = words as [string, string, string, string, string | undefined];
  setTimeout(() => say('none'), WAIT_MS);
  if (protocol === 'tcp') askTcp(from, address, Number(port));
  else askUdp(from, address, Number(port), '?'.repeat(Number(bytes)));
}
