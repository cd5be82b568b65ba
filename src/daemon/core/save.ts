/**
 * `lbctl save`: what was changed at run time is written into the files of the configuration, and is the file's from then on. It is written
 * only when the files, read again, want exactly what is in force, so that neither the kernel nor a check notices. The order on disk leaves a
 * right state whenever lbd dies: shares of a weight as numbers, then the files, then the overrides without what the files have.
 */
import { formatProblem } from '../../config/problems.js';
import type { SavedFile, SavedTexts } from '../../config/save.js';
import type { FileEdit } from '../../config/save-edits.js';
import type { Config, ParsedConfig, Problem } from '../../config/types.js';
import type { ApiSaved } from '../../control/api.js';
import { type Difference, differences, remaining, withNumbers } from '../../intent/diff.js';
import { buildIntent } from '../../intent/merge.js';
import { reuse } from '../../intent/reuse.js';
import { firstDifference } from '../../intent/same.js';
import type { Intent, Override } from '../../intent/types.js';
import { replaceFiles } from '../../os/replace-files.js';
import { Refused, refuse } from './refused.js';

/** The texts of the files with these edits, as the parser's process makes and reads them. */
export type EditFiles = (file: string, edits: readonly FileEdit[]) => Promise<SavedTexts>;

export interface InForce {
  readonly config: Config;
  readonly overrides: readonly Override[];
  readonly intent: Intent;
}

export interface SaveContext {
  readonly dryRun?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly who: string;
}

export interface Saved {
  readonly config: Config;
  /** What the files say now; undefined: nothing had to be written. */
  readonly parsed: ParsedConfig | undefined;
  readonly overrides: readonly Override[];
  /** What was done. */
  readonly text: string;
}

/** What core keeps of what is wanted, as far as it is used here. */
export interface SaveSeat {
  /** The first file of the configuration. */
  readonly file: string;
  inForce(): InForce;
  readonly editFiles: EditFiles;
  /** Throws Refused where another revision than the expected one is in force. */
  expect(): void;
  /** One change at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** On disk alone. */
  keep(overrides: readonly Override[]): Promise<void>;
  /** On disk, and in force from then on. Rejects when the disk refuses: nothing is in force then. */
  adopt(saved: Saved): Promise<void>;
}

interface Draft extends InForce {
  readonly found: readonly Difference[];
  readonly left: readonly Override[];
  readonly files: readonly SavedFile[];
  readonly notes: readonly string[];
  readonly next: Pick<Saved, 'config' | 'parsed'>;
}

/** Changes that come while the files are read: it is begun anew this often. */
const TRIES = 5;

const UNTOUCHED = 'nothing was changed';

function invalid(message: string, problems: readonly Problem[]): never {
  throw new Refused({ code: 'refused', message: `${message}: ${UNTOUCHED}`, problems });
}

const errorsOf = (problems: readonly Problem[]): Problem[] => problems.filter(({ severity }) => severity === 'error');

/** Undefined: the files want what is in force. */
function whyNot(now: InForce, config: Config, left: readonly Override[]): string | undefined {
  const { intent, dropped } = buildIntent(config, left, now.intent.revision);
  const lost = dropped[0];
  if (lost) return `what ${lost.override.who} said would be lost: ${lost.reason}`;
  return firstDifference(now.intent, intent);
}

/** What the files would say, if it is what is in force. */
function judge(file: string, now: InForce, left: readonly Override[], { current, next, problems }: SavedTexts): Draft['next'] {
  const errors = errorsOf(current.problems);
  if (!current.config)
    return invalid(`${file} has been edited since it was read, and has ${countText(errors.length, 'error')}`, errors);
  if (reuse(now.config, current.config) !== now.config)
    return refuse(`the configuration on disk is not the one in force: reload first, or undo what was edited; ${UNTOUCHED}`);
  if (problems.length > 0) return invalid('not all of it can be written into the file', problems);
  if (!next?.config) {
    const faults = errorsOf(next?.problems ?? []);
    const first = faults[0] ? `: ${faults[0].message}` : '';
    return invalid(`${file} would not be valid any more${first}`, faults);
  }
  const config = reuse(now.config, next.config);
  const rest = (Object.keys(config) as (keyof Config)[]).filter((key) => key !== 'virtualServers');
  const other = rest.find((key) => config[key] !== now.config[key]);
  const why = other ? `${other} would be another` : whyNot(now, config, left);
  return why
    ? refuse(`the file would not say what is in force (${why}): ${UNTOUCHED}; change it by hand`)
    : { config, parsed: next };
}

