/**
 * A change that was answered is there after the power is cut: the state is on a file system of its own, whose disk is copied right after the
 * answer; what was not synced by then is not on the copy.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiHistory, ApiOverride } from '../../src/control/api.js';
import { type Program, start, until } from '../lab/kit/shell.js';
import { makeNetns, type Netns } from './netns.js';

const bin = (name: string): string => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));
const CHANGES = 6;

let folder: string;
let netns: Netns;
let lbd: Program | undefined;
const mounted: string[] = [];

const run = (command: string, ...argv: string[]): string => execFileSync(command, argv, { encoding: 'utf8', timeout: 30_000 });

function mount(image: string, name: string): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  run('mount', '-o', 'loop', image, place);
  mounted.push(place);
  return place;
}

function config(stateDir: string): string {
  const file = join(folder, 'lbd.yaml');
  const servers = '[ { address: 10.0.0.1 }, { address: 10.0.0.2 } ]';
  writeFileSync(
    file,
    [
      `global: { state_dir: ${stateDir}, control: { socket: ${folder}/run/lbd.sock } }`,
      'virtual_servers:',
      `  - { name: web, address: "192.0.2.10:80", real_servers: ${servers} }`,
      '',
    ].join('\n'),
  );
  return file;
}

const ctl = (...words: string[]): string => run(bin('lbctl'), '--socket', `${folder}/run/lbd.sock`, ...words);

async function launch(stateDir: string): Promise<void> {
  lbd = start(netns.name, [bin('lbd'), '-c', config(stateDir)]);
  const answers = () =>
    spawnSync(bin('lbctl'), ['--socket', `${folder}/run/lbd.sock`, 'history'], { timeout: 10_000 }).status === 0;
  await until('lbd answers', async () => answers());
}

/** In order, with its children. */
async function stop(): Promise<void> {
  lbd?.signal('SIGTERM');
  await lbd?.ended;
}

const overrides = (stateDir: string): readonly ApiOverride[] =>
  (JSON.parse(readFileSync(join(stateDir, 'overrides.json'), 'utf8')) as { overrides: ApiOverride[] }).overrides;

const canLoop = (): boolean => spawnSync('losetup', ['-f']).status === 0;

describe('the power is cut', { skip: canLoop() ? false : 'no loop devices here' }, () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-power-'));
    netns = makeNetns('power');
    run('truncate', '-s', '16M', join(folder, 'disk'));
    run('mkfs.ext4', '-q', join(folder, 'disk'));
  });
  after(async () => {
    await stop();
    for (const place of mounted.reverse()) run('umount', place);
    netns.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  test('right after an answer: the change is there, whole, and so is its revision', async () => {
    await launch(mount(join(folder, 'disk'), 'state'));
    for (let i = 0; i < CHANGES; i++) {
      ctl('add-rs', 'web', `10.0.1.${i + 1}`, '--weight', String(i + 1));
      copyFileSync(join(folder, 'disk'), join(folder, `cut${i}`));
    }
    await stop();
    for (let i = 0; i < CHANGES; i++) {
      const state = mount(join(folder, `cut${i}`), `after${i}`);
      assert.deepEqual(
        overrides(state).map(({ change }) => change.address),
        Array.from({ length: i + 1 }, (_, n) => `10.0.1.${n + 1}`),
        `after change ${i + 1}`,
      );
    }
    await launch(join(folder, `after${CHANGES - 1}`));
    const { revisions } = JSON.parse(ctl('history', '-o', 'json')) as ApiHistory;
    // The file names another state_dir now: that is the newest.
    assert.deepEqual(revisions.map(({ revision, kind }) => `${revision} ${kind}`).reverse(), [
      '1 start',
      ...Array.from({ length: CHANGES }, (_, i) => `${i + 2} change`),
      `${CHANGES + 2} start`,
    ]);
  });
});
