/**
 * Another configuration at run time: `apply`, for good or until it is confirmed, and the ways back. The file on disk is always what is in
 * force or is about to be: it is written before the new configuration counts, and until a confirmation `pending.json` says where a daemon that
 * starts must go back to.
 */
import type { ParsedConfig, SourceText } from '../../config/types.js';
import { settle } from '../../intent/expiry.js';
import { type Cause, type FileState, overrideChanges, overridesAt, type Revision, sameFiles } from '../../intent/revisions.js';
import type { Override } from '../../intent/types.js';
import { readRegularFile } from '../../os/config-files.js';
import { type Pending, removePending, writePending } from '../pending.js';
import { hashOf, type RevisionStore, statesOf } from '../revision-store.js';
import { type Candidate, candidateOf, guard, type InForce, withOverrides } from './candidate.js';
import { editedSince, hashOnDisk, writeTexts } from './config-text.js';
import type { Keys } from './keys.js';
import { refuse } from './refused.js';

/** What it needs of who keeps what is wanted. */
export interface Seat {
  /** The path of the configuration. */
  readonly file: string;
  readonly stateDir: string;
  readonly revisions: RevisionStore;
  inForce(): InForce;
  pending(): Pending | undefined;
  setPending(pending: Pending | undefined): void;
  keysFor(config: InForce['config']): Keys;
  /** Reads the configuration, with these texts in place of the files of their names; `alone`: an include finds these, and no others. */
  read(texts: readonly SourceText[], alone?: boolean): Promise<ParsedConfig>;
  /**
   * Puts it in force, and tells everybody. True: it is saved, as far as it has to be. Throws Refused when it cannot be; with `anyway` it is in
   * force all the same, and `pending.json` is removed when something can be saved again.
   */
  install(candidate: Candidate, cause: Cause, anyway?: boolean): Promise<boolean>;
  /** Overrides that have nothing to apply to any more go. */
  dropLost(cause: Cause): Promise<void>;
  tell(kind: string, subject: string, text: string): void;
}

export interface ApplyOrder {
  readonly text: string;
  /** Ms until it is taken back; undefined: it is for good. */
  readonly confirm?: number | undefined;
  readonly force: boolean;
  readonly who: string;
  readonly why: string;
}

/** As describeDifference says it. */
const NOTHING = 'nothing changed';

const clock = (ms: number): string => new Date(ms).toISOString();

/** A disk that refuses is a refusal of what was asked. */
const orRefuse = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: Error) => refuse(`${error.message}: nothing was changed`));

export function refuseWhilePending(pending: Pending | undefined): void {
  if (pending)
    refuse(
      `what ${pending.who} applied is not confirmed yet (it is taken back at ${clock(pending.until)}): lbctl confirm or lbctl rollback first`,
    );
}

/** Edits of the file that nobody has read yet are somebody's work. */
export function refuseEdited(seat: Seat, texts: readonly SourceText[]): void {
  const { files } = seat.inForce();
  const edited = files.length > 0 ? editedSince(files, statesOf(texts)) : [];
  if (edited.length > 0)
    refuse(
      `${edited.join(', ')} was edited and not loaded: this would overwrite it (reload takes it, --force overwrites it); nothing was changed`,
    );
}

/** What a text in place of the file, called `name`, would make. Throws Refused. */
export function candidateFor(seat: Seat, parsed: ParsedConfig, name = seat.file): Candidate {
  return candidateOf(parsed, seat.inForce(), { file: name, keysFor: seat.keysFor });
}

/** Somebody may have to go back to them: what is damaged or was never kept is taken from the disk, where it is the same. */
async function keepTexts({ revisions }: Seat, files: readonly FileState[]): Promise<void> {
  await revisions.texts(files).catch((error: Error) => {
    const texts = files.flatMap(({ file, hash }) => {
      const found = readRegularFile(file);
      return typeof found !== 'string' && hashOf(found.text) === hash ? [found] : [];
    });
    if (texts.length < files.length) throw error;
    return revisions.keep(texts);
  });
}

