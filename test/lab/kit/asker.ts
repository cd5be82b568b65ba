/** Clients of the scenarios inside a network namespace, on call: whom do they reach? The answer is a name, or why there is none. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { serve } from '../../netns/netns.js';

/** Where from; left out: as the system likes. */
export interface From {
  readonly address?: string;
  readonly port?: number;
}

const WAIT_MS = 4000;
const AGAIN_MS = 1000;
/** Sockets at the same time. */
const TOGETHER = 25;

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;

function tcp(to: string, port: number, from: From = {}): Promise<string> {
  const local = {
    ...(from.address === undefined ? {} : { localAddress: from.address }),
    ...(from.port === undefined ? {} : { localPort: from.port }),
  };
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, ...local });
    let text = '';
    const finish = (answer: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('silence'), WAIT_MS);
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('end', () => finish(text.trim()));
    socket.on('error', (error) => finish(codeOf(error)));
  });
}

/** One datagram, and another one if it was lost. */
function udp(to: string, port: number, from: From = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer: string) => {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    const send = () => socket.send('?', () => {});
    const timer = setTimeout(() => finish('silence'), WAIT_MS);
    const again = setInterval(send, AGAIN_MS);
    socket.on('message', (data) => finish(data.toString()));
    socket.on('error', (error) => finish(codeOf(error)));
    socket.bind(from.port ?? 0, from.address, () => socket.connect(port, to, send));
  });
}

async function all(protocol: 'tcp' | 'udp', to: string, port: number, froms: readonly From[]): Promise<string[]> {
  const ask = protocol === 'tcp' ? tcp : udp;
  const answers: string[] = [];
  for (let i = 0; i < froms.length; i += TOGETHER)
    answers.push(...(await Promise.all(froms.slice(i, i + TOGETHER).map((from) => ask(to, port, from)))));
  return answers;
}

/** Numbered datagrams from one port, one after the other: `NAME@ADDRESS` of each answer, wherever it came from. */
function stream(to: string, port: number, from: From, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const answers: string[] = [];
    let sent = 0;
    const finish = () => {
      clearTimeout(timer);
      socket.close();
      resolve(answers);
    };
    const timer = setTimeout(finish, WAIT_MS);
    const next = () => void (sent++ < count && socket.send('?', port, to, () => setTimeout(next, 10)));
    socket.on('message', (data, { address }) => {
      answers.push(`${data.toString()}@${address}`);
      if (answers.length === count) finish();
    });
    socket.bind(from.port ?? 0, from.address, next);
  });
}

const ORIGIN_WAIT_MS = 6000;

/** So many bytes in one message to an origin (kit/origin.ts), from this address: its answer, or why there is none. */
function say(protocol: 'tcp' | 'udp', from: string, to: string, port: number, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    const message = '?'.repeat(bytes);
    const finish = (answer: string) => {
      clearTimeout(timer);
      close();
      resolve(answer.trim());
    };
    const timer = setTimeout(() => finish('none'), ORIGIN_WAIT_MS);
    let close: () => unknown;
    if (protocol === 'tcp') {
      const socket = connect({ host: to, port, localAddress: from }, () => socket.write(message));
      socket.on('data', (data) => finish(data.toString())).on('error', (error) => finish(error.message));
      close = () => socket.destroy();
    } else {
      const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
      socket.on('message', (data) => finish(data.toString())).on('error', (error) => finish(error.message));
      socket.bind(0, from, () => socket.connect(port, to, () => socket.send(message)));
      let open = true;
      close = () => {
        if (open) socket.close();
        open = false;
      };
    }
  });
}

/** SYNs that were sent again in this network namespace. */
function repeatedSyns(): number {
  const [names = '', values = ''] = readFileSync('/proc/net/netstat', 'utf8').split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('TCPSynRetrans')]);
}

export interface Reused {
  readonly connects: number;
  /** By error. */
  readonly failed: Readonly<Record<string, number>>;
  /** Connects that took about a second: as when a SYN was lost or dropped, or on a slow machine. */
  readonly second: number;
  /** Milliseconds. */
  readonly longest: number;
  readonly repeatedSyns: number;
}

interface Running {
  readonly connects: number[];
  readonly failed: Record<string, number>;
  stopped: boolean;
}

/** The ACK of our FIN is still on its way: the client's own kernel keeps the port until then, and nothing was sent. */
const OWN_PORT_CLOSING = 'EADDRNOTAVAIL';

/** One connection: `reset` ends it with RST at once; otherwise the server has closed it, and keeps its TIME_WAIT. */
function brief(to: string, port: number, from: From, reset: boolean, running: Running): Promise<void> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket: Socket = connect({ host: to, port, localAddress: from.address as string, localPort: from.port as number });
    socket.setTimeout(10_000, () => socket.destroy(new Error('silence')));
    socket.on('connect', () => {
      running.connects.push(performance.now() - began);
      if (reset) socket.resetAndDestroy();
    });
    socket.on('data', () => {});
    socket.on('error', (error) => {
      const code = codeOf(error);
      if (code !== OWN_PORT_CLOSING) running.failed[code] = (running.failed[code] ?? 0) + 1;
    });
    socket.on('close', (failed) => void (failed ? setTimeout(resolve, 1) : resolve()));
  });
}

let running: Running = { connects: [], failed: {}, stopped: true };
let loops: readonly Promise<void>[] = [];
let before = 0;

/** From each of the ports, one connection after the other; every second port resets its connections. */
function reuse(to: string, port: number, from: readonly From[]): void {
  const mine: Running = { connects: [], failed: {}, stopped: false };
  running = mine;
  before = repeatedSyns();
  loops = from.map(async (one, i) => {
    while (!mine.stopped) await brief(to, port, one, i % 2 === 0, mine);
  });
}

async function reused(): Promise<Reused> {
  running.stopped = true;
  await Promise.all(loops);
  const { connects, failed } = running;
  return {
    connects: connects.length,
    failed,
    second: connects.filter((ms) => ms > 900 && ms < 1300).length,
    longest: Math.max(...connects),
    repeatedSyns: repeatedSyns() - before,
  };
}

serve({ tcp, udp, say, all, stream, reuse, reused, connects: () => running.connects.length });
