/** Kernel settings below /proc/sys. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoName, OsError } from '../base/errors.js';

export interface Sysctls {
  /** One line, its parts with single spaces between them; undefined when this kernel has none of that name. Throws OsError. */
  read(name: string): string | undefined;
  /** Throws OsError. */
  write(name: string, value: string): void;
}

const ENOENT = 2;
const EACCES = 13;
const EROFS = 30;

/** The numbers of numbers' columns are parted by tabs. */
const tidy = (text: string): string => text.trim().replace(/\s+/g, ' ');

function errnoOf(error: unknown): number {
  return Math.abs((error as { errno?: number }).errno ?? 0);
}

/** `folder`: `/proc/sys/net/ipv4/vs`. */
export function openSysctls(folder: string): Sysctls {
  return {
    read(name) {
      try {
        return tidy(readFileSync(join(folder, name), 'utf8'));
      } catch (error) {
        if (errnoOf(error) === ENOENT) return undefined;
        throw new OsError({ op: `reading ${join(folder, name)}`, errno: errnoOf(error) });
      }
    },
    write(name, value) {
      try {
        writeFileSync(join(folder, name), value);
      } catch (error) {
        const errno = errnoOf(error);
        const cure = errno === EROFS || errno === EACCES ? ': set it on the host, or give lbd a writable /proc/sys' : '';
        throw new OsError({ op: `writing ${value} to ${join(folder, name)}`, errno }, `${errnoName(errno)}${cure}`);
      }
    },
  };
}
