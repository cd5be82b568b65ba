/** `lbctl save` has the files edited in a short-lived child, as they are parsed in one: what edits texts is never loaded into the daemon. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { SavedTexts } from '../config/save.js';
import type { FileEdit } from '../config/save-edits.js';
import { parseSurroundings, readConfigFile } from '../os/config-files.js';
import { argumentsFor, failed, LIMITS, ownEnv, parserEnv } from './config-child.js';

const unread = (file: string, message: string): SavedTexts => ({
  current: failed(file, message),
  files: [],
  problems: [],
  notes: [],
});

/** Never rejects: a child that fails is a problem of the configuration, told like any other. */
export function editFiles(file: string, edits: readonly FileEdit[]): Promise<SavedTexts> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      argumentsFor(file, 'edit'),
      { ...LIMITS, env: parserEnv() },
      (error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout) as SavedTexts);
          if (stderr) process.stderr.write(stderr);
        } catch {
          const words = stderr.trim().split('\n').slice(-3).join(' / ') || error?.message || 'it printed nothing';
          resolve(unread(file, `what edits files did not finish: ${words}`));
        }
      },
    );
    // One that did not start is told above.
    child.stdin?.on('error', () => {});
    child.stdin?.end(JSON.stringify(edits));
  });
}

/** What the child runs; the edits are on its standard input. */
export async function editConfigMain(file: string): Promise<void> {
  ownEnv();
  const { saveEdits } = await import('../config/save.js');
  const edits = JSON.parse(readFileSync(0, 'utf8')) as readonly FileEdit[];
  const found = readConfigFile(file);
  const made = typeof found === 'string' ? unread(file, found) : saveEdits(file, found.text, parseSurroundings(), edits);
  process.stdout.write(JSON.stringify(made));
}
