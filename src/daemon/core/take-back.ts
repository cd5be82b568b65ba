/** At the start: what an earlier life applied and nobody confirmed, or began to go back to, is put in order before anything is read. */
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import { readConfigFile } from '../../os/config-files.js';
import { type Pending, readPending, removePending } from '../pending.js';
import { openRevisions } from '../revision-store.js';
import { editedSince, hashOnDisk, writeTexts } from './config-text.js';
import type { TakenBack } from './wanted.js';

/** Where the configuration is wrong, its first file says this all the same, or nobody does. */
const STATE_DIR = /^[^#\n]*\bstate_dir["']?[ \t]*:[ \t]*["']?([^\s"',}]+)/m;

function stateDirOf(file: string): string {
  const found = readConfigFile(file);
  return (typeof found === 'string' ? undefined : STATE_DIR.exec(found.text)?.[1]) ?? '/var/lib/lbd';
}

/** What an earlier life began. */
export interface Begun {
  readonly stateDir: string;
  readonly pending: Pending;
}

/** Of a configuration that is wrong as it is: it may have died while it put several files in place. Never rejects. */
export async function findBegun(file: string, warn: (text: string) => void): Promise<Begun | undefined> {
  const stateDir = stateDirOf(file);
  const pending = await readPending(stateDir, warn);
  return pending?.before.some((one) => one.file === file) ? { stateDir, pending } : undefined;
}

/** True: the files are what they were to be. Never rejects. */
export function finishBegun({ stateDir, pending }: Begun, warn: (text: string) => void): Promise<boolean> {
  return restore(stateDir, pending, () => {}).then(
    () => true,
    (error: Error) => {
      warn(`what ${pending.who} began to change cannot be finished: ${error.message}`);
      return false;
    },
  );
}

export interface TakeBackParts {
  /** With these texts in place of the files of their names, and no others. */
  readonly read: (texts: readonly SourceText[]) => Promise<ParsedConfig>;
  readonly warn: (text: string) => void;
}

/**
 * Makes the files what they were; undefined: there is nothing to take back, or it cannot be done (which is told, and what is there counts).
 * `config`: of the files as they are. Never rejects.
 */
export async function takeBackAtStart(config: Config, { read, warn }: TakeBackParts): Promise<TakenBack | undefined> {
  const { stateDir } = config.global;
  const pending = await readPending(stateDir, warn);
  if (!pending) return undefined;
  const what = `the configuration that ${pending.who} applied was not confirmed before lbd ended`;
  try {
    const from = (await appliedOf(stateDir, pending, read)) ?? config;
    const texts = await (await openStore(stateDir)).texts(pending.before);
    const edited = editedSince(pending.applied, pending.before);
    if (edited.length > 0) warn(`${what}: ${edited.join(', ')} was edited meanwhile, and is taken as it is`);
    const unwritten = await writeTexts(texts, edited).then(
      () => undefined,
      (error: Error) => `${what}; the one before it is in force, and ${error.message}`,
    );
    if (unwritten === undefined) return { pending, from };
    warn(unwritten);
    return { pending, from, instead: { texts, why: unwritten } };
  } catch (error) {
    warn(`${what}, and cannot be taken back: ${(error as Error).message}`);
    await removePending(stateDir).catch(() => {});
    return undefined;
  }
}

const openStore = (stateDir: string) => openRevisions({ stateDir, newest: 0, warn: () => {}, problem: () => {} });

/**
 * The files are back already, and what was set at run time may still speak of the names of what was applied. Undefined: that is there, or
 * nobody has it any more.
 */
async function appliedOf(stateDir: string, { applied, before, overrides }: Pending, read: TakeBackParts['read']) {
  if (overrides || before.some(({ file, hash }) => hashOnDisk(file) !== hash)) return undefined;
  const store = await openStore(stateDir);
  const texts = await store.texts(applied).catch(() => undefined);
  return texts && (await read(texts)).config;
}

async function restore(stateDir: string, pending: Pending, edited: (files: readonly string[]) => void): Promise<void> {
  const store = await openStore(stateDir);
  const texts = await store.texts(pending.before);
  const others = editedSince(pending.applied, pending.before);
  await writeTexts(texts, others);
  if (others.length > 0) edited(others);
}
