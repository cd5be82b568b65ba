/** Who of two directors has the address, as their kernels tell it: asking every few milliseconds takes the processor from who is measured. */
import { monitorAddresses } from '../netns/address-monitor.js';
import type { Lan } from '../netns/vrrp-harness.js';

export interface Holders {
  /** Resolves when that is so. */
  when(what: string, isSo: (held: ReadonlySet<string>) => boolean): Promise<void>;
}

const LIMIT_MS = 30_000;

/** To be called while nobody has it. */
export async function watchHolders(lan: Lan, hosts: readonly string[], vip: string): Promise<Holders> {
  const held = new Set<string>();
  const waiting = new Set<() => void>();
  const take = (host: string, line: string): void => {
    if (!line.includes(` ${vip}/`)) return;
    if (line.startsWith('Deleted')) held.delete(host);
    else held.add(host);
    for (const look of [...waiting]) look();
  };
  await Promise.all(hosts.map((host) => monitorAddresses(lan, host, (line) => take(host, line))));
  return {
    when: (what, isSo) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`not within ${LIMIT_MS} ms: ${what}`));
        }, LIMIT_MS);
        const look = () => {
          if (!isSo(held)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
