/**
 * A web server that says its name: `node web.js NAME PORT…`. SIGUSR1 makes /healthz answer 503, SIGUSR2 makes it 200 again. It reads no
 * more of HTTP than the path: the lab's machine spends more on node:http than on all the rest of a request.
 */
import { createServer, type Socket } from 'node:net';

const [name = 'rs', ...ports] = process.argv.slice(2);
let healthy = true;
process.on('SIGUSR1', () => {
  healthy = false;
});
process.on('SIGUSR2', () => {
  healthy = true;
});

function serve(socket: Socket): void {
  let request = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text: string) => {
    request += text;
    if (!request.includes('\r\n\r\n')) return;
    const [, path] = request.split(' ', 2);
    const status = path === '/healthz' && !healthy ? '503 Service Unavailable' : '200 OK';
    socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${name} ok\n`);
  });
}

const listening = ports.map(
  (port) =>
    new Promise<void>((resolve) => createServer(serve).listen({ port: Number(port), host: '::', backlog: 1024 }, resolve)),
);
await Promise.all(listening);
console.log(`web ${name} listens`);
