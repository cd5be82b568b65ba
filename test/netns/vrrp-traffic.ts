/**
 * Datagrams through the VIP. `echo NAME` answers on port 7000 with its name; `client ADDRESS RATE` sends numbered datagrams and reports
 * over IPC, on any message, what was sent and answered since the last report. A datagram that is not answered within 300 ms is lost.
 */
import { createSocket } from 'node:dgram';

const PORT = 7000;
const LATE_MS = 300;

export interface TrafficReport {
  readonly sent: number;
  readonly lost: number;
  /** Longest time between two answers, ms. */
  readonly silence: number;
  /** Answers by the name of who gave them. */
  readonly by: Readonly<Record<string, number>>;
}

function echo(name: string): void {
  const socket = createSocket({ type: 'udp6', ipv6Only: false });
  socket.on('message', (data, from) => socket.send(`${data.toString()} ${name}`, from.port, from.address));
  socket.on('error', () => {});
  socket.bind(PORT, '::', () => process.send?.('ready'));
}

function client(address: string, rate: number): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  /** Sent and not answered: number to time. BOUNDED: a report empties it of what is lost. */
  const open = new Map<number, number>();
  let next = 0;
  let sent = 0;
  let silence = 0;
  let lastAnswer = performance.now();
  let by: Record<string, number> = {};
  const began = performance.now();
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const [number, name] = data.toString().split(' ') as [string, string];
    if (!open.delete(Number(number))) return;
    const now = performance.now();
    silence = Math.max(silence, now - lastAnswer);
    lastAnswer = now;
    by[name] = (by[name] ?? 0) + 1;
  });
  const beat = () => {
    const due = ((performance.now() - began) * rate) / 1000;
    for (; next < due; next++) {
      open.set(next, performance.now());
      sent++;
      socket.send(String(next), PORT, address, () => {});
    }
  };
  socket.bind(() => setInterval(beat, 1));
  process.on('message', () => {
    const now = performance.now();
    let lost = 0;
    for (const [number, at] of open) {
      if (now - at < LATE_MS) continue;
      open.delete(number);
      lost++;
    }
    const report: TrafficReport = { sent, lost, silence: Math.max(silence, now - lastAnswer), by };
    process.send?.(report);
    sent = 0;
    silence = 0;
    by = {};
  });
  process.send?.('ready');
}

const [role, target, rate] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
if (role === 'echo') echo(target as string);
else client(target as string, Number(rate));
