/**
 * What a restarted check process goes on from: `<state_dir>/verdicts.json`, with the verdicts and who was in the table. Written
 * soon after every change and every minute, so that its age says how long nobody has checked. Ignored when older than
 * MAX_AGE_MS or from another boot; a damaged one is set aside.
 */
import { readFileSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instant } from '../../base/time.js';
import type { HealthState, Remembered, Verdict } from '../../health/types.js';
import { makeFolder } from '../../os/state-file.js';
import type { Penalty } from '../../pool/damping.js';
import { SCARCE } from '../../pool/floor.js';
import type { Membership, Memberships } from '../../pool/membership.js';
import type { Quorum } from '../../pool/quorum.js';
import type { PoolState, Remains } from '../../pool/state.js';
import { bootId } from './ownership.js';

export interface StoreOptions {
  /** CLOCK_BOOTTIME. */
  readonly now: () => Instant;
  readonly warn: (text: string) => void;
  /** From a change to the write, and from one write to the next. */
  readonly delayMs?: number;
  readonly refreshMs?: number;
  /** Of this boot; the kernel's unless given. */
  readonly boot?: string;
}

export interface VerdictStore {
  /** What the file said at start; undefined once that is older than the age limit. */
  verdict(checkKey: string): Remembered | undefined;
  /** Of a virtual server, by its name. */
  members(name: string): Memberships | undefined;
  /** The name that the virtual server had. */
  nameOf(serviceKey: string): string | undefined;
  /** The rest of its pool. */
  remains(name: string): Remains;
  /**
   * Something has changed: what the arguments hold when the time has come is written. Both are kept and read again later. `urgent`: a
   * verdict is another one, and who dies before it is written would bring back a server that has failed, or cut off one that serves.
   */
  save(states: Iterable<readonly [string, HealthState]>, pools: ReadonlyMap<string, SavedPool>, urgent?: boolean): void;
  /** Writes at once what was last given to save; resolves when it is on the disk. Ends the writing every minute. */
  flush(): Promise<void>;
}

/** What is kept of a pool. */
export type SavedPool = Pick<PoolState, 'members'> & Partial<Pick<PoolState, 'coming' | 'key'>> & Remains;

export const MAX_AGE_MS = 600_000;
const DELAY_MS = 200;
/** Of what is urgent: the kernel gets the change first. */
const URGENT_MS = 5;
const REFRESH_MS = 60_000;

interface Saved {
  readonly savedAt: Instant;
  readonly verdicts: ReadonlyMap<string, Remembered>;
  readonly members: ReadonlyMap<string, Memberships>;
  /** Names by the keys of services. */
  readonly names: ReadonlyMap<string, string>;
  readonly quorums: ReadonlyMap<string, Quorum>;
  readonly policies: ReadonlyMap<string, Policy>;
}

/** What goes on beside who is in. */
type Policy = Pick<Remains, 'reach' | 'floor' | 'ramps' | 'penalties'>;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const VERDICTS: readonly unknown[] = ['up', 'down'] satisfies Verdict[];
const MEMBERSHIPS: readonly unknown[] = ['in', 'kept', 'quiesced', 'out'] satisfies Membership[];

/** What has not happened when it was written is nonsense: a slow start, or a penalty, would hold a server for ever. */
const isPast = (at: unknown, savedAt: Instant): at is Instant => isAmount(at) && at <= savedAt;

function readVerdict(value: unknown, savedAt: Instant): Remembered | undefined {
  if (!isFields(value) || !VERDICTS.includes(value.verdict)) return undefined;
  if (!isPast(value.since, savedAt) || typeof value.reason !== 'string') return undefined;
  const share = isAmount(value.share) ? { share: value.share } : {};
  return { verdict: value.verdict as Verdict, since: value.since, reason: value.reason, ...share };
}

function readMembers(value: unknown): Memberships | undefined {
  if (!isFields(value)) return undefined;
  const known = Object.entries(value).filter(([, one]) => MEMBERSHIPS.includes(one));
  return new Map(known as [string, Membership][]);
}

const readQuorum = (value: unknown): Quorum | undefined => (value === 'met' || value === 'lost' ? value : undefined);