async function draft({ file, inForce, editFiles }: SaveSeat): Promise<Draft> {
  const now = inForce();
  const found = differences(now.config, now.overrides, Date.now());
  const left = remaining(now.overrides, found);
  const edits = found.flatMap(({ edit }) => edit ?? []);
  if (edits.length === 0) {
    // What goes without a word in the file must not have been in force.
    const kept = whyNot(now, now.config, left) === undefined ? left : now.overrides;
    return { ...now, found, left: kept, files: [], notes: [], next: { config: now.config, parsed: undefined } };
  }
  const made = await editFiles(file, edits);
  return { ...now, found, left, files: made.files, notes: made.notes, next: judge(file, now, left, made) };
}

const countText = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** States, and what stays for another reason. */
function stayNote(found: readonly Difference[]): string[] {
  const stay = found.filter(({ edit }) => !edit).map(({ target, text }) => `${target} (${text})`);
  if (stay.length === 0) return [];
  return [`${stay.length === 1 ? 'stays an override, no matter' : 'stay overrides, no matters'} of the file: ${stay.join(', ')}`];
}

function shareNote({ config, files }: Draft): string[] {
  const names = config.global.peers.filter(({ share }) => share).map(({ name }) => name);
  if (names.length === 0 || files.length === 0) return [];
  return [
    `each director has a file of its own: ${names.join(', ')} still ${names.length === 1 ? 'has' : 'have'} it at run time alone; lbctl save there, too`,
  ];
}

function answer(made: Draft, text: string, dryRun: boolean, revision: number): ApiSaved {
  const notes = [...made.notes, ...stayNote(made.found), ...shareNote(made)];
  const files = made.files.map(({ file, diff }) => ({ file, diff }));
  return { text, ...(notes.length > 0 ? { notes } : {}), revision, dry_run: dryRun, files };
}

function textOf({ found, files, overrides, left }: Draft, dryRun: boolean): string {
  const changes = countText(found.filter(({ edit }) => edit).length, 'change');
  if (files.length > 0) return `${dryRun ? 'would write' : 'wrote'} ${changes} into ${files.map(({ file }) => file).join(', ')}`;
  return overrides.length > left.length
    ? 'the file says it all already'
    : 'nothing to save: the file says all that was set at run time';
}

const failed = (error: unknown): never => {
  if (error instanceof Refused) throw error;
  throw new Refused({ code: 'unavailable', message: `${(error as Error).message}: ${UNTOUCHED}` });
};

/** The files, and then what is in force: both or nothing. */
async function write(seat: SaveSeat, { config, overrides, files, next, left }: Draft, text: string): Promise<void> {
  const numbers = withNumbers(config, overrides);
  let undo = async (): Promise<void> => {};
  try {
    if (numbers !== overrides) await seat.keep(numbers);
    undo = await replaceFiles(files);
    await seat.adopt({ ...next, overrides: left, text });
  } catch (error) {
    await undo().catch(failed);
    if (numbers !== overrides) await seat.keep(overrides).catch(() => {});
    failed(error);
  }
}

async function once(seat: SaveSeat, context: SaveContext): Promise<ApiSaved | undefined> {
  const made = await draft(seat);
  return seat.inTurn(async () => {
    seat.expect();
    const { config, overrides, intent } = seat.inForce();
    if (config !== made.config || overrides !== made.overrides) return undefined;
    const dryRun = context.dryRun === true;
    const text = textOf(made, dryRun);
    if (dryRun || made.left.length === overrides.length) return answer(made, text, dryRun, intent.revision);
    await write(seat, made, text);
    return answer(made, text, false, seat.inForce().intent.revision);
  });
}

/** Rejects with Refused; nothing is changed then. */
export async function saveOverrides(seat: SaveSeat, context: SaveContext): Promise<ApiSaved> {
  for (let i = 0; i < TRIES; i++) {
    const done = await once(seat, context);
    if (done) return done;
  }
  return refuse(`changes come faster than the file is written: ${UNTOUCHED}; try again`);
}

/** How the files on disk differ from what is in force. */
export interface OnDisk {
  readonly state: 'in_force' | 'edited' | 'invalid';
  readonly text: string;
}

export function judgeDisk(
  file: string,
  before: Config,
  parsed: { config: Config | undefined; problems: readonly Problem[] },
): OnDisk {
  const [first] = errorsOf(parsed.problems);
  if (!parsed.config) {
    const where = first ? `: ${formatProblem(first).split('\n')[0]}` : '';
    return { state: 'invalid', text: `${file} is not what is in force, and has errors${where}` };
  }
  if (reuse(before, parsed.config) === before) return { state: 'in_force', text: `${file} is in force` };
  return { state: 'edited', text: `${file} was edited since it was read: lbctl reload --dry-run says what that would change` };
}