/** `candidate`: of candidateFor, the guard passed. */
export async function apply(seat: Seat, candidate: Candidate, order: ApplyOrder): Promise<void> {
  const { file, stateDir } = seat;
  const texts = [{ file, text: order.text }];
  const { files, intent } = seat.inForce();
  const pending: Pending | undefined =
    order.confirm === undefined
      ? undefined
      : {
          until: Date.now() + order.confirm,
          who: order.who,
          back_to: intent.revision,
          before: [...files],
          applied: [...candidate.files],
        };
  if (pending) {
    await orRefuse(keepTexts(seat, files));
    await orRefuse(
      writePending(stateDir, pending).catch((error: Error) => {
        throw new Error(`that it is to be confirmed cannot be saved (${error.message})`);
      }),
    );
  }
  try {
    await orRefuse(writeTexts(texts, []));
    seat.setPending(pending);
    await seat.install(candidate, { kind: 'apply', who: order.who, why: order.why, text: candidate.text });
  } catch (error) {
    seat.setPending(undefined);
    await putBack(seat);
    if (pending) await removePending(stateDir).catch(() => {});
    throw error;
  }
}

/** The files are what is in force again, as far as it can be done. */
async function putBack(seat: Seat): Promise<void> {
  const { files } = seat.inForce();
  if (files.length === 0 || files.every(({ file, hash }) => hashOnDisk(file) === hash)) return;
  await seat.revisions
    .texts(files)
    .then((texts) => writeTexts(texts, []))
    .catch(() => {});
}

export async function confirm(seat: Seat, who: string): Promise<string> {
  const pending = seat.pending() ?? refuse('nothing waits for a confirmation');
  await orRefuse(removePending(seat.stateDir));
  seat.setPending(undefined);
  const text = `what ${pending.who} applied is confirmed`;
  seat.tell('apply', seat.file, `${text} (by ${who})`);
  await seat.dropLost({ kind: 'apply', who, why: '', text });
  return 'confirmed: it stays';
}

/** Without what has come to an include since, be it wrong or right. */
async function readBefore(
  seat: Seat,
  texts: readonly SourceText[],
): Promise<{ parsed: ParsedConfig; others: readonly string[] }> {
  const parsed = await seat.read(texts);
  const faults = parsed.problems.filter(({ severity }) => severity === 'error');
  const files = [...(parsed.sources ?? []), ...faults].map(({ file }) => file);
  const others = [...new Set(files)].filter((file) => !texts.some((one) => one.file === file));
  return others.length === 0 ? { parsed, others } : { parsed: await seat.read(texts, true), others };
}

const notInForce = (files: readonly string[], what: string): string =>
  files.length === 0 ? '' : `; ${files.join(', ')} ${what}, and is not in force: lbctl reload takes it`;

/** What was applied, and not confirmed, is taken back: what was changed at run time meanwhile stays. */
export async function takeBack(seat: Seat, pending: Pending, cause: Pick<Cause, 'who' | 'why'>): Promise<string> {
  const texts = await orRefuse(seat.revisions.texts(pending.before));
  const { parsed, others } = await readBefore(seat, texts);
  const candidate = candidateOf(parsed, seat.inForce(), { file: seat.file, keysFor: seat.keysFor });
  const edited = editedSince(pending.applied, pending.before);
  await orRefuse(writeTexts(texts, edited));
  const text = `back to the configuration of revision ${pending.back_to}: ${candidate.text}`;
  seat.setPending(undefined);
  const saved = await seat.install(candidate, { kind: 'rollback', ...cause, text }, true);
  // A start that finds it goes the same way.
  if (saved) await removePending(seat.stateDir).catch(() => {});
  return `${text}${notInForce(edited, 'was edited meanwhile')}${notInForce(others, 'was not there then')}`;
}

