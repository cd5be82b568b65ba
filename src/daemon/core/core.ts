/**
 * The core process: reads the configuration, owns the control socket and what is wanted, keeps the children alive and talks to
 * them. It touches neither IPVS nor VRRP, so whatever it does delays no advert and no check.
 */
import { dirname } from 'node:path';
import { formatProblem } from '../../config/problems.js';
import type { Config, ParsedConfig, SourceText } from '../../config/types.js';
import type { ApiEvent, ApiEventChange } from '../../control/api.js';
import type { Intent } from '../../intent/types.js';
import { now, wallClock } from '../../os/clock.js';
import { runCommand } from '../../os/command.js';
import { makeFolder } from '../../os/state-file.js';
import type { Reading } from '../../vrrp/track.js';
import { loadAgain } from '../config-again.js';
import { loadConfig } from '../config-child.js';
import { editFiles } from '../edit-child.js';
import { createLog, type Log } from '../log.js';
import type { Forwarding, LogLevel } from '../messages.js';
import { coalesce } from './coalesce.js';
import { prepare } from './command-line.js';
import { openDoors } from './doors.js';
import { openEventStore } from './event-store.js';
import { createEventLog, type Tell } from './events.js';
import { createHandlers } from './handlers.js';
import { createHooks, type Hooks } from './hooks.js';
import { type Keys, readKeys } from './keys.js';
import { findLeftovers } from './leftovers.js';
import { takeLock } from './lock.js';
import { notifySystemd } from './notify.js';
import { createPair } from './pair.js';
import { refusedReload, standing } from './problem-words.js';
import { createProgress } from './progress.js';
import { createPublisher, type Publisher } from './publisher.js';
import { createSupervisor, type Role, type Supervisor, type SupervisorOptions } from './supervisor.js';
import { findBegun, finishBegun, takeBackAtStart } from './take-back.js';
import { openWanted, type TakenBack, type Wanted, type WantedOptions } from './wanted.js';

/** An ordered stop waits for the hand-over: at most a skew time and an interval of the slowest instance, and this much more. */
const STOP_SLACK_MS = 5000;
/** What programs that are told of the stop may take. */
const HOOKS_LIMIT_MS = 10_000;
const EXIT_LIMIT_MS = 2000;

/** When the start is over: then there is time to be ready for lbctl. */
const PREPARE_MS = 5000;

const INVALID_CONFIG = 4;

interface Core {
  readonly log: Log;
  readonly wanted: Wanted;
  readonly check: Supervisor;
  readonly vrrp: Supervisor;
  readonly hooks: Hooks;
  readonly tell: Tell;
  /** A standing problem: why the last reload was refused. */
  readonly reloadRefused: (text: string | undefined) => void;
}

const counted = ({ length }: readonly unknown[], what: string): string => `${length} ${what}${length === 1 ? '' : 's'}`;

const startText = (file: string, { services, instances }: Intent): string =>
  `lbd started with ${file}: ${counted(services, 'virtual server')}, ${counted(instances, 'VRRP instance')}`;

/** Ends the program with a line that says why; nothing has been started yet. */
function giveUp(message: string, status = 1): never {
  process.stderr.write(`lbd: ${message}\n`);
  process.exit(status);
}

type Read = Omit<ParsedConfig, 'config' | 'problems'> & { readonly config: Config };

const warnEarly = (text: string): void => void process.stderr.write(`lbd: ${text}\n`);

/** One that is wrong may be one that an earlier life had half in place. `alone`: no other lbd is at it. */
async function readFirst(file: string, alone: () => Promise<void>): Promise<Read> {
  const found = await loadConfig(file);
  const begun = found.config ? undefined : await findBegun(file, warnEarly);
  if (!begun) return valid(file, found);
  await alone();
  return valid(file, (await finishBegun(begun, warnEarly)) ? await loadConfig(file) : found);
}

const readConfig = async (file: string): Promise<Read> => valid(file, await loadConfig(file));

function valid(file: string, { config, problems, ...rest }: ParsedConfig): Read {
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  return config ? { config, ...rest } : giveUp(`${file} is not valid: nothing was started`, INVALID_CONFIG);
}

