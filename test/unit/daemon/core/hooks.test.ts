import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NotifyConfig, VrrpInstanceConfig } from '../../../../src/config/types.js';
import { createHooks } from '../../../../src/daemon/core/hooks.js';
import type { Command, Failure } from '../../../../src/os/command.js';

const hook = (more: Partial<NotifyConfig> = {}): NotifyConfig => ({
  command: ['/n', '{name}', '{STATE}', '{state}', 'p={priority}'],
  timeout: 1000,
  user: 'root',
  ...more,
});
const instance = (name: string, notify: readonly NotifyConfig[]) =>
  ({ name, priority: 150, notify }) as unknown as VrrpInstanceConfig;

/** Programs end when they are told to. */
function world(instances: VrrpInstanceConfig[]) {
  const running: { readonly command: Command; readonly end: (failure?: Failure) => void }[] = [];
  const events: string[] = [];
  const hooks = createHooks({
    instances: () => instances,
    routerId: () => 'd1',
    run: (command) =>
      new Promise((resolve) => {
        const one = {
          command,
          end(failure?: Failure) {
            running.splice(running.indexOf(one), 1);
            resolve(failure);
          },
        };
        running.push(one);
      }),
    tell: (_kind, subject, text) => void events.push(`${subject}: ${text}`),
  });
  const words = () => running.map(({ command }) => command.argv.join(' '));
  const end = async (failure?: Failure) => {
    running[0]?.end(failure);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { hooks, words, end, events, running, instances };
}

test('each state is told once, in words and in the environment', async () => {
  const { hooks, words, end, running } = world([instance('VI_1', [hook()])]);
  hooks.roles({ VI_1: 'init' });
  assert.deepEqual(words(), []);
  hooks.roles({ VI_1: 'backup' });
  assert.deepEqual(words(), ['/n VI_1 BACKUP backup p=150']);
  assert.deepEqual(running[0]?.command.env, {
    LBD_ROUTER_ID: 'd1',
    LBD_INSTANCE: 'VI_1',
    LBD_STATE: 'backup',
    LBD_BEFORE: '',
    LBD_PRIORITY: '150',
  });
  await end();
  hooks.roles({ VI_1: 'backup' });
  assert.deepEqual(words(), []);
  hooks.roles({ VI_1: 'master' });
  assert.equal(running[0]?.command.env.LBD_BEFORE, 'backup');
  await end();
  hooks.roles({ VI_1: 'init' });
  assert.deepEqual(words(), ['/n VI_1 FAULT fault p=150'], 'who waits anew serves nobody');
  await end();
  hooks.roles({});
  assert.deepEqual(words(), ['/n VI_1 STOPPED stopped p=150']);
});

test('one after the other, and only the newest of what came meanwhile', async () => {
  const { hooks, words, end } = world([
    instance('VI_1', [hook({ command: ['/a', '{state}'] }), hook({ command: ['/b', '{state}'] })]),
  ]);
  hooks.roles({ VI_1: 'backup' });
  for (const role of ['master', 'fault', 'master', 'backup', 'master']) hooks.roles({ VI_1: role });
  const seen: string[] = [];
  for (; words().length > 0; await end()) seen.push(...words());
  assert.deepEqual(seen, ['/a backup', '/b backup', '/a master', '/b master']);
});

test('back where it was: nothing more is told', async () => {
  const { hooks, words, end } = world([instance('VI_1', [hook()])]);
  hooks.roles({ VI_1: 'backup' });
  for (const role of ['master', 'backup']) hooks.roles({ VI_1: role });
  await end();
  assert.deepEqual(words(), []);
});

test('one that hangs holds up no other instance, and a failure is told', async () => {
  const { hooks, words, end, events } = world([instance('VI_1', [hook()]), instance('VI_2', [hook({ states: ['master'] })])]);
  hooks.roles({ VI_1: 'master', VI_2: 'backup' });
  hooks.roles({ VI_1: 'master', VI_2: 'master' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(words(), ['/n VI_1 MASTER master p=150', '/n VI_2 MASTER master p=150']);
  await end('exit status 3: no');
  assert.deepEqual(events, ['VI_1: /n for master: exit status 3: no']);
});

test('an instance that left the file is told of its end with what it was', async () => {
  const { hooks, words, end, instances } = world([instance('VI_1', [hook()])]);
  hooks.roles({ VI_1: 'master' });
  await end();
  instances.length = 0;
  hooks.roles({});
  assert.deepEqual(words(), ['/n VI_1 STOPPED stopped p=150']);
  const waited = hooks.idle(60_000);
  await end();
  await waited;
  hooks.roles({});
  assert.deepEqual(words(), []);
});
