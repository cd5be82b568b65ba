/** At the start: what an earlier life applied and nobody confirmed, or began to go back to, is put in order before anything is read. */
import type { Config } from '../../config/types.js';
import { type Pending, readPending, removePending } from '../pending.js';
import { openRevisions } from '../revision-store.js';
import { editedSince, writeTexts } from './config-text.js';
import type { TakenBack } from './wanted.js';

/**
 * Makes the files what they were; undefined: there is nothing to take back, or it cannot be done (which is told, and what is there counts).
 * `config`: of the files as they are. Never rejects.
 */
export async function takeBackAtStart(config: Config, warn: (text: string) => void): Promise<TakenBack | undefined> {
  const { stateDir } = config.global;
  const pending = await readPending(stateDir, warn);
  if (!pending) return undefined;
  const what = `the configuration that ${pending.who} applied was not confirmed before lbd ended`;
  try {
    await restore(stateDir, pending, (edited) =>
      warn(`${what}: ${edited.join(', ')} was edited meanwhile, and is taken as it is`),
    );
    return { pending, from: config };
  } catch (error) {
    warn(`${what}, and cannot be taken back: ${(error as Error).message}`);
    await removePending(stateDir).catch(() => {});
    return undefined;
  }
}

async function restore(stateDir: string, pending: Pending, edited: (files: readonly string[]) => void): Promise<void> {
  const ignore = () => {};
  const store = await openRevisions({ stateDir, newest: 0, warn: ignore, problem: ignore });
  const texts = await store.texts(pending.before);
  const others = editedSince(pending.applied, pending.before);
  await writeTexts(texts, others);
  if (others.length > 0) edited(others);
}
