/**
 * Revisions on disk, below `<state_dir>/revisions`: `log.jsonl`, a line each, and the texts of the configuration under their SHA-256. A line
 * is there before its revision counts (overrides.json says which one does). What is damaged is set aside, with all before it, for nobody
 * could go back through it. A disk that takes nothing costs the history, never a change.
 */
import { hash } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { SourceText } from '../config/types.js';
import { type FileState, REVISION_KINDS, REVISIONS_KEPT, type Revision, withRevision } from '../intent/revisions.js';
import type { Override } from '../intent/types.js';
import { replaceSafely, syncFolder } from '../os/safe-file.js';
import { readOverride } from './overrides.js';

const amount = v.pipe(v.number(), v.integer(), v.minValue(0));
const overrides = v.pipe(
  v.array(v.unknown()),
  v.rawTransform<unknown[], Override[]>(({ dataset, addIssue, NEVER }) => {
    const read = dataset.value.map(readOverride);
    if (read.every((one) => one !== undefined)) return read as Override[];
    addIssue({ message: 'a damaged override' });
    return NEVER;
  }),
);
const line = v.object({
  revision: amount,
  when: v.string(),
  kind: v.picklist(REVISION_KINDS),
  who: v.string(),
  why: v.string(),
  text: v.string(),
  files: v.array(v.object({ file: v.string(), hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })),
  removed: overrides,
  added: overrides,
});

/** BOUNDED: bytes of texts; the two newest revisions keep theirs, however long. */
const TEXTS_LIMIT = 32 * 1024 * 1024;
/** Lines of the file beyond those that are kept, until it is written anew. */
const SLACK = 100;

export interface RevisionStore {
  /** The greatest number that was found at the start: of what was in force last, where nobody else knows it. */
  readonly highest: number;
  /** Oldest first, without a gap; the last is in force. */
  kept(): readonly Revision[];
  /** Never rejects: what cannot be kept is told to `problem`. `texts`: of `revision.files`; those that are there are not written again. */
  add(revision: Revision, texts: readonly SourceText[]): Promise<void>;
  /** That one does not count after all. */
  drop(revision: number): void;
  /** Writes these, as revisions that are kept have them. Rejects with the system's error. */
  keep(texts: readonly SourceText[]): Promise<void>;
  /** Rejects with an Error of one sentence where one is not kept. */
  texts(files: readonly FileState[]): Promise<readonly SourceText[]>;
}

export interface RevisionStoreOptions {
  readonly stateDir: string;
  /** What counts, as overrides.json says; later ones never did. */
  readonly newest: number;
  readonly warn: (text: string) => void;
  /** Undefined: it is over. */
  readonly problem: (text: string | undefined) => void;
}

export const hashOf = (text: string): string => hash('sha256', text);

export const statesOf = (texts: readonly SourceText[]): readonly FileState[] =>
  texts.map(({ file, text }) => ({ file, hash: hashOf(text) }));

interface Loaded {
  readonly kept: readonly Revision[];
  readonly lines: number;
  readonly damaged: number;
  /** The greatest number in it, whether it counts or not. */
  readonly highest: number;
  /** The last line has no end: power was lost while it was written. */
  readonly cut: boolean;
}

function read(text: string, newest: number): Loaded {
  const lines = text.split('\n');
  const cut = lines.pop() !== '';
  let kept: Revision[] = [];
  let damaged = 0;
  let highest = 0;
  for (const one of lines) {
    const revision = readLine(one);
    if (!revision) damaged++;
    highest = Math.max(highest, revision?.revision ?? 0);
    kept = revision ? withRevision(kept, revision) : [];
  }
  const counted = kept.filter((one) => one.revision <= newest).slice(-REVISIONS_KEPT);
  // Nobody goes back from what is in force where the last steps are missing.
  const whole = counted.at(-1)?.revision === newest;
  return { kept: whole ? counted : [], lines: lines.length, damaged, cut, highest };
}

