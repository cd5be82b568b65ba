/**
 * A configuration that was applied for a while and waits for its confirmation: `<state_dir>/pending.json`. It is there before the new file is;
 * a daemon that starts and finds it goes back to the revision before.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { replaceSafely, syncFolder } from '../os/safe-file.js';

const state = v.object({ file: v.string(), hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) });
const shape = v.object({
  version: v.literal(1),
  /** Ms since 1970. */
  until: v.number(),
  who: v.string(),
  /** The revision before. */
  back_to: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** What the files were, and what the apply made of them. */
  before: v.array(state),
  applied: v.array(state),
  /** The overrides that belong to what is gone back to; absent: those that there are. */
  overrides: v.optional(v.array(v.unknown())),
});

/** With `until` 0: a rollback that is under way. */
export type Pending = Omit<v.InferOutput<typeof shape>, 'version'>;

const pathIn = (stateDir: string): string => join(stateDir, 'pending.json');

/** Undefined: nothing is pending. What is damaged is set aside, and told. */
export async function readPending(stateDir: string, warn: (text: string) => void): Promise<Pending | undefined> {
  const path = pathIn(stateDir);
  try {
    const { version: _, ...pending } = v.parse(shape, JSON.parse(await readFile(path, 'utf8')));
    return pending;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const aside = `${path}.damaged-${Date.now()}`;
    await rename(path, aside).catch(() => {});
    warn(
      `${path} cannot be read (${(error as Error).message.split('\n')[0]}), and is ${aside} now: what was applied last counts`,
    );
    return undefined;
  }
}

/** Rejects with the system's error. */
export const writePending = (stateDir: string, pending: Pending): Promise<void> =>
  replaceSafely(pathIn(stateDir), `${JSON.stringify({ version: 1, ...pending })}\n`, { mode: 0o600 });

/** Rejects with the system's error. */
export async function removePending(stateDir: string): Promise<void> {
  const path = pathIn(stateDir);
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}