/** They are written by name, as all else. */
function readNames(value: unknown): Map<string, string> {
  const keys = readAll(isFields(value) ? value : {}, (key) => (typeof key === 'string' ? key : undefined));
  return new Map([...keys].map(([name, key]) => [key, name]));
}

const isAmount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

function readPenalty(value: unknown, savedAt: Instant): Penalty | undefined {
  if (!isFields(value)) return undefined;
  const { value: amount, at, up, held } = value;
  const isWhole = isAmount(amount) && isPast(at, savedAt) && typeof up === 'boolean' && typeof held === 'boolean';
  return isWhole ? { value: amount, at, up, held } : undefined;
}

function readPolicy(value: unknown, savedAt: Instant): Policy | undefined {
  if (!isFields(value)) return undefined;
  const { reach, scarce, ramps, penalties } = value;
  return {
    ...(isAmount(reach) ? { reach } : {}),
    ...(scarce === true ? { floor: SCARCE } : {}),
    ...(isFields(ramps) ? { ramps: readAll(ramps, (since) => (isPast(since, savedAt) ? since : undefined)) } : {}),
    ...(isFields(penalties) ? { penalties: readAll(penalties, (one) => readPenalty(one, savedAt)) } : {}),
  };
}

function readAll<T>(value: Fields, read: (one: unknown) => T | undefined): Map<string, T> {
  const all = new Map<string, T>();
  for (const [key, one] of Object.entries(value)) {
    const known = read(one);
    if (known !== undefined) all.set(key, known);
  }
  return all;
}

/** Undefined: of another boot. Throws SyntaxError when the text is no record. */
function parse(text: string, boot: string): Saved | undefined {
  const value: unknown = JSON.parse(text);
  if (!isFields(value) || typeof value.saved_at !== 'number' || !isFields(value.verdicts) || !isFields(value.members)) {
    throw new SyntaxError('not a record of verdicts');
  }
  if (value.boot_id !== boot) return undefined;
  const savedAt = value.saved_at;
  return {
    savedAt,
    verdicts: readAll(value.verdicts, (one) => readVerdict(one, savedAt)),
    members: readAll(value.members, readMembers),
    names: readNames(value.keys),
    quorums: readAll(isFields(value.quorums) ? value.quorums : {}, readQuorum),
    policies: readAll(isFields(value.policies) ? value.policies : {}, (one) => readPolicy(one, savedAt)),
  };
}

/** Nothing for a pool that needs nothing. */
function formatPolicy({ reach, floor, ramps, penalties }: SavedPool): object | undefined {
  const counted = [...(penalties ?? [])].filter(([, { value }]) => value > 0);
  const fields = {
    ...(reach ? { reach } : {}),
    ...(floor?.scarce ? { scarce: true } : {}),
    ...(ramps?.size ? { ramps: Object.fromEntries(ramps) } : {}),
    ...(counted.length > 0 ? { penalties: Object.fromEntries(counted) } : {}),
  };
  return Object.keys(fields).length > 0 ? fields : undefined;
}

/** What is written of one pool, as it stands in the objects of the file. */
interface PoolText {
  readonly members: string;
  readonly key?: string;
  readonly quorum?: string;
  readonly policy?: string;
}

/** A memo: pools are values, and of thousands a change touches one. */
const texts = new WeakMap<SavedPool, PoolText>();

function textOf(pool: SavedPool): PoolText {
  const known = texts.get(pool);
  if (known) return known;
  const policy = formatPolicy(pool);
  // Who has not decided comes to the next life, too.
  const members = [...pool.members].filter(([key]) => !pool.coming?.has(key));
  const text = {
    members: JSON.stringify(Object.fromEntries(members)),
    ...(pool.key === undefined ? {} : { key: JSON.stringify(pool.key) }),
    ...(pool.quorum ? { quorum: JSON.stringify(pool.quorum) } : {}),
    ...(policy ? { policy: JSON.stringify(policy) } : {}),
  };
  texts.set(pool, text);
  return text;
}