function readLine(text: string): Revision | undefined {
  try {
    const result = v.safeParse(line, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function load(path: string, { newest, warn }: RevisionStoreOptions): Promise<Loaded> {
  const nothing: Loaded = { kept: [], lines: 0, damaged: 0, cut: false, highest: 0 };
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    if (!isMissing(error)) warn(`${path} cannot be read (${error.message}): older revisions are not known`);
    return undefined;
  });
  if (text === undefined) return nothing;
  const found = read(text, newest);
  if (found.damaged > 0) {
    // Once, however often lbd starts before it is written anew.
    const aside = `${path}.damaged-${hashOf(text).slice(0, 12)}`;
    const where = await copyFile(path, aside).then(
      () => `a copy is ${aside}`,
      (error: Error) => `it cannot be copied: ${error.message}`,
    );
    warn(`${path} is damaged (${found.damaged} lines): revisions before that are not known any more; ${where}`);
  }
  return found;
}

export async function openRevisions(options: RevisionStoreOptions): Promise<RevisionStore> {
  const { problem, stateDir } = options;
  const folder = join(stateDir, 'revisions');
  const log = join(folder, 'log.jsonl');
  const pathOf = (hash: string) => join(folder, hash);
  const loaded = await load(log, options);
  let { kept, lines } = loaded;
  /** The file is to be written anew: it has what never counted, or lacks something. */
  let stale = loaded.cut || loaded.damaged > 0 || lines !== kept.length;
  /** By hash, the bytes of texts that are there; undefined: not looked yet. */
  let stored: Map<string, number> | undefined;

  async function look(): Promise<Map<string, number>> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    // Of one that died while it wrote them.
    for (const name of names.filter((one) => one.endsWith('.tmp'))) await rm(join(folder, name), { force: true });
    return new Map(names.filter((one) => /^[0-9a-f]{64}$/.test(one)).map((name) => [name, 0]));
  }

  /** True: there are more than before. */
  async function keepTexts(texts: readonly SourceText[], files: readonly FileState[]): Promise<boolean> {
    stored ??= await look();
    const before = stored.size;
    for (const [i, { hash }] of files.entries()) {
      const text = texts[i]?.text;
      if (text === undefined || stored.get(hash)) continue;
      if (!stored.has(hash)) await replaceSafely(pathOf(hash), text, { mode: 0o600 });
      stored.set(hash, Buffer.byteLength(text));
    }
    return stored.size > before;
  }

  /** Of as many of the newest as fit. */
  async function dropTexts(): Promise<void> {
    if (!stored) return;
    const used = new Set<string>();
    let bytes = 0;
    for (const [age, { files }] of [...kept].reverse().entries()) {
      const fresh = files.filter(({ hash }) => !used.has(hash));
      bytes += fresh.reduce((sum, { hash }) => sum + (stored?.get(hash) ?? 0), 0);
      if (bytes > TEXTS_LIMIT && age > 1) break;
      for (const { hash } of fresh) used.add(hash);
    }
    for (const hash of [...stored.keys()].filter((one) => !used.has(one))) {
      stored.delete(hash);
      await rm(pathOf(hash), { force: true });
    }
  }

  async function append(revision: Revision): Promise<void> {
    const file = await open(log, 'a', 0o600);
    try {
      await file.write(`${JSON.stringify(revision)}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    lines++;
    if (lines === 1) await syncFolder(folder);
  }

  async function write(revision: Revision, texts: readonly SourceText[]): Promise<void> {
    const grown = await keepTexts(texts, revision.files);
    if (!stale && lines < REVISIONS_KEPT + SLACK) await append(revision);
    else {
      await replaceSafely(log, kept.map((one) => `${JSON.stringify(one)}\n`).join(''), { mode: 0o600 });
      lines = kept.length;
      stale = false;
    }
    if (grown) await dropTexts();
  }

  return {
    highest: loaded.highest,
    kept: () => kept,
    async add(revision, texts) {
      // One of that number was on its way and never counted.
      if (kept.some((one) => one.revision >= revision.revision)) stale = true;
      kept = withRevision(kept, revision).slice(-REVISIONS_KEPT);
      try {
        await write(revision, texts);
        problem(undefined);
      } catch (error) {
        stale = true;
        stored = undefined;
        problem(`the history of revisions cannot be kept: ${(error as Error).message}`);
      }
    },
    drop(revision) {
      kept = kept.filter((one) => one.revision < revision);
      stale = true;
    },
    async keep(texts) {
      stored ??= await look();
      for (const { text } of texts) {
        await replaceSafely(pathOf(hashOf(text)), text, { mode: 0o600 });
        stored.set(hashOf(text), Buffer.byteLength(text));
      }
    },
    texts: (files) =>
      Promise.all(
        files.map(async ({ file, hash }) => {
          const text = await readFile(pathOf(hash), 'utf8').catch((error: Error) => {
            const reason = isMissing(error) ? 'it is not kept any more' : error.message;
            throw new Error(`the text that ${file} had cannot be read: ${reason}`);
          });
          if (hashOf(text) !== hash) throw new Error(`the text that ${file} had is damaged (${pathOf(hash)})`);
          return { file, text };
        }),
      ),
  };
}
