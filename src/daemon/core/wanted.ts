/**
 * What the administrator wants, kept by core: the configuration, the overrides, and the intent merged from both. Reloads and changes go one
 * after the other; one that is refused changes nothing. Each that changes something is a revision.
 */
import { formatProblem } from '../../config/problems.js';
import type { ConfigRecord } from '../../config/record.js';
import type { Before } from '../../config/reparse.js';
import type { Config, ParsedConfig, Problem, SourceText } from '../../config/types.js';
import type { ApiChanged, ApiProblem } from '../../control/api.js';
import { decideBatch, describeBatch } from '../../intent/batch.js';
import type { ChangeRequest } from '../../intent/change.js';
import { nextEnd, removeDrained, type Settled, settle } from '../../intent/expiry.js';
import { buildIntent } from '../../intent/merge.js';
import { followRenames } from '../../intent/rename.js';
import { type Cause, overrideChanges, type Revision, sameFiles } from '../../intent/revisions.js';
import type { Intent, Override } from '../../intent/types.js';
import { wallClock } from '../../os/clock.js';
import { type Alarm, createAlarm } from '../alarm.js';
import type { Log } from '../log.js';
import { openOverrides } from '../overrides.js';
import { type Pending, removePending } from '../pending.js';
import { openRevisions, statesOf } from '../revision-store.js';
import {
  apply,
  candidateFor,
  candidateOfRevision,
  confirm,
  findTarget,
  goTo,
  refuseWhilePending,
  type Seat,
  takeBack,
} from './applying.js';
import { type Candidate, candidateOf, guard, type InForce, withOverrides } from './candidate.js';
import { type Keys, NO_KEYS } from './keys.js';
import { Refused, refuse } from './refused.js';

export interface ChangeContext {
  readonly dryRun?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly who: string;
  /** Refused when another one is in force. */
  readonly expected?: number | undefined;
  /** The guard is passed. */
  readonly force?: boolean | undefined;
}

/** A text in place of the configuration file. */
export interface GivenText {
  readonly text: string;
  /** What it is called in what is wrong with it; undefined: as the file. */
  readonly name?: string | undefined;
}

export interface ApplyContext extends ChangeContext, GivenText {
  /** Ms until it is taken back, unless confirmed; undefined: it is for good. */
  readonly confirm?: number | undefined;
}

export type Reloaded = ApiChanged & { problems: readonly ApiProblem[] };

/** What would be in force. */
export interface Planned {
  readonly before: Intent;
  readonly after: Intent;
  readonly text: string;
  readonly problems: readonly ApiProblem[];
  /** Why it would be refused; undefined: it would not. */
  readonly refused: string | undefined;
}

export interface Wanted {
  config(): Config;
  intent(): Intent;
  overrides(): readonly Override[];
  /** What VRRP instances sign with. */
  keys(): Keys;
  /** Oldest first; the last is in force. */
  revisions(): readonly Revision[];
  /** What was applied and waits for its confirmation. */
  pending(): Pending | undefined;
  /** Throws Refused when another revision is in force; undefined: any will do. */
  expect(revision: number | undefined): void;
  /** All of them, or none. Rejects with Refused. */
  change(requests: ChangeRequest | readonly ChangeRequest[], context: ChangeContext): Promise<ApiChanged>;
  reload(context: ChangeContext): Promise<Reloaded>;
  /** Of `text` in place of the file; undefined: of the file as it is on disk. */
  plan(text: GivenText | undefined): Promise<Planned>;
  apply(context: ApplyContext): Promise<Reloaded>;
  confirm(context: ChangeContext): Promise<ApiChanged>;
  /** Undefined: what waits for a confirmation is taken back, or, where nothing does, the last revision. */
  rollback(revision: number | undefined, context: ChangeContext): Promise<ApiChanged>;
  /** The real server of override `id` is drained: it is removed, if that was asked for. */
  drained(id: number): Promise<void>;
  close(): void;
}

/** An earlier life left what was not confirmed, or was not done: the files are those of before again. */
export interface TakenBack {
  readonly pending: Pending;
  /** What the files were until then. */
  readonly from: Config;
}

