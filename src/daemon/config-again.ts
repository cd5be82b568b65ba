/**
 * A reload: what is new is read here where it is little, and everything in a child where it is much, or where anything is wrong. Little
 * takes some milliseconds of this event loop; the child takes the start of Node.js.
 */
import type { Before, Limits } from '../config/reparse.js';
import type { ParsedConfig } from '../config/types.js';
import { parseSurroundings, readRegularFile } from '../os/config-files.js';
import { loadConfig } from './config-child.js';

/** A hundred virtual servers read anew, and tens of thousands found to be the same: taking all of them from the child costs this loop more. */
const LIMITS: Limits = { fresh: 64 * 1024, whole: 16 * 1024 * 1024 };

/** Undefined: everything must be read. */
export async function readHere(file: string, before: Before): Promise<ParsedConfig | undefined> {
  const found = readRegularFile(file);
  if (typeof found === 'string') return undefined;
  const { reparseConfig } = await import('../config/reparse.js');
  return reparseConfig(found, parseSurroundings(readRegularFile), before, LIMITS);
}

/**
 * Never rejects, as loadConfig. `before`: what is in force; undefined: it is not known where it came from. A bug of the short way is told to
 * `failed`, and must not keep the administrator from a reload: everything is read then.
 */
export async function loadAgain(file: string, before: Before | undefined, failed: (error: Error) => void): Promise<ParsedConfig> {
  try {
    const parsed = before && (await readHere(file, before));
    if (parsed) return parsed;
  } catch (error) {
    failed(error as Error);
  }
  return loadConfig(file);
}
