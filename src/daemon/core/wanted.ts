/**
 * What the administrator wants, kept by core: the configuration, the overrides, and the intent merged from both. Reloads and changes go one
 * after the other; one that is refused changes nothing. Each that changes something is a revision.
 */
import { formatDuration } from '../../base/duration.js';
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import type { ApiChanged } from '../../control/api.js';
import { decideBatch, describeBatch } from '../../intent/batch.js';
import type { ChangeRequest } from '../../intent/change.js';
import { nextEnd, removeDrained, type Settled, settle } from '../../intent/expiry.js';
import { buildIntent } from '../../intent/merge.js';
import { followRenames } from '../../intent/rename.js';
import { type Cause, overrideChanges, sameFiles } from '../../intent/revisions.js';
import type { Override } from '../../intent/types.js';
import { now, wallClock } from '../../os/clock.js';
import { type Alarm, createAlarm } from '../alarm.js';
import { openOverrides, readOverride } from '../overrides.js';
import { type Pending, removePending } from '../pending.js';
import { openRevisions, statesOf } from '../revision-store.js';
import {
  apply,
  candidateFor,
  candidateOfRevision,
  confirm,
  findTarget,
  goTo,
  refuseEdited,
  refuseGoing,
  refuseWhilePending,
  type Seat,
  takeBack,
} from './applying.js';
import { followAway } from './away.js';
import { type Candidate, candidateOf, guard, type InForce, withOverrides } from './candidate.js';
import { type Keys, NO_KEYS } from './keys.js';
import { logProblems, standing } from './problem-words.js';
import { Refused, refuse } from './refused.js';
import { judgeDisk, type Saved, type SaveSeat, saveOverrides } from './save.js';
import type { ApplyContext, ChangeContext, GivenText, Planned, Reloaded, Wanted, WantedOptions } from './wanted-types.js';

export type { ChangeContext, GivenText, TakenBack, Wanted, WantedOptions } from './wanted-types.js';