export interface WantedOptions {
  readonly file: string;
  readonly config: Config;
  /** Those of `config`; absent: it has none. */
  readonly keys?: Keys;
  /** Throws an Error of one sentence where a key cannot be had. */
  readonly readKeys?: (config: Config) => Keys;
  /** Where `config` came from. */
  readonly record?: ConfigRecord | undefined;
  readonly sources?: readonly SourceText[] | undefined;
  readonly takenBack?: TakenBack | undefined;
  readonly log: Log;
  readonly tell: (kind: string, subject: string, text: string) => void;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
  readonly changed: (intent: Intent) => void;
  /** A reload is done, with or without a change: files that the configuration names may be others. */
  readonly reloaded?: () => void;
  /** `before`: what is in force, and where it came from. */
  readonly loadConfig: (file: string, before: Before | undefined) => Promise<ParsedConfig>;
  /** With texts in place of the files of their names. */
  readonly loadTexts?: (file: string, texts: readonly SourceText[]) => Promise<ParsedConfig>;
}

/** Warnings of a reload that are logged one by one; whoever asked for it gets all. */
const WARNINGS_LOGGED = 20;

function logProblems(problems: readonly Problem[], log: Log): void {
  const warnings = problems.filter((problem) => problem.severity === 'warning');
  const more = warnings.length - WARNINGS_LOGGED;
  const left = new Set(more > 0 ? warnings.slice(WARNINGS_LOGGED) : []);
  for (const problem of problems)
    if (!left.has(problem)) log.write(problem.severity === 'error' ? 'error' : 'warn', formatProblem(problem));
  if (more > 0) log.write('warn', `and ${more} more warnings: lbctl check-config shows all`);
}

/** A problem that is one at a time. */
function standing(problems: Set<string>, log: Log): (text: string | undefined) => void {
  let now: string | undefined;
  return (text) => {
    if (text === now) return;
    if (now !== undefined) problems.delete(now);
    if (text !== undefined) {
      problems.add(text);
      log.write('warn', text);
    }
    now = text;
  };
}

