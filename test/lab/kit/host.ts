/**
 * A real server that says its name: `node host.js NAME TCP_PORTS [UDP_PORT ADDRESS…]`, ports with commas. TCP (every address): to whoever
 * connects, then it closes. UDP: answers each datagram from the address that was asked. SIGUSR1 closes the last TCP port, SIGUSR2 opens it again.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [name = '', tcpPorts = '', udpPort = '0', ...addresses] = process.argv.slice(2);
const ports = tcpPorts.split(',').map(Number);

function listen(port: number): Promise<{ close(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${name}\n`);
  });
  return new Promise((resolve) => server.listen({ port, host: '::', backlog: 1024 }, () => resolve(server)));
}

async function answer(address: string): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_data, from) => socket.send(name, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(Number(udpPort), address, resolve));
}

const servers = await Promise.all(ports.map(listen));
await Promise.all(addresses.map(answer));
process.on('SIGUSR1', () => servers.pop()?.close());
process.on('SIGUSR2', async () => servers.push(await listen(ports.at(-1) as number)));
console.log(`host ${name} listens`);
