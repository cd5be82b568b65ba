/**
 * The overrides on disk: `<state_dir>/overrides.json`, replaced as a whole (written beside, synced, renamed, folder synced), so that a
 * power loss leaves the old or the new. A damaged file is set aside and never stops the daemon.
 */
import { copyFile, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseIp } from '../base/ip.js';
import { MAX_FWMARK, MAX_SECONDS, MAX_THRESHOLD, MAX_WEIGHT, PROTOCOLS, SCHEDULERS } from '../base/words.js';
import type { Override } from '../intent/types.js';

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
  v.object({ kind: v.literal('del-vs'), service: v.string() }),
]);
const override = v.object({ id: amount, who: v.string(), when: v.string(), why: v.string(), change });
const file = v.object({ version: v.literal(VERSION), next_id: amount, overrides: v.array(v.unknown()) });

export interface OverrideStore {
  readonly loaded: readonly Override[];
  /** The number that the next override gets; it is used up when it has been saved. */
  nextId(): number;
  save(overrides: readonly Override[]): Promise<void>;
}

interface Content {
  readonly overrides: readonly Override[];
  readonly nextId: number;
}

const NOTHING: Content = { overrides: [], nextId: 1 };

function parse(text: string, warn: (text: string) => void): Content {
  const content = v.parse(file, JSON.parse(text));
  const overrides: Override[] = [];
  for (const [i, entry] of content.overrides.entries()) {
    const result = v.safeParse(override, entry);
    if (result.success) overrides.push(result.output as Override);
    else warn(`override number ${i + 1} of the saved ones is damaged and was left out: ${result.issues[0].message}`);
  }
  return { overrides, nextId: Math.max(content.next_id, ...overrides.map((one) => one.id + 1)) };
}

async function load(path: string, warn: (text: string) => void): Promise<Content> {
  const aside = `${path}.damaged-${Date.now()}`;
  try {
    const damage: string[] = [];
    const content = parse(await readFile(path, 'utf8'), (text) => damage.push(text));
    for (const text of damage) warn(text);
    // The next change would write the file without them.
    if (damage.length > 0)
      await copyFile(path, aside).catch((error: Error) => warn(`${path} cannot be copied: ${error.message}`));
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

async function replace(folder: string, path: string, text: string): Promise<void> {
  const fresh = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await fresh.writeFile(text);
    await fresh.sync();
  } finally {
    await fresh.close();
  }
  await rename(`${path}.tmp`, path);
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Reads what is there. `save` rejects when the disk refuses; what was there before stays then. */
export async function openOverrides(stateDir: string, warn: (text: string) => void): Promise<OverrideStore> {
  const path = join(stateDir, 'overrides.json');
  const { overrides, nextId } = await load(path, warn);
  let next = nextId;
  return {
    loaded: overrides,
    nextId: () => next,
    async save(list) {
      const following = Math.max(next, ...list.map((one) => one.id + 1));
      await replace(stateDir, path, `${JSON.stringify({ version: VERSION, next_id: following, overrides: list }, null, 1)}\n`);
      next = following;
    },
  };
}