interface Target {
  readonly revision: Revision;
  readonly overrides: readonly Override[];
}

/** `number` undefined: the one before. */
export function findTarget(seat: Seat, number: number | undefined): Target {
  const kept = seat.revisions.kept();
  const { intent, overrides } = seat.inForce();
  const wanted = number ?? intent.revision - 1;
  const revision = kept.find((one) => one.revision === wanted);
  const at = revision && overridesAt(kept, overrides, wanted);
  if (wanted === intent.revision) return refuse(`revision ${wanted} is in force`);
  if (!revision || !at) {
    const oldest = kept[0]?.revision;
    const range = oldest === undefined || oldest === intent.revision ? 'no older one is' : `those from ${oldest} are`;
    return refuse(`revision ${wanted} is not kept: ${range} (lbctl history)`);
  }
  return { revision, overrides: at };
}

/** What going back would make. Throws Refused. */
export async function candidateOfRevision(seat: Seat, { revision, overrides }: Target): Promise<Candidate> {
  const inForce = seat.inForce();
  const left = settle(inForce.config, overrides, Date.now()).overrides;
  if (sameFiles(revision.files, inForce.files)) {
    const { merged, ...rest } = withOverrides(inForce, left);
    return { ...rest, merged, text: describeOverrides(inForce.overrides, left) };
  }
  const texts = await orRefuse(seat.revisions.texts(revision.files));
  const parsed = await seat.read(texts);
  const candidate = candidateOf(parsed, inForce, { file: seat.file, keysFor: seat.keysFor, overrides: left });
  const extra = candidate.files.filter(({ file }) => !revision.files.some((one) => one.file === file));
  if (extra.length > 0)
    refuse(`${extra.map(({ file }) => file).join(', ')} was not there at revision ${revision.revision}: move it away first`);
  return candidate;
}

function describeOverrides(before: readonly Override[], after: readonly Override[]): string {
  const { removed, added } = overrideChanges(before, after);
  const [gone, back] = [removed.length, added.length];
  const words = [...(gone > 0 ? [`${gone} undone`] : []), ...(back > 0 ? [`${back} made again`] : [])];
  return words.length === 0 ? NOTHING : `changes made at run time: ${words.join(', ')}`;
}

/** Texts of the candidate that are others than in force. */
function changedTexts(seat: Seat, { texts }: Candidate): readonly SourceText[] {
  const { files } = seat.inForce();
  return texts.filter((one) => !files.some(({ file, hash }) => file === one.file && hash === hashOf(one.text)));
}

/** What may be in the way of goTo. Throws Refused. */
export function refuseGoing(seat: Seat, candidate: Candidate, force: boolean): void {
  guard(seat.inForce(), candidate, force);
  if (!force) refuseEdited(seat, changedTexts(seat, candidate));
}

export async function goTo(
  seat: Seat,
  target: Target,
  candidate: Candidate,
  { who, why }: Pick<Cause, 'who' | 'why'>,
): Promise<void> {
  const { files } = seat.inForce();
  const text = `back to revision ${target.revision.revision}: ${candidate.text}`;
  const changed = changedTexts(seat, candidate);
  if (changed.length === 0 && candidate.text === NOTHING) return;
  if (changed.length === 0) {
    await seat.install(candidate, { kind: 'rollback', who, why, text });
    return;
  }
  // Several files and the overrides: a daemon that dies meanwhile finds here what belongs together.
  const journal = {
    until: 0,
    who,
    back_to: target.revision.revision,
    before: [...target.revision.files],
    applied: [...files],
    overrides: [...candidate.overrides],
  };
  await orRefuse(writePending(seat.stateDir, journal));
  try {
    await orRefuse(writeTexts(changed, []));
    await seat.install(candidate, { kind: 'rollback', who, why, text });
  } catch (error) {
    await putBack(seat);
    throw error;
  } finally {
    await removePending(seat.stateDir).catch(() => {});
  }
}
