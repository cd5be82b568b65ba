/**
 * The client of the scenarios: `node flow.js ADDRESS PORT RATE TIMEOUT_MS` opens RATE connections a second, asks for / and prints one
 * JSON line for each: {"at": monotonic ms at the start, "ms": duration, "who": server name or null, "error": text or null}.
 */
import { connect } from 'node:net';

const [address = '', port = '80', rate = '20', timeout = '1000'] = process.argv.slice(2);
const monotonic = () => Number(process.hrtime.bigint() / 1000n) / 1000;

function once(): void {
  const at = monotonic();
  const socket = connect({ host: address, port: Number(port) });
  let text = '';
  let over = false;
  const finish = (error: string | null) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    socket.destroy();
    const who = error === null ? (/^(\S+) ok$/m.exec(text)?.[1] ?? null) : null;
    console.log(JSON.stringify({ at, ms: monotonic() - at, who, error: error ?? (who ? null : 'unexpected answer') }));
  };
  const timer = setTimeout(() => finish('timeout'), Number(timeout));
  socket.once('connect', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.once('end', () => finish(null));
  socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
}

setInterval(once, 1000 / Number(rate));
once();
