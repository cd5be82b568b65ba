import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { PeerConfig } from '../../../../src/config/control-types.js';
import { PeerRefusal } from '../../../../src/control/http/peer.js';
import { createSharing, type Sharing } from '../../../../src/daemon/core/sharing.js';

const D2: PeerConfig = {
  name: 'd2',
  url: 'http://192.0.2.3:8405',
  tokenFile: undefined,
  ca: undefined,
  serverName: undefined,
  share: true,
};

let folder: string;
let number = 0;
/** The retries keep no process alive. */
const alive = setInterval(() => {}, 1000);
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lbd-sharing-'));
});
after(() => {
  clearInterval(alive);
  rmSync(folder, { recursive: true });
});

interface Told {
  readonly peer: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** `answer`: what each question to a peer comes to. */
function world(
  answer: (told: Told) => string | Error,
  peers: readonly PeerConfig[] = [D2],
  stateDir = join(folder, String(number++)),
) {
  const told: Told[] = [];
  const events: string[] = [];
  const warnings: string[] = [];
  let now = 1_000_000;
  const start = (): Sharing =>
    createSharing({
      peers: () => peers,
      stateDir,
      routerId: () => 'd1',
      clock: () => now,
      event: (kind, subject, text) => void events.push(`${kind} ${subject}: ${text}`),
      warn: (text) => void warnings.push(text),
      tell: (async (peer: { name: string }, method: string, params: Record<string, unknown>) => {
        const one = { peer: peer.name, method, params };
        told.push(one);
        const text = answer(one);
        if (text instanceof Error) throw text;
        return { text };
      }) as never,
    });
  return {
    start,
    told,
    events,
    warnings,
    stateDir,
    later(ms: number) {
      now += ms;
    },
  };
}

const DRAIN = { service: 'web', rs: '10.0.0.21:80', state: 'drain', deadline: 600 };

test('a change goes to each peer that shares, with who asked for it, and what they say comes back', async () => {
  const { start, told, events, stateDir } = world(
    ({ peer }) => `done at ${peer}`,
    [D2, { ...D2, name: 'd3' }, { ...D2, name: 'watched', share: false }],
  );
  const sharing = start();
  assert.deepEqual(await sharing.share('set_state', DRAIN, 'anna'), ['d2: done at d2', 'd3: done at d3']);
  assert.deepEqual(
    told.map(({ peer, method, params }) => [peer, method, params]),
    ['d2', 'd3'].map((peer) => [peer, 'set_state', { ...DRAIN, shared_by: 'anna at d1' }]),
  );
  assert.deepEqual([events, sharing.problems()], [[], []]);
  assert.deepEqual(JSON.parse(readFileSync(join(stateDir, 'unshared.json'), 'utf8')), { version: 1, peers: {} });
});

test('a dry run is one there, too, and nothing is kept of it', async () => {
  let trouble = false;
  const { start, told, stateDir } = world(() => (trouble ? new Error('d2 cannot be asked: silence') : 'would drain'));
  const sharing = start();
  assert.deepEqual(await sharing.share('set_state', { ...DRAIN, dry_run: true }, 'anna'), ['d2: would drain']);
  assert.equal(told[0]?.params.dry_run, true);
  trouble = true;
  assert.deepEqual(await sharing.share('set_state', { ...DRAIN, dry_run: true }, 'anna'), ['d2 cannot be asked: silence']);
  assert.deepEqual([sharing.problems(), existsSync(join(stateDir, 'unshared.json'))], [[], false]);
});

test('what a peer refuses is told to who asked and as an event, and is over', async () => {
  const { start, told, events } = world(() => new PeerRefusal('d2: it refuses: unknown service "web"'));
  const sharing = start();
  assert.deepEqual(await sharing.share('set_state', DRAIN, 'anna'), ['d2: it refuses: unknown service "web"']);
  assert.deepEqual(events, ['share web/10.0.0.21:80: d2: it refuses: unknown service "web"']);
  sharing.configured();
  assert.deepEqual([told.length, sharing.problems()], [1, []]);
});

test('a peer that is away is told later, in order, over a restart, and times have run on', async () => {
  let away = true;
  const it = world(() => (away ? new Error('d2 cannot be asked: nobody listens there') : 'done'));
  const first = it.start();
  assert.match(
    String(await first.share('set_state', DRAIN, 'anna')),
    /^d2 does not know it yet: .*nobody listens there; it is told when/,
  );
  await first.share('set_host', { host: '10.0.0.9', state: 'disable', for: 30 }, 'anna');
  await first.share('set_rs', { service: 'web', rs: '10.0.0.22', weight: '5' }, 'bert');
  assert.deepEqual(first.problems(), ['3 changes are not at d2 yet: d2 cannot be asked: nobody listens there']);
  first.close();
  away = false;
  it.later(60_000);
  it.told.length = 0;
  const second = it.start();
  second.configured();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    it.told.map(({ method, params }) => [method, params.deadline, params.shared_by]),
    [
      ['set_state', 540, 'anna at d1'],
      ['set_rs', undefined, 'bert at d1'],
    ],
  );
  assert.deepEqual(it.events, [
    'share web/10.0.0.21:80: d2: done',
    'share host 10.0.0.9: d2 was not told in time: it is over',
    'share web/10.0.0.22: d2: done',
  ]);
  assert.deepEqual(second.problems(), []);
  second.close();
});

test('a peer that is configured no more is told nothing', async () => {
  const peers = [D2];
  const it = world(() => new Error('away'), peers);
  const sharing = it.start();
  await sharing.share('set_state', DRAIN, 'anna');
  peers.length = 0;
  sharing.configured();
  peers.push(D2);
  assert.deepEqual(sharing.problems(), []);
  sharing.close();
});

test('a damaged file is told, and stops nobody', async () => {
  const it = world(() => 'done');
  await it.start().share('set_state', DRAIN, 'anna');
  writeFileSync(join(it.stateDir, 'unshared.json'), '{"version":1,"peers":{"d2":[{}]}}');
  const sharing = it.start();
  assert.match(it.warnings.join(), /unshared\.json cannot be read/);
  assert.deepEqual(await sharing.share('set_state', DRAIN, 'anna'), ['d2: done']);
});
