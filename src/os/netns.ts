/** Network namespaces of this host, by the names of `ip netns`. */
import { statSync } from 'node:fs';
import { errnoName, OsError } from '../base/errors.js';
import { native } from './native.js';

const FOLDER = '/run/netns/';

const pathOf = (netns: string): string => (netns.startsWith('/') ? netns : FOLDER + netns);

const CURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such network namespace on this director',
  EINVAL: 'it is no network namespace',
  EPERM: 'lbd may not enter it: that takes CAP_SYS_ADMIN',
};

function refusal(netns: string, error: unknown): unknown {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  const number = Math.abs(errno ?? 0);
  const text = CURES[errnoName(number)];
  return (syscall === 'netns' || syscall === 'stat') && text !== undefined
    ? new OsError({ op: 'netns', errno: number, object: netns }, text)
    : error;
}

/**
 * What `make` returns, called inside the namespace (a name or a path; undefined: our own). It is looked up each time, so that one
 * that was made anew is the new one. Throws OsError that names it.
 */
export function inNetns<T>(netns: string | undefined, make: () => T): T {
  if (netns === undefined) return make();
  try {
    return native.inNetns(pathOf(netns), make);
  } catch (error) {
    throw refusal(netns, error);
  }
}

/** Which one the name means now: another text after it was made anew. Throws OsError that names it. */
export function netnsIdentity(netns: string | undefined): string {
  if (netns === undefined) return '';
  try {
    const { dev, ino } = statSync(pathOf(netns));
    return `${dev}:${ino}`;
  } catch (error) {
    throw refusal(netns, error);
  }
}