const sameList = (a: readonly Override[], b: readonly Override[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

const START = 'lbd';

export async function openWanted(options: WantedOptions): Promise<Wanted> {
  const { file, log, tell, problems, takenBack } = options;
  const { stateDir } = options.config.global;
  const warn = (text: string) => {
    log.write('warn', text);
    problems.add(text);
  };
  const store = await openOverrides(stateDir, warn);
  const revisions = await openRevisions({ stateDir, newest: store.revision, warn, problem: standing(problems, log) });
  const unsaved = standing(problems, log);
  let turn: Promise<unknown> = Promise.resolve();
  let reading: Promise<unknown> = Promise.resolve();
  let alarm: Alarm | undefined;
  let pending: Pending | undefined;

  const newRevision = (candidate: Candidate, overrides: readonly Override[], before: readonly Override[], cause: Cause) => ({
    ...cause,
    revision: candidate.merged.intent.revision,
    when: wallClock(),
    files: candidate.files,
    ...overrideChanges(before, overrides),
  });

  /** Saved before it counts: what the disk does not have must not be in force. While something is pending, nothing is lost for good. */
  async function commit(candidate: Candidate, cause: Cause): Promise<void> {
    const overrides = pending ? candidate.overrides : candidate.merged.kept;
    const before = inForce.overrides;
    const next = newRevision(candidate, overrides, before, cause);
    const written = revisions.add(next, candidate.texts);
    try {
      await store.save(overrides, next.revision, written);
      unsaved(undefined);
    } catch (error) {
      const reason = (error as Error).message;
      if (!sameList(overrides, before)) {
        revisions.drop(next.revision);
        throw new Refused({ code: 'unavailable', message: `the change cannot be saved (${reason}): nothing was changed` });
      }
      unsaved(`the number of the revision cannot be saved: ${reason}`);
    }
    accept(candidate, overrides);
  }

  function accept({ config, record, keys, files, merged }: Candidate, overrides: readonly Override[]): void {
    if (!pending) tellDropped(merged.dropped);
    inForce = { config, record, keys, files, overrides, intent: merged.intent };
    alarm?.arm();
  }

  function tellDropped(dropped: Candidate['merged']['dropped']): void {
    for (const { override, reason } of dropped)
      tell('override', `#${override.id}`, `dropped the override of ${override.who} (${override.when}): ${reason}`);
  }

  /** What is in force at the start, and what has ended while lbd was away. */
  async function begin(): Promise<InForce> {
    const { config, record, keys = NO_KEYS, sources = [] } = options;
    const files = statesOf(sources);
    const saved = (takenBack?.pending.overrides as readonly Override[] | undefined) ?? store.loaded;
    const list = takenBack && !takenBack.pending.overrides ? followRenames(takenBack.from, config, saved).overrides : saved;
    const { overrides, ended } = settle(config, list, Date.now());
    const last = revisions.kept().at(-1);
    const first = buildIntent(config, overrides, 0);
    const asBefore = store.revision > 0 && sameList(first.kept, store.loaded) && (!last || sameFiles(last.files, files));
    const merged = buildIntent(config, overrides, asBefore ? store.revision : store.revision + 1);
    const candidate: Candidate = { config, record, keys, files, overrides, merged, texts: sources, names: new Map(), text: '' };
    if (!asBefore || !last || takenBack) await saveStart(candidate);
    tellDropped(merged.dropped);
    for (const { subject, text } of ended) tell('override', subject, text);
    return { config, record, keys, files, overrides: merged.kept, intent: merged.intent };
  }

  /** A disk that is full at start must not keep the director from working: what is dropped is dropped again next time. */
  async function saveStart(candidate: Candidate): Promise<void> {
    const { kept } = candidate.merged;
    const back = takenBack && `back to the configuration of revision ${takenBack.pending.back_to}, which lbd found at its start`;
    const text = back ?? 'lbd was started with this configuration';
    const cause: Cause = { kind: back ? 'rollback' : 'start', who: START, why: '', text };
    const next = newRevision(candidate, kept, store.loaded, cause);
    try {
      await store.save(kept, next.revision, revisions.add(next, candidate.texts));
      // Before that it says which overrides belong to the files.
      if (takenBack) await removePending(stateDir);
    } catch (error) {
      unsaved(`what is wanted cannot be saved: ${(error as Error).message}`);
    }
  }

  let inForce: InForce = await begin();
  alarm = createAlarm(
    () => [nextEnd(inForce.overrides), pending?.until].filter((one) => one !== undefined).sort((a, b) => a - b)[0],
    () => inTurn(() => lookAtClock()),
  );
  alarm.arm();

  /** One change at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  }

  /** Reading may take long: changes go on meanwhile, and reloads stay in their order. */
  function inReading<T>(work: () => Promise<T>): Promise<T> {
    const result = reading.then(work);
    reading = result.catch(() => {});
    return result;
  }

  function expect(expected: number | undefined): void {
    const { revision } = inForce.intent;
    if (expected === undefined || expected === revision) return;
    const since = revisions.kept().find((one) => one.revision > expected);
    const what = since ? `: ${since.text} (by ${since.who})` : '';
    const message = `revision ${revision} is in force, not ${expected}${what}: nothing was changed; look again`;
    throw new Refused({ code: 'stale', message });
  }

  const causeOf = (kind: Cause['kind'], { who, reason = '' }: ChangeContext, text: string): Cause => ({
    kind,
    who,
    why: reason,
    text,
  });
  const answerOf = (text: string, dryRun: boolean | undefined): ApiChanged => ({
    text,
    revision: inForce.intent.revision,
    dry_run: dryRun === true,
  });

  async function change(requests: readonly ChangeRequest[], context: ChangeContext): Promise<ApiChanged> {
    expect(context.expected);
    if (requests.length === 0) refuse('there is no change among the changes');
    const provenance = { id: store.nextId(), who: context.who, when: wallClock(), why: context.reason ?? '' };
    const batch = decideBatch(inForce.config, inForce.overrides, requests, provenance);
    if ('refused' in batch) return refuse(requests.length === 1 ? batch.refused : `${batch.refused}: nothing was changed`);
    const text = describeBatch(batch);
    const candidate = withOverrides(inForce, batch.overrides, text);
    if (requests.length > 1) guard(inForce, candidate, context.force === true);
    const notes = batch.decided.flatMap((one) => one.notes);
    const told = { ...answerOf(text, context.dryRun), ...(notes.length > 0 ? { notes } : {}) };
    if (context.dryRun) return told;
    await commit(candidate, causeOf('change', context, text));
    const by = `(by ${context.who}${context.reason ? `: ${context.reason}` : ''})`;
    for (const one of batch.decided) tell('override', one.subject, `${one.text} ${by}`);
    options.changed(inForce.intent);
    return { ...told, revision: inForce.intent.revision };
  }

  async function lookAtClock(): Promise<void> {
    await end(settle(inForce.config, inForce.overrides, Date.now()));
    if (!pending || Date.now() < pending.until) return;
    const late = pending;
    await takeBack(seat, late, { who: START, why: `not confirmed by ${late.who} in time` }).catch((error: Error) => {
      pending = undefined;
      warn(`what ${late.who} applied was not confirmed, and cannot be taken back: ${error.message}`);
    });
  }

  /**
   * What has ended by itself. It has also where it cannot be saved: it ends again at the next start, and a disk that is full must not keep
   * a real server away.
   */
  async function end({ overrides, ended }: Settled): Promise<void> {
    if (ended.length === 0) return;
    const text = ended.map((one) => `${one.subject}: ${one.text}`).join('; ');
    const candidate = withOverrides(inForce, overrides, text);
    const kept = pending ? overrides : candidate.merged.kept;
    const next = newRevision(candidate, kept, inForce.overrides, { kind: 'expiry', who: START, why: '', text });
    await store
      .save(kept, next.revision, revisions.add(next, []))
      .catch((error: Error) => log.write('warn', `what has ended cannot be saved: ${error.message}`));
    accept(candidate, kept);
    for (const one of ended) tell('override', one.subject, one.text);
    options.changed(inForce.intent);
  }

  function keysFor(next: Config): Keys {
    try {
      return options.readKeys?.(next) ?? NO_KEYS;
    } catch (error) {
      return refuse(`${(error as Error).message}; nothing was changed`);
    }
  }

  /** Everybody is told; a file that was read without a change may still name files that are others. */
  function installed({ names }: Pick<Candidate, 'names'>, cause: Cause): void {
    for (const [from, to] of names) tell('override', to, `what was set at run time for ${from} is kept: it is ${to} now`);
    log.setLevel(inForce.config.global.logLevel);
    const kind = cause.kind === 'reload' ? 'reload' : 'apply';
    tell(kind, file, `${cause.text} (by ${cause.who}${cause.why ? `: ${cause.why}` : ''})`);
    options.changed(inForce.intent);
    options.reloaded?.();
  }

  /** The same as before, in other files: the revision stays. */
  async function refile({ config, record, keys, files, texts }: Candidate): Promise<void> {
    const last = revisions.kept().at(-1);
    if (last && !sameFiles(last.files, files)) await revisions.add({ ...last, files }, texts);
    inForce = { ...inForce, config, record, keys, files };
  }

  async function reload(parsed: ParsedConfig, context: ChangeContext): Promise<Reloaded> {
    logProblems(parsed.problems, log);
    expect(context.expected);
    refuseWhilePending(pending);
    const candidate = candidateOf(parsed, inForce, { file, keysFor });
    guard(inForce, candidate, context.force === true);
    const { text } = candidate;
    const result = { ...answerOf(text, context.dryRun), problems: parsed.problems };
    if (context.dryRun) return result;
    const cause = causeOf('reload', context, text);
    if (text === 'nothing changed' && candidate.merged.dropped.length === 0) await refile(candidate);
    else await commit(candidate, cause);
    installed(candidate, cause);
    return { ...result, revision: inForce.intent.revision };
  }

  const readTexts = (texts: readonly SourceText[]): Promise<ParsedConfig> =>
    (options.loadTexts ?? (() => refuse('texts cannot be read here')))(file, texts);
  const readGiven = async ({ text, name = file }: GivenText): Promise<ParsedConfig> => {
    const parsed = await readTexts([{ file, text }]);
    return { ...parsed, problems: parsed.problems.map((one) => (one.file === file ? { ...one, file: name } : one)) };
  };
  const readFile = () => options.loadConfig(file, inForce.record && { config: inForce.config, record: inForce.record });

  const seat: Seat = {
    file,
    stateDir,
    revisions,
    inForce: () => inForce,
    pending: () => pending,
    setPending(next) {
      pending = next;
      alarm?.arm();
    },
    keysFor,
    read: readTexts,
    async install(candidate, cause) {
      await commit(candidate, cause);
      installed(candidate, cause);
    },
    async dropLost() {
      const { dropped, kept } = buildIntent(inForce.config, inForce.overrides, inForce.intent.revision);
      if (dropped.length === 0) return;
      await store.save(kept, inForce.intent.revision).catch((error: Error) => unsaved(error.message));
      tellDropped(dropped);
      inForce = { ...inForce, overrides: kept };
    },
    tell,
  };

  async function applyText(parsed: ParsedConfig, context: ApplyContext): Promise<Reloaded> {
    logProblems(parsed.problems, log);
    expect(context.expected);
    refuseWhilePending(pending);
    const candidate = candidateFor(seat, parsed, context.name);
    const force = context.force === true;
    guard(inForce, candidate, force);
    const result = { ...answerOf(candidate.text, context.dryRun), problems: parsed.problems };
    if (context.dryRun) return result;
    const { text, confirm: confirmed, who, reason: why = '' } = context;
    await apply(seat, candidate, { text, confirm: confirmed, force, who, why });
    return { ...result, revision: inForce.intent.revision };
  }

  async function rollback(number: number | undefined, context: ChangeContext): Promise<ApiChanged> {
    expect(context.expected);
    const { who, reason: why = '' } = context;
    if (pending && number === undefined) {
      if (context.dryRun) return answerOf(`would take back what ${pending.who} applied`, true);
      return answerOf(await takeBack(seat, pending, { who, why }), false);
    }
    refuseWhilePending(pending);
    const target = findTarget(seat, number);
    const candidate = await candidateOfRevision(seat, target);
    const text = `back to revision ${target.revision.revision}: ${candidate.text}`;
    if (!context.dryRun) await goTo(seat, target, candidate, { force: context.force === true, who, why });
    return answerOf(text, context.dryRun);
  }

  function planOf(parsed: ParsedConfig, name: string | undefined): Planned {
    const { merged, text } = candidateFor(seat, parsed, name);
    const refused = attempt(() => {
      refuseWhilePending(pending);
      guard(inForce, { merged }, false);
    });
    return { before: inForce.intent, after: merged.intent, text, problems: parsed.problems, refused };
  }

  return {
    config: () => inForce.config,
    intent: () => inForce.intent,
    overrides: () => inForce.overrides,
    keys: () => inForce.keys,
    revisions: () => revisions.kept(),
    pending: () => pending,
    expect,
    change: (requests, context) => inTurn(() => change([requests].flat() as readonly ChangeRequest[], context)),
    reload: (context) =>
      inReading(async () => {
        const parsed = await readFile();
        return inTurn(() => reload(parsed, context));
      }),
    plan: (given) => inReading(async () => planOf(await (given === undefined ? readFile() : readGiven(given)), given?.name)),
    apply: (context) =>
      inReading(async () => {
        const parsed = await readGiven(context);
        return inTurn(() => applyText(parsed, context));
      }),
    confirm: (context) =>
      inTurn(async () => {
        expect(context.expected);
        if (context.dryRun) return answerOf(pending ? 'would confirm it' : refuse('nothing waits for a confirmation'), true);
        return answerOf(await confirm(seat, context.who), false);
      }),
    rollback: (number, context) => inReading(() => inTurn(() => rollback(number, context))),
    drained: (id) => inTurn(() => end(removeDrained(inForce.config, inForce.overrides, id))),
    close: () => alarm?.close(),
  };
}

/** What was refused; undefined: nothing. */
function attempt(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}
