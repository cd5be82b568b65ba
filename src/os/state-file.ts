/** Folders and small files of state: written whole beside the old one, then put in its place. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Not there, or below what is no folder: making it says which.
    return false;
  }
}

/**
 * A folder and those above it, one level at a time: below a file system that takes no folders (/proc) the recursive mkdir of Node.js
 * tries for ever. Throws the system's error.
 */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else was faster.
    if (!isFolder(path)) throw error;
  }
}

/** Makes the folder if need be. Throws the system's error; the old content stays then. */
export function replaceFile(file: string, text: string): void {
  makeFolder(dirname(file));
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}
