/**
 * Servers that say whom they see. `node origin.js serve NAME PORT`: TCP and UDP, IPv4 and IPv6, each message is answered with
 * `NAME sees ADDRESS`. `node origin.js talk FROM ADDRESS PORT`: a TCP connection to one, a message every 50 ms, prints each answer.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

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

function talk(from: string, address: string, port: number): void {
  const socket = connect({ host: address, port, localAddress: from });
  socket.on('connect', () => setInterval(() => socket.write('?'), 50));
  socket.on('data', (data) => console.log(`answer: ${data.toString().trim().split('\n').pop()}`));
  const end = (why: string) => {
    console.log(`answer: ${why}`);
    process.exit(0);
  };
  socket.on('error', (error) => end(error.message));
  socket.on('close', () => end('closed'));
}

if (mode === 'serve') serve(words[0] as string, Number(words[1]));
else talk(words[0] as string, words[1] as string, Number(words[2]));
