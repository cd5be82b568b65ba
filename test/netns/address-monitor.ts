/** What the kernel of a host tells of its addresses: every change is a line of `ip monitor`, and nobody has to ask again and again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Lan, until } from './vrrp-harness.js';

export interface AddressMonitor {
  /** `2: eth0    inet 10.9.0.100/24 …`, or with `Deleted ` before it. */
  readonly lines: readonly string[];
  readonly child: ChildProcess;
}

/** Resolves when it listens. */
export async function monitorAddresses(
  lan: Lan,
  host: string,
  onLine: (line: string) => void = () => {},
): Promise<AddressMonitor> {
  const child = lan.adopt(
    spawn('ip', ['netns', 'exec', lan.ns(host), 'ip', '-o', 'monitor', 'address'], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const lines: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const all = (rest + chunk.toString()).split('\n');
    rest = all.pop() ?? '';
    for (const line of all.filter(Boolean)) {
      lines.push(line);
      onLine(line);
    }
  });
  // It says nothing when it is ready: what it sees first is this.
  await until('the monitor listens', () => {
    lan.exec(host, 'ip addr replace 10.9.9.9/32 dev lo');
    lan.exec(host, 'ip addr del 10.9.9.9/32 dev lo');
    return lines.length > 0;
  });
  return { lines, child };
}
