/**
 * Long connections. `node long.js serve PORT…`: echoes. `node long.js hold COUNT EVERY_MS ADDRESS:PORT…`: opens COUNT connections to each, sends a
 * byte on each every EVERY_MS, and prints every half second how many of each target got an echo lately, and how many broke:
 * `{"at":MS,"alive":[…],"broken":[…]}`.
 */
import { connect, createServer, type Socket } from 'node:net';

const [mode, ...words] = process.argv.slice(2);
const REPORT_MS = 500;
/** An echo is late where the system is slow; a connection that lives has one within so much more than its interval. */
const SLOW_MS = 2000;

interface Held {
  readonly target: number;
  heard: number;
  broken: boolean;
}

async function serve(ports: readonly string[]): Promise<void> {
  for (const port of ports) {
    const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => server.listen(Number(port), '::', resolve));
  }
  console.log('echo listens');
}

function hold(address: string, target: number, everyMs: number): Promise<Held> {
  const at = address.lastIndexOf(':');
  const held: Held = { target, heard: 0, broken: false };
  return new Promise((resolve) => {
    const socket: Socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
    const timer = setInterval(() => socket.write('.'), everyMs);
    const lost = () => {
      held.broken = true;
      clearInterval(timer);
      resolve(held);
    };
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write('.'));
    socket.on('data', () => {
      held.heard = performance.now();
      resolve(held);
    });
    socket.on('error', lost);
    socket.on('close', lost);
  });
}

async function holdAll(count: number, everyMs: number, targets: readonly string[]): Promise<void> {
  const all: Held[] = [];
  for (const [i, target] of targets.entries()) {
    for (let n = 0; n < count; n += 10)
      all.push(...(await Promise.all(Array.from({ length: Math.min(10, count - n) }, () => hold(target, i, everyMs)))));
  }
  const report = () => {
    const since = performance.now() - everyMs - SLOW_MS;
    const count = (test: (one: Held) => boolean) =>
      targets.map((_, i) => all.filter((one) => one.target === i && test(one)).length);
    console.log(
      JSON.stringify({
        at: Math.round(performance.now()),
        alive: count((one) => !one.broken && one.heard > since),
        broken: count((one) => one.broken),
      }),
    );
  };
  console.log('all are open');
  setInterval(report, REPORT_MS);
}

if (mode === 'serve') await serve(words);
else await holdAll(Number(words[0]), Number(words[1]), words.slice(2));
