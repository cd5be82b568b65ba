/**
 * {up, down, draining} x {nothing, edit, add, remove a check, edit the weight, reorder, rename} x {reload, restart, kill, a memory that is lost
 * or damaged}: nobody is moved by it, at no moment. A whole check process over a fake kernel: all cells of one way are one change of one file.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { CheckConfig, OnFailure } from '../../src/config/types.js';
import type { RealServerIntent, ServiceIntent } from '../../src/intent/types.js';
import { allChecks } from '../../src/pool/membership.js';
import { makeServer } from '../fake/intent.js';
import { createFakeKernel } from '../fake/ipvs-kernel.js';
import { named, type PoolWorld, poolWorld } from '../fake/pool-world.js';
import { until } from '../fake/table-world.js';

const check = (port: number): CheckConfig => ({ type: 'tcp', port, interval: 20, timeout: 1000, rise: 1, fall: 2 });
/** `deciding`: the one that fails where the server is down. */
const [deciding, other, more] = [check(80), check(81), check(82)];
/** The edit of `deciding`. */
const edited: CheckConfig = { ...deciding, interval: 21 };

const STATES = ['up', 'down', 'draining'] as const;
const EDITS = {
  nothing: {},
  'edit the check that decides': { checks: [edited, other] },
  'edit another check': { checks: [deciding, { ...other, fall: 3 }] },
  'add a check': { checks: [deciding, other, more] },
  'remove another check': { checks: [deciding] },
  'edit the weight': { weight: 7, configuredWeight: 7 },
  reorder: { checks: [other, deciding] },
  rename: {},
} as const;
type EditName = keyof typeof EDITS;

interface Cell {
  readonly name: string;
  /** Of the server that it is about; the one after it is the other of the service. */
  readonly host: number;
  readonly state: (typeof STATES)[number];
  readonly edit: EditName;
}

const CELLS = STATES.flatMap((state, i) =>
  (Object.keys(EDITS) as EditName[]).map(
    (edit, j): Cell => ({ name: `${state}, ${edit}`, host: 1 + 2 * (i * Object.keys(EDITS).length + j), state, edit }),
  ),
);

function serviceOf({ name, host, state, edit }: Cell, onFailure: OnFailure, after: boolean): ServiceIntent {
  const own: Partial<RealServerIntent> = {
    forward: 'dr',
    checks: [deciding, other],
    ...(after ? EDITS[edit] : {}),
    ...(state === 'draining' ? { admin: { state: 'drain', source: { kind: 'file' } } } : {}),
  };
  const servers = [makeServer(host, own), makeServer(host + 1, { forward: 'dr', checks: [deciding] })];
  const named_ = after && edit === 'rename' ? `${name}d` : name;
  return named(named_, host, after && edit === 'reorder' ? servers.reverse() : servers, { onFailure });
}

const services = (onFailure: OnFailure, after: boolean) => CELLS.map((cell) => serviceOf(cell, onFailure, after));

/** What the model says of the table. */
function tableOf(onFailure: OnFailure, after: boolean): string[] {
  return CELLS.map(({ host, state, edit }) => {
    const full = after && edit === 'edit the weight' ? 7 : 10;
    const weight = state === 'up' ? full : state === 'draining' || onFailure === 'quiesce' ? 0 : undefined;
    const own = weight === undefined ? [] : [`10.0.0.${host}:80=${weight}`];
    return `tcp/192.0.2.${host}:80: ${[...own, `10.0.0.${host + 1}:80=10`].sort().join(' ')}`;
  }).sort();
}

const isAs = (world: PoolWorld, table: readonly string[]) => world.table().sort().join() === table.join();
const begin = (world: PoolWorld) => {
  for (const { host, state } of CELLS) if (state === 'down') world.down.add(`10.0.0.${host}:80`);
};
const hasDecided = ({ pool }: PoolWorld, onFailure: OnFailure) =>
  allChecks(services(onFailure, true)).every(({ key }) => (pool.sight().stateOf(key)?.verdict ?? 'unknown') !== 'unknown');

/** What was done to the table, but for the weight that was edited. */
const moves = ({ events }: PoolWorld) => events.filter((one) => /^table /.test(one) && !/ weight 7 /.test(one));

async function isUnmoved(world: PoolWorld, onFailure: OnFailure): Promise<void> {
  await until(
    () => hasDecided(world, onFailure) && isAs(world, tableOf(onFailure, true)),
    `every check has decided: ${world.table().join('\n')}`,
  );
  world.pool.keeper.flush();
  assert.deepEqual(moves(world), []);
}

const VERDICTS = 'verdicts.json';
const contents = (folder: string) => readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
/** Every verdict is on the disk. */
const isSaved = (folder: string, onFailure: OnFailure): boolean => {
  const names = readdirSync(folder);
  const { verdicts = {} } = names.includes(VERDICTS) ? JSON.parse(readFileSync(join(folder, VERDICTS), 'utf8')) : {};
  return Object.keys(verdicts).length === allChecks(services(onFailure, false)).length;
};

/** How a life ends: what the next one finds in its folder. */
const ENDS: Readonly<Record<string, (folder: string, asItWas: ReturnType<typeof contents>) => void>> = {
  restart: () => {},
  kill: (folder, asItWas) => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    for (const [name, bytes] of asItWas) writeFileSync(join(folder, name), bytes);
  },
  'a memory that is lost': (folder) => rmSync(join(folder, VERDICTS)),
  'a memory that is damaged': (folder) => writeFileSync(join(folder, VERDICTS), '{"boot_id":'),
};

for (const onFailure of ['remove', 'quiesce'] as const)
  describe(`on_failure: ${onFailure}`, () => {
    const first = services(onFailure, false);
    const next = services(onFailure, true);
    const settled = async (world: PoolWorld) => {
      begin(world);
      await until(() => isAs(world, tableOf(onFailure, false)), 'the first table');
    };

    test('reload', () =>
      poolWorld(first, async (world) => {
        await settled(world);
        world.events.length = 0;
        world.configure(next);
        await isUnmoved(world, onFailure);
      }));

    for (const [name, end] of Object.entries(ENDS))
      test(name, async () => {
        const earlier = { folder: mkdtempSync(join(tmpdir(), 'lbd-matrix-')), kernel: createFakeKernel() };
        const { folder } = earlier;
        let asItWas: ReturnType<typeof contents> = [];
        const run = async (world: PoolWorld) => {
          await settled(world);
          await until(() => isSaved(folder, onFailure), 'saved');
          asItWas = contents(folder);
        };
        const goOn = (world: PoolWorld) => {
          begin(world);
          return isUnmoved(world, onFailure);
        };
        try {
          await poolWorld(first, run, { earlier, ended: () => end(folder, asItWas) });
          await poolWorld(next, goOn, { earlier });
        } finally {
          rmSync(folder, { recursive: true });
        }
      });
  });
