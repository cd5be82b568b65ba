/** Files that must be whole after a loss of power: written beside, synced, put in their place, the folder synced. */
import { open, rename, rm } from 'node:fs/promises';
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
  try {
    await Promise.all([write(`${path}.tmp`, text, mode), beside]);
    await rename(`${path}.tmp`, path);
  } catch (error) {
    // On a disk that is full it would keep it so.
    await rm(`${path}.tmp`, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}
