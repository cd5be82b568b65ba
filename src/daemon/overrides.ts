/**
 * The overrides on disk: `<state_dir>/overrides.json`, replaced as a whole, so that a power loss leaves the
 * old or the new. A damaged file is set aside and never stops the daemon.
 */
import { hash } from 'node:crypto';
import { copyFile, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseIp } from '../base/ip.js';
import { MAX_FWMARK, MAX_SECONDS, MAX_THRESHOLD, MAX_WEIGHT, PROTOCOLS, SCHEDULER_FLAGS, SCHEDULERS } from '../base/words.js';
import type { Override } from '../intent/types.js';
import { replaceSafely } from '../os/safe-file.js';

const VERSION = 1;

const amount = v.pipe(v.number(), v.integer(), v.minValue(0));
const weight = v.pipe(amount, v.maxValue(MAX_WEIGHT));
const threshold = v.pipe(amount, v.maxValue(MAX_THRESHOLD));
/** As lbd writes it: what is compared as text must be spelt in one way. */
const address = v.pipe(
  v.string(),
  v.check((text) => parseIp(text) === text, 'not an address'),
);
const forward = v.picklist(['nat', 'dr', 'tun']);
/** 0: every port, of a service; the port that the client named, of a real server. */
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));
const server = { service: v.string(), address, port };
const family = v.picklist([4, 6]);
const serviceId = v.variant('kind', [
  v.object({ kind: v.literal('address'), family, protocol: v.picklist(PROTOCOLS), address, port }),
  v.object({ kind: v.literal('fwmark'), family, fwmark: v.pipe(amount, v.minValue(1), v.maxValue(MAX_FWMARK)) }),
]);
const weightSetting = v.variant('kind', [
  v.object({ kind: v.literal('absolute'), weight }),
  v.object({ kind: v.literal('percent'), percent: amount }),
]);
const adminState = {
  state: v.picklist(['drain', 'disabled']),
  until: v.optional(amount),
  expires: v.optional(amount),
  sticky: v.optional(v.picklist(['honour', 'break'])),
};
const U32 = 2 ** 32 - 1;
const HOUR_MS = 3_600_000;
const upTo = (least: number, most: number) => v.pipe(amount, v.minValue(least), v.maxValue(most));
/** See ServiceSet. */
const settings = v.pipe(
  v.strictObject({
    scheduler: v.optional(v.picklist(SCHEDULERS)),
    scheduler_flags: v.optional(v.array(v.picklist(SCHEDULER_FLAGS))),
    persistence: v.optional(upTo(0, MAX_SECONDS)),
    persistence_prefix: v.optional(upTo(1, 128)),
    quorum: v.optional(upTo(1, U32)),
    hysteresis: v.optional(upTo(0, U32 - 1)),
    on_failure: v.optional(v.picklist(['remove', 'quiesce'])),
    slow_start: v.optional(upTo(0, HOUR_MS)),
    sorry_server: v.optional(v.union([v.literal('none'), v.object({ address, port: upTo(1, 65_535) })])),
  }),
  v.check((one) => Object.keys(one).length > 0, 'nothing is set'),
);
const change = v.variant('kind', [
  v.object({ kind: v.literal('add-rs'), ...server, weight, forward: v.optional(forward), upper: threshold, lower: threshold }),
  v.object({ kind: v.literal('set-rs'), ...server, weight: weightSetting }),
  v.object({ kind: v.literal('del-rs'), ...server }),
  v.object({ kind: v.literal('set-state'), ...server, ...adminState, remove: v.optional(v.literal(true)) }),
  v.object({ kind: v.literal('set-host'), address, ...adminState, udpUntil: v.optional(amount) }),
  v.object({
    kind: v.literal('add-vs'),
    name: v.string(),
    id: serviceId,
    scheduler: v.optional(v.picklist(SCHEDULERS)),
    forward: v.optional(forward),
    persistence: v.optional(v.pipe(amount, v.maxValue(MAX_SECONDS))),
    onePacket: v.optional(v.boolean(), false),
  }),
  v.object({ kind: v.literal('set-vs'), service: v.string(), set: settings }),
  v.object({ kind: v.literal('del-vs'), service: v.string() }),
]);
const override = v.object({ id: amount, who: v.string(), when: v.string(), why: v.string(), ends: v.optional(amount), change });
const file = v.object({
  version: v.literal(VERSION),
  next_id: amount,
  revision: v.optional(amount, 0),
  overrides: v.array(v.unknown()),
});

/** One that was saved; undefined: it is damaged. */
export function readOverride(value: unknown): Override | undefined {
  const result = v.safeParse(override, value);
  return result.success ? (result.output as Override) : undefined;
}

export interface OverrideStore {
  readonly loaded: readonly Override[];
  /** The number that the next override gets; it is used up when it has been saved. */
  nextId(): number;
  /** Of what was in force last; 0: it is not known. */
  readonly revision: number;
  /** `beside`: what is to be on disk before these count; it is waited for. */
  save(overrides: readonly Override[], revision: number, beside?: Promise<void>): Promise<void>;
}

interface Content {
  readonly overrides: readonly Override[];
  readonly revision: number;
  readonly nextId: number;
}

const NOTHING: Content = { overrides: [], revision: 0, nextId: 1 };

function parse(text: string, warn: (text: string) => void): Content {
  const content = v.parse(file, JSON.parse(text));
  const overrides: Override[] = [];
  for (const [i, entry] of content.overrides.entries()) {
    const result = v.safeParse(override, entry);
    if (result.success) overrides.push(result.output as Override);
    else warn(`override number ${i + 1} of the saved ones is damaged and was left out: ${result.issues[0].message}`);
  }
  return { overrides, revision: content.revision, nextId: Math.max(content.next_id, ...overrides.map((one) => one.id + 1)) };
}

async function load(path: string, warn: (text: string) => void): Promise<Content> {
  const aside = `${path}.damaged-${Date.now()}`;
  try {
    const damage: string[] = [];
    const text = await readFile(path, 'utf8');
    const content = parse(text, (one) => damage.push(one));
    for (const one of damage) warn(one);
    // The next change would write the file without them; until then lbd may start often.
    if (damage.length > 0)
      await copyFile(path, `${path}.damaged-${hash('sha256', text).slice(0, 12)}`).catch((error: Error) =>
        warn(`${path} cannot be copied: ${error.message}`),
      );
    return content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
    const reason = (error as Error).message.split('\n')[0];
    const moved = await rename(path, aside).then(
      () => `is now ${aside}`,
      (failure: Error) => `cannot be set aside (${failure.message})`,
    );
    warn(`${path} was damaged or cannot be read (${reason}) and ${moved}; starting without overrides`);
    return NOTHING;
  }
}

/** Reads what is there. `save` rejects when the disk refuses; what was there before stays then. */
export async function openOverrides(stateDir: string, warn: (text: string) => void): Promise<OverrideStore> {
  const path = join(stateDir, 'overrides.json');
  const { overrides, revision, nextId } = await load(path, warn);
  let next = nextId;
  return {
    loaded: overrides,
    revision,
    nextId: () => next,
    async save(list, revision, beside) {
      const following = Math.max(next, ...list.map((one) => one.id + 1));
      const content = { version: VERSION, next_id: following, revision, overrides: list };
      await replaceSafely(path, `${JSON.stringify(content, null, 1)}\n`, { mode: 0o600, beside });
      next = following;
    },
  };
}
