/** The socket's place in the file system: its folder, a stale file in its way, who may open it. */
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

const ANSWER_MS = 1000;

/** Does a process listen there? A listener that is too busy to accept counts. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(ANSWER_MS, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}

/** Removes the socket file of a dead daemon. Throws an Error with one sentence when the place is taken. */
export async function clearPlace(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw new Error(`${path} exists and is no socket: remove it or choose another control.socket`);
  if (await isAnswered(path)) throw new Error(`another process answers on the control socket ${path}: stop it first`);
  unlinkSync(path);
}

/** The group's number from /etc/group (group(5)), or undefined. */
function groupId(name: string, file = '/etc/group'): number | undefined {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2] || Number.NaN);
  return Number.isInteger(id) ? id : undefined;
}

/** Opens the socket to the group; where that cannot be done it stays the owner's, and the text says why. */
export function admitGroup(path: string, group: string | undefined): string | undefined {
  if (group === undefined) return undefined;
  const only = `only root may use ${path}`;
  try {
    const gid = groupId(group);
    if (gid === undefined) return `group "${group}" does not exist: ${only} (groupadd --system ${group}, then restart lbd)`;
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
    return undefined;
  } catch (error) {
    return `cannot give ${path} to group "${group}": ${(error as Error).message}; ${only}`;
  }
}
