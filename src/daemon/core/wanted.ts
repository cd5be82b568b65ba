/**
 * What the administrator wants, kept by core: the configuration, the overrides, and the intent merged from both. Reloads and changes go one
 * after the other; one that is refused changes nothing.
 */
import { formatProblem } from '../../config/problems.js';
import type { ConfigRecord } from '../../config/record.js';
import type { Before } from '../../config/reparse.js';
import type { Config, ParsedConfig, Problem } from '../../config/types.js';
import type { ApiChanged, ApiProblem } from '../../control/api.js';
import { type ChangeRequest, decideChange } from '../../intent/change.js';
import { describeDifference, describeOutside } from '../../intent/describe.js';
import { nextEnd, removeDrained, type Settled, settle } from '../../intent/expiry.js';
import { buildIntent } from '../../intent/merge.js';
import { followRenames } from '../../intent/rename.js';
import { reuse } from '../../intent/reuse.js';
import type { DroppedOverride, Intent, Override } from '../../intent/types.js';
import { wallClock } from '../../os/clock.js';
import { type Alarm, createAlarm } from '../alarm.js';
import type { Log } from '../log.js';
import { openOverrides } from '../overrides.js';
import { changedKeys, type Keys, NO_KEYS } from './keys.js';
import { Refused, refuse } from './refused.js';

export interface ChangeContext {
  readonly dryRun?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly who: string;
}

export interface Wanted {
  config(): Config;
  intent(): Intent;
  overrides(): readonly Override[];
  /** What VRRP instances sign with. */
  keys(): Keys;
  /** Rejects with Refused. */
  change(request: ChangeRequest, context: ChangeContext): Promise<ApiChanged>;
  reload(context: ChangeContext): Promise<ApiChanged & { problems: readonly ApiProblem[] }>;
  /** The real server of override `id` is drained: it is removed, if that was asked for. */
  drained(id: number): Promise<void>;
  close(): void;
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
  readonly log: Log;
  readonly tell: (kind: string, subject: string, text: string) => void;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
  readonly changed: (intent: Intent) => void;
  /** A reload is done, with or without a change: files that the configuration names may be others. */
  readonly reloaded?: () => void;
  /** `before`: what is in force, and where it came from. */
  readonly loadConfig: (file: string, before: Before | undefined) => Promise<ParsedConfig>;
}

/** What a reload cannot change, because paths and sockets are open. */
const FIXED = [
  ['global.state_dir', (config: Config) => config.global.stateDir],
  ['global.control.socket', (config: Config) => config.global.socket],
  ['global.control.group', (config: Config) => config.global.group],
] as const;

