/** `node udp.js serve NAME PORT ADDRESS…`: answers each datagram with its name, from the address that was asked. `node udp.js ask ADDRESS PORT COUNT`: a new source port each, prints the answers as JSON. */
import { createSocket } from 'node:dgram';

const [mode = '', first = '', second = '', third = '1', ...rest] = process.argv.slice(2);

async function serve(name: string, port: number, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (_data, from) => socket.send(name, from.port, from.address));
    await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  }
  console.log(`udp ${name} listens`);
}

function ask(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('no answer'), 5000);
    socket.once('message', (data) => finish(data.toString()));
    socket.once('error', (error) => finish(error.message));
    socket.connect(port, address, () => socket.send('?'));
  });
}

if (mode === 'serve') await serve(first, Number(second), [third, ...rest]);
else {
  const answers: string[] = [];
  for (let i = 0; i < Number(third); i++) answers.push(await ask(first, Number(second)));
  console.log(JSON.stringify(answers));
}
