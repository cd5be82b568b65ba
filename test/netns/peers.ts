/** Servers of Debian in a network namespace: they stay in the foreground, and end with the test. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { ProbeConfig } from '../../src/config/types.js';
import type { ProbeResult } from '../../src/health/types.js';
import { startProbe } from '../../src/os/probe/index.js';

/** A child that has not begun to listen after this time never will. */
const START_MS = 15_000;
/** Deadline of one probe, as its owner would keep it. */
const PROBE_MS = 5000;

/** The end of one probe of a port of 127.0.0.1 in the namespace that the probe names. */
export function ask(probe: ProbeConfig, port: number, address = '127.0.0.1'): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const one = startProbe(probe, { address, port }, (result) => {
      clearTimeout(deadline);
      resolve(result);
    });
    const deadline = globalThis.setTimeout(() => {
      one.cancel();
      resolve({ ok: false, local: false, reason: 'no answer', duration: PROBE_MS });
    }, PROBE_MS);
  });
}

export interface Peer {
  /** Ends it, and waits until it has. */
  stop(): Promise<void>;
}

/** Starts a server and waits until it listens on all these ports of 127.0.0.1; says what it said when it does not. */
export async function startPeer(netns: string, argv: readonly string[], ports: readonly number[]): Promise<Peer> {
  const child = spawn('ip', ['netns', 'exec', netns, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const began = Date.now();
  for (const port of ports)
    while (!(await ask({ type: 'tcp', netns }, port)).ok) {
      if (gone(child) || Date.now() - began > START_MS) {
        child.kill('SIGKILL');
        throw new Error(`${argv.join(' ')} does not listen on ${port}: ${said}`);
      }
      await setTimeout(20);
    }
  return { stop };
}

const gone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** What curl gets there, to compare with: the body without its transfer coding. */
export function curl(
  netns: string,
  url: string,
  ...options: readonly string[]
): { readonly status: number; readonly body: Buffer } {
  const argv = ['netns', 'exec', netns, 'curl', '-sS', '--max-time', '10', '-w', '%{http_code}', ...options, url];
  const output = execFileSync('ip', argv, { maxBuffer: 16 << 20 });
  return { status: Number(output.subarray(-3).toString()), body: output.subarray(0, -3) };
}
