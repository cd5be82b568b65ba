/** Users of this host by name. */
import { readFileSync } from 'node:fs';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** From /etc/passwd; undefined: there is none of that name. Users of a directory service are not found, numbers always are. */
export function userOf(name: string): User | undefined {
  if (/^\d+$/.test(name)) return { uid: Number(name), gid: Number(name) };
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
