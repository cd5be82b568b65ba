/** A web server that says its name: `node web.js NAME PORT`. SIGUSR1 makes /healthz answer 503, SIGUSR2 makes it 200 again. */
import { createServer } from 'node:http';

const [name = 'rs', port = '80'] = process.argv.slice(2);
let healthy = true;
process.on('SIGUSR1', () => {
  healthy = false;
});
process.on('SIGUSR2', () => {
  healthy = true;
});

const server = createServer((request, response) => {
  const status = request.url === '/healthz' && !healthy ? 503 : 200;
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  response.end(`${name} ok\n`);
});
server.listen(Number(port), '::', () => console.log(`web ${name} listens`));
