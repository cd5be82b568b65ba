/** A whole director but for its processes: core's handlers, over a pool on a fake kernel and a VRRP instance that stands still. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { saveEdits } from '../../src/config/save.js';
import type { ApiInstance } from '../../src/control/api.js';
import { answer } from '../../src/daemon/check/answers.js';
import { readWhole } from '../../src/daemon/config-child.js';
import { createEventLog, type Tell } from '../../src/daemon/core/events.js';
import { createHandlers, type Handlers } from '../../src/daemon/core/handlers.js';
import { createPair } from '../../src/daemon/core/pair.js';
import type { Supervisor } from '../../src/daemon/core/supervisor.js';
import { openWanted, type Wanted } from '../../src/daemon/core/wanted.js';
import type { CheckQuery } from '../../src/daemon/messages.js';
import type { Intent } from '../../src/intent/types.js';
import { now, wallClock } from '../../src/os/clock.js';
import { parseSurroundings } from '../../src/os/config-files.js';
import { type PoolWorld, poolWorld } from './pool-world.js';
import { plain } from './saving.js';

export interface CoreWorld {
  readonly pool: PoolWorld;
  readonly handlers: Handlers;
}

const LOG = { write: () => {}, setLevel: () => {} };

const child = (pid: number, ask: (query: Record<string, unknown>) => Promise<object>): Supervisor => ({
  start: () => {},
  send: () => {},
  ask: (query) => ask(query as Record<string, unknown>) as Promise<Record<string, unknown>>,
  stop: () => Promise.resolve(),
  state: () => ({ pid, state: 'running', restarts: 0 }),
  open: () => undefined,
});

async function openFile(file: string, tell: Tell, changed: (intent: Intent) => void): Promise<Wanted> {
  const { config, record, problems } = await readWhole(file);
  if (!config) throw new Error(JSON.stringify(problems));
  return openWanted({
    file,
    config,
    record,
    log: LOG,
    tell,
    problems: new Set(),
    changed,
    loadConfig: async (path) => plain(await readWhole(path)),
    loadTexts: async (...words) => plain(await readWhole(...words)),
    editFiles: async (path, edits) => plain(saveEdits(path, readFileSync(path, 'utf8'), parseSurroundings(), edits)),
  });
}

/** `text` is the configuration, and `file` where it is; its folder has the state, too. */
export async function coreWorld(
  { file, text, instance }: { readonly file: string; readonly text: string; readonly instance: ApiInstance },
  run: (world: CoreWorld) => Promise<void>,
): Promise<void> {
  const stateDir = join(dirname(file), 'state');
  mkdirSync(stateDir);
  writeFileSync(file, `global: { router_id: d1, state_dir: ${stateDir} }\n${text}`);
  const startedAt = now();
  const events = createEventLog();
  const tell: Tell = (kind, subject, words, change) => void events.add(wallClock(), kind, subject, words, change);
  let changed: (intent: Intent) => void = () => {};
  const wanted = await openFile(file, tell, (intent) => changed(intent));
  await poolWorld(wanted.intent().services, async (pool) => {
    changed = ({ services }) => pool.configure(services);
    const check = child(4712, ({ query }) => answer(pool.pool, query as CheckQuery));
    const vrrp = child(4713, async () => ({ instances: [instance] }));
    const pair = createPair({ wanted, vrrp: () => vrrp, connections: () => Promise.resolve(0), log: LOG, tell });
    const parts = { file, startedAt, wanted, check, vrrp, pooled: () => true, events, tell, problems: () => [], pair };
    await run({ pool, handlers: createHandlers(parts) });
  });
}
