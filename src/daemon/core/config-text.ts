/** The files of the configuration as they are on disk, beside what is in force. */
import type { SourceText } from '../../config/types.js';
import type { FileState } from '../../intent/revisions.js';
import { readRegularFile } from '../../os/config-files.js';
import { replaceFiles } from '../../os/replace-files.js';
import { replaceSafely } from '../../os/safe-file.js';
import { hashOf } from '../revision-store.js';

/** SHA-256 of what is there; undefined: it cannot be read. */
export function hashOnDisk(file: string): string | undefined {
  const found = readRegularFile(file);
  return typeof found === 'string' ? undefined : hashOf(found.text);
}

const hashIn = (states: readonly FileState[], file: string): string | undefined => states.find((one) => one.file === file)?.hash;

/** Files that are neither as `known` nor as `wanted` has them: somebody has edited them since they were read. */
export const editedSince = (known: readonly FileState[], wanted: readonly FileState[]): readonly string[] =>
  wanted
    .filter(({ file, hash }) => {
      const there = hashOnDisk(file);
      return there !== undefined && there !== hash && there !== hashIn(known, file);
    })
    .map(({ file }) => file);

/** Makes the files what `texts` say, but for those in `except`: all of them, or none. Rejects with an Error of one sentence. */
export async function writeTexts(texts: readonly SourceText[], except: readonly string[]): Promise<void> {
  const others = texts.filter(({ file, text }) => !except.includes(file) && hashOnDisk(file) !== hashOf(text));
  const there = others.flatMap((one) => {
    const before = hashOnDisk(one.file);
    return before === undefined ? [] : [{ ...one, before }];
  });
  // One that was taken away since; nobody knows any more who might read its passwords.
  for (const { file, text } of others.filter(({ file }) => hashOnDisk(file) === undefined))
    await replaceSafely(file, text, { mode: 0o600 }).catch((error: Error) => {
      throw new Error(`${file} cannot be written: ${error.message}`);
    });
  await replaceFiles(there);
}
