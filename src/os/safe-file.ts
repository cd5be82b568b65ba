/** Files that must be whole after a loss of power: written beside, synced, put in their place, the folder synced. */
import { chmod, chown, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What is written or renamed in a folder is there after a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}

interface Replacement {
  readonly mode: number;
  /** What is to be on disk before the file is in its place. */
  readonly beside?: Promise<void> | undefined;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  const fresh = await open(path, 'w', mode);
  try {
    await fresh.writeFile(text);
    await fresh.sync();
  } finally {
    await fresh.close();
  }
}

/** Rejects with the system's error; the old content stays then. */
export async function replaceSafely(path: string, text: string, { mode, beside }: Replacement): Promise<void> {
  await Promise.all([write(`${path}.tmp`, text, mode), beside]);
  await rename(`${path}.tmp`, path);
  await syncFolder(dirname(path));
}

/** Of a file of somebody else: it keeps its owner and its rights, and a symbolic link stays one. */
export async function replaceForeign(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const found = await stat(target).catch(() => undefined);
  const fresh = `${target}.lbd-new`;
  try {
    await write(fresh, text, found ? found.mode & 0o7777 : 0o644);
    if (found) {
      // The umask cuts the mode of open. Before the owner is another one, whose file root without CAP_FOWNER may not change.
      await chmod(fresh, found.mode & 0o7777);
      await chown(fresh, found.uid, found.gid);
    }
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}
