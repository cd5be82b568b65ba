/**
 * Files of an administrator written anew: whole, beside the old one, synced, and then put in its place, so that a power loss leaves the old
 * or the new. Mode and owner stay; through a symbolic link the file that it names is written. Of several either all are, or none.
 */
import { hash } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from './safe-file.js';

export interface Replacement {
  readonly file: string;
  /** SHA-256 of what it must hold now, in hexadecimal digits. */
  readonly before: string;
  readonly text: string;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only (with systemd: ReadWritePaths= of the unit)',
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  EBUSY: 'it is a mount point of its own, which cannot be replaced',
  ENOENT: 'it is gone',
};

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return WORDS[code ?? ''] ?? message;
};

/** One that is on the disk, and not in its place yet. */
interface Staged {
  readonly file: string;
  readonly target: string;
  readonly beside: string;
  readonly old: Buffer;
}

/** No include takes a name that begins with a dot. */
const besideOf = (target: string): string => join(dirname(target), `.${basename(target)}.lbd-new`);

async function writeBeside(target: string, content: string | Buffer): Promise<string> {
  const beside = besideOf(target);
  const { mode, uid, gid } = await stat(target);
  // Of a save that did not come to its end; nobody's link is followed.
  await rm(beside, { force: true });
  const fresh = await open(beside, 'wx', 0o600);
  try {
    await fresh.writeFile(content);
    await fresh.chmod(mode & 0o7777);
    const own = await fresh.stat();
    if (own.uid !== uid || own.gid !== gid) await fresh.chown(uid, gid);
    await fresh.sync();
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw error;
  } finally {
    await fresh.close();
  }
  return beside;
}

async function stage({ file, before, text }: Replacement): Promise<Staged> {
  try {
    const target = await realpath(file);
    const old = await readFile(target);
    if (hash('sha256', old) !== before) throw new Error('it is not what was read a moment ago, or not all of it is UTF-8');
    return { file, target, old, beside: await writeBeside(target, text) };
  } catch (error) {
    throw new Error(`${file} cannot be written: ${reasonOf(error)}`);
  }
}

/** What it held before is there again. */
async function putBack({ file, target, old }: Staged): Promise<void> {
  try {
    await rename(await writeBeside(target, old), target);
    await syncFolder(dirname(target));
  } catch (error) {
    throw new Error(`${file} holds the changes, and cannot be written back: ${reasonOf(error)}`);
  }
}

async function putAllBack(placed: readonly Staged[]): Promise<void> {
  for (const one of placed) await putBack(one);
}

/**
 * Rejects with an Error of one sentence; nothing is changed then, unless it says so. What it gives makes them what they were, and rejects as
 * well.
 */
export async function replaceFiles(files: readonly Replacement[]): Promise<() => Promise<void>> {
  const staged: Staged[] = [];
  const placed: Staged[] = [];
  try {
    for (const one of files) staged.push(await stage(one));
    for (const one of staged) {
      await rename(one.beside, one.target).catch((error: unknown) => {
        throw new Error(`${one.file} cannot be written: ${reasonOf(error)}`);
      });
      placed.push(one);
    }
    for (const folder of new Set(placed.map((one) => dirname(one.target)))) await syncFolder(folder);
    return () => putAllBack(placed);
  } catch (error) {
    for (const { beside } of staged) await rm(beside, { force: true }).catch(() => {});
    await putAllBack(placed);
    throw error;
  }
}
