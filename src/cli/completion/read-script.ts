/** The scripts of completion, as the build has made them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Shell } from '../words.js';

/** Beside the bundle, and beside what tsc makes of this file. */
const FOLDERS = ['./completion/', './'];

export function readScript(shell: Shell): { readonly text: string } | { readonly missing: string } {
  for (const folder of FOLDERS) {
    try {
      return { text: readFileSync(new URL(`${folder}lbctl.${shell}`, import.meta.url), 'utf8') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const place = fileURLToPath(new URL(FOLDERS[0] as string, import.meta.url));
  return { missing: `the script for ${shell} is not in ${place}: this lbctl is not installed whole` };
}