function needsRestart(before: Config, after: Config): string | undefined {
  for (const [name, get] of FIXED) {
    if (get(before) !== get(after))
      return `${name} changes from ${get(before) ?? 'nothing'} to ${get(after) ?? 'nothing'}: this needs a restart`;
  }
  return undefined;
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

export async function openWanted(options: WantedOptions): Promise<Wanted> {
  const { file, log, tell, problems } = options;
  const store = await openOverrides(options.config.global.stateDir, (text) => {
    log.write('warn', text);
    problems.add(text);
  });
  let { config, record, keys = NO_KEYS } = options;
  let overrides: readonly Override[] = store.loaded;
  let revision = 0;
  let turn: Promise<unknown> = Promise.resolve();
  let reading: Promise<unknown> = Promise.resolve();
  let alarm: Alarm | undefined;

  function merge(
    next: Config,
    list: readonly Override[],
  ): { intent: Intent; kept: readonly Override[]; dropped: readonly DroppedOverride[] } {
    return buildIntent(next, list, revision + 1);
  }

  async function save(kept: readonly Override[]): Promise<void> {
    if (kept.length === overrides.length && kept.every((one, i) => one === overrides[i])) return;
    try {
      await store.save(kept);
    } catch (error) {
      const message = `the change cannot be saved (${(error as Error).message}): nothing was changed`;
      throw new Refused({ code: 'unavailable', message });
    }
  }

  /** Saved before it counts: what the disk does not have must not be in force. */
  async function adopt(next: Config, merged: ReturnType<typeof merge>): Promise<void> {
    await save(merged.kept);
    accept(next, merged);
  }

  function accept(next: Config, merged: ReturnType<typeof merge>): void {
    for (const { override, reason } of merged.dropped)
      tell('override', `#${override.id}`, `dropped the override of ${override.who} (${override.when}): ${reason}`);
    config = next;
    overrides = merged.kept;
    intent = merged.intent;
    revision = intent.revision;
    alarm?.arm();
  }

  // What has ended while lbd was away.
  const begun = settle(config, overrides, Date.now());
  const first = merge(config, begun.overrides);
  let intent = first.intent;
  // A disk that is full at start must not keep the director from working: what is dropped is dropped again next time.
  await save(first.kept).catch((error: Error) => problems.add(error.message));
  accept(config, first);
  for (const { subject, text } of begun.ended) tell('override', subject, text);
  alarm = createAlarm(
    () => nextEnd(overrides),
    () => inTurn(() => end(settle(config, overrides, Date.now()))),
  );
  alarm.arm();

  /** One change at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  }

  async function change(request: ChangeRequest, context: ChangeContext): Promise<ApiChanged> {
    const provenance = { id: store.nextId(), who: context.who, when: wallClock(), why: context.reason ?? '' };
    const decision = decideChange(config, overrides, request, provenance);
    if ('refused' in decision) return refuse(decision.refused);
    const merged = merge(config, decision.overrides);
    const { text } = decision;
    const notes = decision.notes.length > 0 ? { notes: decision.notes } : {};
    if (context.dryRun) return { text, ...notes, revision: intent.revision, dry_run: true };
    await adopt(config, merged);
    tell('override', decision.subject, `${decision.text} (by ${context.who}${context.reason ? `: ${context.reason}` : ''})`);
    options.changed(intent);
    return { text, ...notes, revision: intent.revision, dry_run: false };
  }

  /**
   * What has ended by itself. It has also where it cannot be saved: it ends again at the next start, and a disk that is full must not keep
   * a real server away.
   */
  async function end({ overrides: left, ended }: Settled): Promise<void> {
    if (ended.length === 0) return;
    const merged = merge(config, left);
    await save(merged.kept).catch((error: Error) => log.write('warn', error.message));
    accept(config, merged);
    for (const { subject, text } of ended) tell('override', subject, text);
    options.changed(intent);
  }

  function keysFor(next: Config): Keys {
    try {
      return options.readKeys?.(next) ?? NO_KEYS;
    } catch (error) {
      return refuse(`${(error as Error).message}; nothing was changed`);
    }
  }

  async function reload(parsed: ParsedConfig, context: ChangeContext): Promise<ApiChanged & { problems: readonly ApiProblem[] }> {
    logProblems(parsed.problems, log);
    if (!parsed.config) {
      const errors = parsed.problems.filter((problem) => problem.severity === 'error').length;
      throw new Refused({
        code: 'invalid_config',
        message: `${file} has ${errors} ${errors === 1 ? 'error' : 'errors'}: nothing was changed`,
        problems: parsed.problems,
      });
    }
    const fixed = needsRestart(config, parsed.config);
    if (fixed) return refuse(`${fixed}; nothing was changed`);
    const next = reuse(config, parsed.config);
    const renamed = followRenames(config, next, overrides);
    const merged = merge(next, renamed.overrides);
    const nextKeys = keysFor(next);
    const also = [...describeOutside(config, next), ...changedKeys(keys, nextKeys)];
    const text = describeDifference(intent, merged.intent, also);
    const result = { text, problems: parsed.problems, dry_run: context.dryRun === true };
    if (context.dryRun) return { ...result, revision: intent.revision };
    if (text === 'nothing changed' && merged.dropped.length === 0) config = next;
    else await adopt(next, merged);
    record = parsed.record;
    keys = nextKeys;
    for (const [from, to] of renamed.names) tell('override', to, `what was set at run time for ${from} is kept: it is ${to} now`);
    log.setLevel(config.global.logLevel);
    tell('reload', file, `${text} (by ${context.who})`);
    options.changed(intent);
    options.reloaded?.();
    return { ...result, revision: intent.revision };
  }

  return {
    config: () => config,
    intent: () => intent,
    overrides: () => overrides,
    keys: () => keys,
    change: (request, context) => inTurn(() => change(request, context)),
    reload(context) {
      // Reading may take long: changes go on meanwhile, and reloads stay in their order.
      const result = reading.then(async () => {
        const parsed = await options.loadConfig(file, record && { config, record });
        return inTurn(() => reload(parsed, context));
      });
      reading = result.catch(() => {});
      return result;
    },
    drained: (id) => inTurn(() => end(removeDrained(config, overrides, id))),
    close: () => alarm?.close(),
  };
}
