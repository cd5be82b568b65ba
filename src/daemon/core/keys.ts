/**
 * The keys that VRRP instances sign their adverts with: read when lbd starts and with every reload, kept in memory, and given to the vrrp
 * process alone.
 */
import { toHex } from '../../base/bytes.js';
import type { Config } from '../../config/types.js';
import { isExposed, readKey } from '../secrets.js';

/** By file, in hexadecimal. */
export type Keys = Readonly<Record<string, string>>;

export const NO_KEYS: Keys = {};

/** Throws an Error of one sentence: without its keys a director would be master beside the others. */
export function readKeys({ vrrpInstances }: Pick<Config, 'vrrpInstances'>, warn: (text: string) => void): Keys {
  const keys: Record<string, string> = {};
  for (const { name, signing } of vrrpInstances) {
    for (const { id, file } of signing?.keys ?? []) {
      if (file in keys) continue;
      keys[file] = toHex(readKey(`key ${id} of ${name}:`, file));
      if (isExposed(file)) warn(`key ${id} of ${name}: ${file} is open to others than its owner: chmod 600`);
    }
  }
  return keys;
}

/** Files that hold another key than before, as far as they were there. */
export const changedKeys = (before: Keys, after: Keys): string[] =>
  Object.keys(after)
    .filter((file) => file in before && before[file] !== after[file])
    .map((file) => `the key in ${file} is another`);
