/** Files that VRRP instances track: the number at the beginning of each. What is no number is 0, as with keepalived, and is told. */
import { readHead } from '../../os/file-head.js';
import type { Reading } from '../../vrrp/track.js';

const EVERY_MS = 500;
/** Beyond every priority. */
const MOST = 1_000_000;

export interface FileWatch {
  want(paths: readonly string[]): void;
  reading(path: string): Reading | undefined;
  close(): void;
}

export function readNumber(error: NodeJS.ErrnoException | null, text: string): Reading {
  if (error?.code === 'ENOENT') return { value: 0, text: 'it does not exist, which counts as 0' };
  if (error) return { value: 0, text: `it cannot be read, which counts as 0: ${error.message}` };
  const word = /^\s*([-+]?\d+)\s*(?:\n|$)/.exec(text)?.[1];
  if (word === undefined) return { value: 0, text: 'it holds no number, which counts as 0' };
  const value = Math.max(-MOST, Math.min(MOST, Number(word)));
  return { value, text: `it says ${value}` };
}

export function watchFiles(changed: () => void): FileWatch {
  let paths: readonly string[] = [];
  /** BOUNDED by the configuration. */
  const readings = new Map<string, Reading>();
  let timer: NodeJS.Timeout | undefined;

  function take(path: string, reading: Reading): void {
    if (!paths.includes(path)) return;
    const before = readings.get(path);
    readings.set(path, reading);
    if (before?.text !== reading.text) changed();
  }

  /** Of one whose file system hangs nothing is known: what was said of it is believed for a while. */
  function look(): void {
    for (const path of paths) if (readHead(path, (error, text) => take(path, readNumber(error, text)))) readings.delete(path);
  }

  return {
    want(next) {
      paths = next;
      for (const path of readings.keys()) if (!next.includes(path)) readings.delete(path);
      clearInterval(timer);
      timer = paths.length === 0 ? undefined : setInterval(look, EVERY_MS);
      look();
    },
    reading: (path) => readings.get(path),
    close: () => clearInterval(timer),
  };
}