/** What is to be in force, and with it what an earlier life left behind that is taken back; for the only lbd there is. */
async function settled(file: string, found: Read): Promise<Read & { readonly takenBack: TakenBack | undefined }> {
  const read = (texts: readonly SourceText[]) => loadConfig(file, texts, true);
  const takenBack = await takeBackAtStart(found.config, { read, warn: warnEarly });
  if (!takenBack?.instead) return { ...(takenBack ? await readConfig(file) : found), takenBack };
  const { config, problems: _, ...rest } = await read(takenBack.instead.texts);
  return config ? { config, ...rest, takenBack } : { ...found, takenBack: undefined };
}

function keysOf(config: Config, log: Log): Keys {
  try {
    return readKeys(config, (text) => log.write('warn', text));
  } catch (error) {
    return giveUp(`${(error as Error).message}: nothing was started`, INVALID_CONFIG);
  }
}

const loaders = (log: Log): Pick<WantedOptions, 'loadConfig' | 'loadTexts' | 'editFiles'> => ({
  editFiles,
  loadConfig: (path, before) =>
    loadAgain(path, before, ({ stack }) => log.write('error', 'a bug: the file is read as a whole', { reason: stack })),
  loadTexts: loadConfig,
});

async function beTheOnlyOne(file: string): Promise<void> {
  const { lock, holder, squatted } = await takeLock(`pid ${process.pid}, ${file}`);
  if (squatted) process.stderr.write('lbd: the name that keeps a second lbd from starting is held by a user who is not root\n');
  else if (!lock) giveUp(`another lbd runs in this network namespace (${holder}): stop it first`);
}

async function readAlone(file: string): ReturnType<typeof settled> {
  let lock: Promise<void> | undefined;
  const alone = () => {
    lock ??= beTheOnlyOne(file);
    return lock;
  };
  const found = await readFirst(file, alone);
  await alone();
  return settled(file, found);
}

const placesOf = ({ global }: Config) => ({ stateDir: global.stateDir, runDir: dirname(global.socket) });

function makeFolders(config: Config): void {
  for (const folder of Object.values(placesOf(config))) {
    try {
      makeFolder(folder);
    } catch (error) {
      giveUp(`cannot make ${folder}: ${(error as Error).message}`);
    }
  }
}

export async function runCore(file: string): Promise<void> {
  const startedAt = now();
  const signals = holdSignals();
  // A terminal or a disk that takes no more words is no reason to stop.
  process.stderr.on('error', () => {});
  const source = await readAlone(file);
  const { config } = source;
  makeFolders(config);
  const log = createLog(config.global.logLevel);
  const problems = new Set<string>();
  const events = createEventLog(openEventStore({ ...placesOf(config), warn: (text) => log.write('warn', text), problems }));
  let publish: (event: ApiEvent) => void = () => {};
  const tell: Tell = (kind, subject, text, change) => {
    log.write('info', text, { kind, subject });
    publish(events.add(wallClock(), kind, subject, text, change));
  };
  // It is in the log already, as an error.
  const reloadRefused = standing(problems, { ...log, write: () => {} });
  const wanted = await openWanted({
    file,
    ...source,
    keys: keysOf(config, log),
    readKeys: (next) => readKeys(next, (text) => log.write('warn', text)),
    log,
    tell,
    problems,
    changed: (intent) => publisher.all(intent),
    reloaded() {
      reloadRefused(undefined);
      void doors.apply();
      pair.configured();
    },
    ...loaders(log),
  });
  const hooks = createHooks({
    instances: () => wanted.intent().instances,
    routerId: () => wanted.config().global.routerId,
    run: runCommand,
    tell,
  });
  const publisher = createPublisher({ wanted: () => wanted, check: () => check, vrrp: () => vrrp });
  const hear = createListener({ publisher, hooks, wanted, log, tell, synced: (roles) => pair.synced.roles(roles) });
  const supervise = (role: Role, configure: () => void) =>
    createSupervisor({
      role,
      log,
      configure,
      onMessage: (message) => hear(role, message),
      onDeath: (how, ms) => tell('process', role, `the ${role} process ended: ${how}; restarted in ${ms} ms`, { cause: how }),
    });
  const check = supervise('check', () => publisher.toCheck());
  const vrrp = supervise('vrrp', () => publisher.toVrrp());
  const connections = async () => (await handlers.stats({}, { name: 'lbd' })).totals.active;
  const pair = createPair({ wanted, vrrp: () => vrrp, connections, log, tell });
  const handlers = createHandlers({
    file,
    startedAt,
    wanted,
    check,
    vrrp,
    pooled: publisher.pooled,
    events,
    tell,
    problems: () => [...problems],
    pair,
  });
  const warn = (text: string) => log.write('warn', text);
  const doors = await openDoors({ wanted, handlers, progress: createProgress({ check, vrrp }), warn, problems }).catch(
    (error: Error) => giveUp(error.message),
  );
  publish = doors.publish;
  tell('start', wanted.config().global.routerId, startText(file, wanted.intent()));
  publisher.all(wanted.intent(), findLeftovers(config.global.stateDir, dirname(config.global.socket)));
  notifySystemd('READY=1');
  void doors.apply();
  pair.configured();
  setTimeout(() => prepare().catch((error: Error) => warn(`lbctl's grammar: ${error.message}`)), PREPARE_MS).unref();
  signals.attach({ log, wanted, check, vrrp, hooks, tell, reloadRefused }, () => doors.close().finally(events.close));
}