/** One of them. */
function formatPools(pools: ReadonlyMap<string, SavedPool>, part: keyof PoolText): string {
  const entries: string[] = [];
  for (const [name, pool] of pools) {
    const text = textOf(pool)[part];
    if (text !== undefined) entries.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${entries.join(',')}}`;
}

function format(
  boot: string,
  now: Instant,
  states: Iterable<readonly [string, HealthState]>,
  pools: ReadonlyMap<string, SavedPool>,
): string {
  const verdicts: Record<string, Remembered> = {};
  for (const [key, { verdict, since, reason, share }] of states) {
    if (verdict !== 'unknown') verdicts[key] = { verdict, since, reason, ...(share === undefined ? {} : { share }) };
  }
  const head = JSON.stringify({ boot_id: boot, saved_at: now, verdicts }).slice(0, -1);
  const parts = (['members', 'key', 'quorum', 'policy'] as const).map((part) => formatPools(pools, part));
  const [members, keys, quorums, policies] = parts;
  return `${head},"members":${members},"keys":${keys},"quorums":${quorums},"policies":${policies}}`;
}

function load(file: string, boot: string, warn: (text: string) => void): Saved | undefined {
  try {
    return parse(readFileSync(file, 'utf8'), boot);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const known = error as Error;
    if (known instanceof SyntaxError) setAside(file, known, warn);
    else warn(`cannot read ${file}: ${known.message}; all checks begin anew`);
    return undefined;
  }
}

function setAside(file: string, error: SyntaxError, warn: (text: string) => void): void {
  try {
    renameSync(file, `${file}.damaged`);
    warn(`${file} is damaged (${error.message}): set aside as ${file}.damaged; all checks begin anew`);
  } catch (failure) {
    warn(`${file} is damaged (${error.message}) and cannot be set aside: ${(failure as Error).message}`);
  }
}

async function write(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.tmp`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.tmp`, file);
}

export function openVerdictStore(stateDir: string, options: StoreOptions): VerdictStore {
  const { now, warn, delayMs = DELAY_MS, refreshMs = REFRESH_MS, boot = bootId() } = options;
  const file = join(stateDir, 'verdicts.json');
  const saved = load(file, boot, warn);
  let current: readonly [Iterable<readonly [string, HealthState]>, ReadonlyMap<string, SavedPool>] | undefined;
  let soon: NodeJS.Timeout | undefined;
  let soonAt: Instant = 0;
  let wroteAt: Instant = Number.NEGATIVE_INFINITY;
  let refresh: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let trouble = '';

  const isFresh = ({ savedAt }: Saved): boolean => savedAt <= now() && now() - savedAt <= MAX_AGE_MS;
  const fresh = (): Saved | undefined => (saved && isFresh(saved) ? saved : undefined);

  /** Never rejects: without the file the daemon works, and the next change tries again. */
  async function writeNow(): Promise<void> {
    if (!current) return;
    try {
      makeFolder(stateDir);
      await write(file, format(boot, now(), ...current));
      trouble = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble) warn(`cannot write ${file}: ${message}; verdicts would not survive a restart`);
      trouble = message;
    }
  }

  /** One write at a time, or two would share the temporary file. */
  function enqueue(): Promise<void> {
    clearTimeout(soon);
    soon = undefined;
    wroteAt = now();
    writing = writing.then(writeNow);
    return writing;
  }

  return {
    verdict: (key) => fresh()?.verdicts.get(key),
    members: (key) => fresh()?.members.get(key),
    nameOf: (key) => fresh()?.names.get(key),
    remains: (name) => ({ quorum: fresh()?.quorums.get(name), ...fresh()?.policies.get(name) }),
    save(states, pools, urgent = false) {
      current = [states, pools];
      const wait = urgent ? Math.max(URGENT_MS, wroteAt + delayMs - now()) : delayMs;
      if (soon === undefined || now() + wait < soonAt) {
        clearTimeout(soon);
        soonAt = now() + wait;
        soon = setTimeout(enqueue, wait);
      }
      refresh ??= setInterval(enqueue, refreshMs).unref();
    },
    async flush() {
      clearInterval(refresh);
      refresh = undefined;
      await enqueue();
    },
  };
}