const sameList = (a: readonly Override[], b: readonly Override[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

const START = 'lbd';

/** After them the files are what somebody wants them to be. */
const NEWER: ReadonlySet<Cause['kind']> = new Set(['reload', 'apply', 'rollback', 'save']);
const NONE: ReadonlyMap<string, string> = new Map();
const UNREAD: ParsedConfig = { config: undefined, problems: [] };

/** What could not be taken back is tried again after this time. */
const AGAIN_MS = 10_000;

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
  const stuck = standing(problems, log);
  const standsFor = standing(problems, log);
  /** The files are still what was not confirmed: the next start takes it back again. */
  let outstanding = takenBack?.instead !== undefined;
  standsFor(takenBack?.instead?.why);
  let turn: Promise<unknown> = Promise.resolve();
  let reading: Promise<unknown> = Promise.resolve();
  let alarm: Alarm | undefined;
  let pending: Pending | undefined;
  /** What an earlier life left is taken back, and on disk as if it were not: it is removed with the next change that can be saved. */
  let leftOver = false;
  /** When that is over, on a clock that nobody sets. */
  let deadline = 0;

  /** `until`: as the wall clock is now. */
  const waiting = (): Pending | undefined => pending && { ...pending, until: Math.round(Date.now() + deadline - now()) };

  function wait(next: Pending | undefined): void {
    pending = next;
    deadline = next ? now() + next.until - Date.now() : 0;
  }

  const newRevision = (candidate: Candidate, overrides: readonly Override[], before: readonly Override[], cause: Cause) => ({
    ...cause,
    revision: candidate.merged.intent.revision,
    when: wallClock(),
    files: candidate.files,
    ...overrideChanges(before, overrides),
  });

  /**
   * Saved before it counts: what the disk does not have must not be in force, but for the way back that is promised (`anyway`). While
   * something is pending, nothing is lost for good. True: it is saved, as far as it has to be.
   */
  async function commit(candidate: Candidate, cause: Cause, anyway = false): Promise<boolean> {
    const overrides = pending ? candidate.overrides : candidate.merged.kept;
    const before = inForce.overrides;
    const next = newRevision(candidate, overrides, before, cause);
    const written = revisions.add(next, candidate.texts);
    try {
      await store.save(overrides, next.revision, written);
      unsaved(undefined);
      if (leftOver || (outstanding && NEWER.has(cause.kind)))
        await removePending(stateDir).then(
          () => {
            leftOver = false;
            standsFor(undefined);
            outstanding = false;
          },
          () => {},
        );
    } catch (error) {
      const reason = (error as Error).message;
      const isSame = sameList(overrides, before);
      if (!isSame && !anyway) {
        revisions.drop(next.revision);
        throw new Refused({ code: 'unavailable', message: `the change cannot be saved (${reason}): nothing was changed` });
      }
      leftOver ||= !isSame;
      unsaved(`${isSame ? 'the number of the revision' : 'what is in force'} cannot be saved: ${reason}`);
    }
    accept(candidate, overrides);
    return !leftOver;
  }

  function accept({ config, record, keys, files, merged }: Candidate, overrides: readonly Override[]): void {
    if (!pending) tellDropped(merged.dropped);
    inForce = { config, record, keys, files, overrides, intent: merged.intent };
    alarm?.arm();
  }

  function tellRenamed(names: ReadonlyMap<string, string>): void {
    for (const [from, to] of names) tell('override', to, `what was set at run time for ${from} is kept: it is ${to} now`);
  }

  function tellDropped(dropped: Candidate['merged']['dropped']): void {
    for (const { override, reason } of dropped)
      tell('override', `#${override.id}`, `dropped the override of ${override.who} (${override.when}): ${reason}`);
  }

  /** What is in force at the start, and what has ended while lbd was away. */
  async function begin(): Promise<InForce> {
    const { config, record, keys = NO_KEYS, sources = [] } = options;
    const files = statesOf(sources);
    const saved = takenBack?.pending.overrides?.map(readOverride).filter((one) => one !== undefined) ?? store.loaded;
    const away = takenBack
      ? { overrides: takenBack.pending.overrides ? saved : followRenames(takenBack.from, config, saved).overrides, names: NONE }
      : await followAway(config, files, saved, {
          revisions,
          read: async (texts) => (await options.loadTexts?.(file, texts, true)) ?? UNREAD,
        });
    const list = away.overrides;
    const { overrides, ended } = settle(config, list, Date.now());
    const last = revisions.kept().at(-1);
    const first = buildIntent(config, overrides, 0);
    const asBefore =
      !takenBack && store.revision > 0 && sameList(first.kept, store.loaded) && (!last || sameFiles(last.files, files));
    // Numbers count on where it is not known what the last one was.
    const newest = store.revision || revisions.highest;
    const merged = buildIntent(config, overrides, asBefore ? newest : newest + 1);
    const candidate: Candidate = { config, record, keys, files, overrides, merged, texts: sources, names: new Map(), text: '' };
    if (!asBefore || !last || takenBack) await saveStart(candidate);
    tellRenamed(away.names);
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
      if (takenBack && !takenBack.instead) await removePending(stateDir);
    } catch (error) {
      leftOver = takenBack !== undefined;
      unsaved(`what is wanted cannot be saved: ${(error as Error).message}`);
    }
  }

  let inForce: InForce = await begin();
  alarm = createAlarm(
    () => [nextEnd(inForce.overrides), waiting()?.until].filter((one) => one !== undefined).sort((a, b) => a - b)[0],
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
    const answer = { ...answerOf(text, context.dryRun), ...(notes.length > 0 ? { notes } : {}) };
    if (context.dryRun) return answer;
    await commit(candidate, causeOf('change', context, text));
    const { revision } = inForce.intent;
    const told = { cause: context.who, before: revision - 1, after: revision };
    const by = `(by ${context.who}${context.reason ? `: ${context.reason}` : ''})`;
    for (const one of batch.decided) tell('override', one.subject, `${one.text} ${by}`, told);
    options.changed(inForce.intent);
    return { ...answer, revision };
  }

  async function lookAtClock(): Promise<void> {
    await end(settle(inForce.config, inForce.overrides, Date.now()));
    const late = waiting();
    if (!late || now() < deadline) return;
    await takeBack(seat, late, { who: START, why: `not confirmed by ${late.who} in time` }).catch((error: Error) => {
      wait({ ...late, until: Date.now() + AGAIN_MS });
      stuck(`what ${late.who} applied was not confirmed, and cannot be taken back: ${error.message}; it is tried again`);
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
    const told = { cause: 'its time', before: next.revision - 1, after: next.revision };
    for (const one of ended) tell('override', one.subject, one.text, told);
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
    tellRenamed(names);
    log.setLevel(inForce.config.global.logLevel);
    const kind = cause.kind === 'reload' ? 'reload' : 'apply';
    tell(kind, file, `${cause.text} (by ${cause.who}${cause.why ? `: ${cause.why}` : ''})`, {
      cause: cause.who,
      after: inForce.intent.revision,
    });
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
    refuseWhilePending(waiting());
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

  const readTexts = (texts: readonly SourceText[], alone?: boolean): Promise<ParsedConfig> =>
    (options.loadTexts ?? (() => refuse('texts cannot be read here')))(file, texts, alone);
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
    pending: waiting,
    setPending(next) {
      wait(next);
      if (next) leftOver = false;
      else stuck(undefined);
      alarm?.arm();
    },
    keysFor,
    read: readTexts,
    async install(candidate, cause, anyway) {
      const saved = await commit(candidate, cause, anyway);
      installed(candidate, cause);
      return saved;
    },
    async dropLost(cause) {
      const { dropped } = buildIntent(inForce.config, inForce.overrides, inForce.intent.revision);
      if (dropped.length === 0) return;
      // A revision of its own: who goes back behind it finds them again.
      await commit(withOverrides(inForce, inForce.overrides), cause).then(
        () => options.changed(inForce.intent),
        (error: Error) => unsaved(error.message),
      );
    },
    tell,
  };

  async function applyText(parsed: ParsedConfig, context: ApplyContext): Promise<Reloaded> {
    logProblems(parsed.problems, log);
    expect(context.expected);
    refuseWhilePending(waiting());
    const candidate = candidateFor(seat, parsed, context.name);
    const force = context.force === true;
    guard(inForce, candidate, force);
    if (!force) refuseEdited(seat, [{ file, text: context.text }]);
    const result = { ...answerOf(candidate.text, context.dryRun), problems: parsed.problems };
    if (context.dryRun) return result;
    const { text, confirm: confirmed, who, reason: why = '' } = context;
    await apply(seat, candidate, { text, confirm: confirmed, force, who, why });
    const notes =
      confirmed === undefined ? {} : { notes: [`it is taken back in ${formatDuration(confirmed)}, unless: lbctl confirm`] };
    return { ...result, ...notes, revision: inForce.intent.revision };
  }

  async function rollback(number: number | undefined, context: ChangeContext): Promise<ApiChanged> {
    expect(context.expected);
    const { who, reason: why = '' } = context;
    const late = waiting();
    if (late && number === undefined) {
      if (context.dryRun) return answerOf(`would take back what ${late.who} applied`, true);
      return answerOf(await takeBack(seat, late, { who, why }), false);
    }
    refuseWhilePending(waiting());
    const target = findTarget(seat, number);
    const candidate = await candidateOfRevision(seat, target);
    const text = `back to revision ${target.revision.revision}: ${candidate.text}`;
    refuseGoing(seat, candidate, context.force === true);
    if (!context.dryRun) await goTo(seat, target, candidate, { who, why });
    return answerOf(text, context.dryRun);
  }

  function planOf(parsed: ParsedConfig, given: GivenText | undefined): Planned {
    const { merged, text } = candidateFor(seat, parsed, given?.name);
    const refused = attempt(() => {
      refuseWhilePending(waiting());
      guard(inForce, { merged }, false);
      if (given) refuseEdited(seat, [{ file, text: given.text }]);
    });
    return { before: inForce.intent, after: merged.intent, text, problems: parsed.problems, refused };
  }

  async function adoptSaved(saved: Saved, context: ChangeContext): Promise<void> {
    const { parsed, config, overrides, text } = saved;
    const { sources } = parsed ?? {};
    const states = sources ? { files: statesOf(sources), texts: sources } : { files: inForce.files, texts: [] };
    const kept = withOverrides({ ...inForce, config, record: parsed?.record ?? inForce.record }, overrides, text);
    await commit({ ...kept, ...states }, causeOf('save', context, text));
    tell('save', file, `${text} (by ${context.who}${context.reason ? `: ${context.reason}` : ''})`);
    options.changed(inForce.intent);
  }

  function saveSeat(context: ChangeContext): SaveSeat {
    expect(context.expected);
    refuseWhilePending(waiting());
    return {
      file,
      inForce: () => inForce,
      editFiles: options.editFiles ?? (() => refuse('files are not written here')),
      expect: () => expect(context.expected),
      inTurn,
      keep: (overrides) => store.save(overrides, inForce.intent.revision),
      adopt: (saved) => adoptSaved(saved, context),
    };
  }

  return {
    config: () => inForce.config,
    intent: () => inForce.intent,
    overrides: () => inForce.overrides,
    files: () => inForce.files,
    keys: () => inForce.keys,
    revisions: () => revisions.kept(),
    pending: waiting,
    expect,
    change: (requests, context) => inTurn(() => change([requests].flat() as readonly ChangeRequest[], context)),
    reload: (context) =>
      inReading(async () => {
        // It may be taken back while this is read.
        refuseWhilePending(waiting());
        const parsed = await readFile();
        return inTurn(() => reload(parsed, context));
      }),
    plan: (given) => inReading(async () => planOf(await (given === undefined ? readFile() : readGiven(given)), given)),
    apply: (context) =>
      inReading(async () => {
        refuseWhilePending(waiting());
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
    save: (context) => inReading(async () => saveOverrides(saveSeat(context), context)),
    async onDisk() {
      const parsed = await readFile();
      return { ...inForce, disk: judgeDisk(file, inForce.config, parsed) };
    },
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