interface ListenerParts extends Pick<Core, 'log' | 'wanted' | 'hooks' | 'tell'> {
  readonly publisher: Publisher;
  readonly synced: (roles: Readonly<Record<string, string>>) => void;
}

type Said = Parameters<SupervisorOptions['onMessage']>[0];

/** What the children say. */
function createListener({ publisher, hooks, wanted, log, tell, synced }: ListenerParts): (role: Role, message: Said) => void {
  return (role, message) => {
    switch (message.type) {
      case 'event':
        return tell(
          String(message.kind),
          String(message.subject),
          String(message.text),
          message.change as ApiEventChange | undefined,
        );
      case 'log':
        return log.write(message.level as LogLevel, String(message.msg), { process: role, ...(message.fields as object) });
      case 'recheck':
        return publisher.recheck();
      case 'roles': {
        const roles = message.roles as Readonly<Record<string, string>>;
        publisher.roles(roles, message.connected as readonly string[]);
        synced(roles);
        return hooks.roles(roles);
      }
      case 'yield':
        return publisher.yield(message.now === true);
      case 'watched':
        return publisher.watched(message.readings as Readonly<Record<string, Reading>>);
      case 'drained':
        return void wanted.drained(Number(message.id));
      case 'forwarding':
        return publisher.forwarding(message.state as Forwarding, String(message.reason));
    }
  };
}

/** Signals that come before everything stands are kept for then. */
function holdSignals() {
  const early: NodeJS.Signals[] = [];
  let act: (signal: NodeJS.Signals) => void = (signal) => void early.push(signal);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => act(signal));
  return {
    attach(core: Core, close: () => Promise<void>) {
      act = createSignalHandler(core, close);
      for (const signal of early) act(signal);
    },
  };
}

function createSignalHandler(core: Core, close: () => Promise<void>): (signal: NodeJS.Signals) => void {
  let stopping = false;
  const reloads = coalesce(() => reload(core));
  return (signal) => {
    if (signal === 'SIGHUP') return void reloads();
    const atOnce = stopping || signal === 'SIGUSR2';
    if (!stopping)
      core.tell(
        'stop',
        core.wanted.config().global.routerId,
        atOnce ? `${signal}: ends at once and keeps everything` : `${signal}: ordered stop`,
      );
    stopping = true;
    notifySystemd('STOPPING=1');
    (atOnce ? exitAtOnce(core) : orderedStop(core)).then(close).then(() => process.exit(0));
  };
}

async function reload(core: Core): Promise<void> {
  notifySystemd('RELOADING=1');
  try {
    await core.wanted.reload({ dryRun: false, who: 'SIGHUP' });
  } catch (error) {
    core.log.write('error', `reload refused, the old configuration stays: ${(error as Error).message}`);
    core.reloadRefused(refusedReload(error as Error));
  }
  notifySystemd('READY=1');
}

/** VRRP first: the table must serve until the other director has taken over. */
async function orderedStop(core: Core): Promise<void> {
  const slowest = Math.max(0, ...core.wanted.intent().instances.map((one) => one.advertInterval));
  await core.vrrp.stop('stop', 2 * slowest + STOP_SLACK_MS);
  // What it said last may have been lost with it.
  core.hooks.roles({});
  await Promise.all([core.check.stop('stop', STOP_SLACK_MS), core.hooks.idle(HOOKS_LIMIT_MS)]);
}

async function exitAtOnce(core: Core): Promise<void> {
  await Promise.all([core.vrrp.stop('exit', EXIT_LIMIT_MS), core.check.stop('exit', EXIT_LIMIT_MS)]);
}
