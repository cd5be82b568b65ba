import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PeerConfig } from '../../../../src/config/control-types.js';
import type { ApiBrief } from '../../../../src/control/api.js';
import { createPeerWatch } from '../../../../src/daemon/core/peer-watch.js';
import { CANNED, MASTER } from '../../../fake/control.js';

const peer = (name: string): PeerConfig => ({
  name,
  url: `http://${name}:8405`,
  tokenFile: undefined,
  ca: undefined,
  serverName: undefined,
  share: false,
});
const BRIEF = CANNED.brief({});
const AT = Date.parse(BRIEF.at);

function world(ask: (peer: PeerConfig) => Promise<ApiBrief>, names: readonly string[] = ['d2']) {
  const state = { now: 1000, clock: AT, table: BRIEF.table, peers: names.map(peer) };
  const watch = createPeerWatch({
    peers: () => state.peers,
    ask,
    here: () => ({ version: BRIEF.version, table: state.table }),
    now: () => state.now,
    clock: () => state.clock,
  });
  const look = async () => {
    await watch.refresh();
    return watch.report([MASTER]);
  };
  return { state, watch, look };
}

describe('the other directors', () => {
  test('what one says, since when, and whether its table is as here', async () => {
    const { state, look } = world(async () => ({ ...BRIEF, instances: [{ ...MASTER, name: 'theirs', state: 'backup' }] }));
    state.clock = AT - 40;
    const [one] = await look();
    assert.deepEqual(one, {
      name: 'd2',
      url: 'http://d2:8405',
      state: 'answers',
      since_seconds: 0,
      reason: '',
      told: {
        seconds_ago: 0,
        router_id: 'd1',
        version: BRIEF.version,
        revision: 4,
        same_table: true,
        same_table_seconds: 0,
        instances: [{ name: 'VI_1', state: 'backup' }],
        active_connections: null,
        clock_ms: 40,
      },
    });
    state.now += 60_000;
    state.table = 'another';
    assert.deepEqual([(await look())[0]?.since_seconds, (await look())[0]?.told?.same_table], [60, false]);
    state.now += 5000;
    assert.deepEqual([(await look())[0]?.told?.same_table_seconds, (await look())[0]?.told?.seconds_ago], [5, 0]);
  });

  test('another version is not compared', async () => {
    const { look } = world(async () => ({ ...BRIEF, version: '9.9.9', table: 'x' }));
    assert.equal((await look())[0]?.told?.same_table, null);
  });

  test('one that falls silent: why, and for how long; what it said last stays', async () => {
    let answers = true;
    const { state, look } = world(async () => (answers ? BRIEF : Promise.reject(new Error('d2 cannot be asked'))));
    await look();
    answers = false;
    state.now += 3000;
    await look();
    state.now += 7000;
    const [one] = await look();
    assert.deepEqual([one?.state, one?.reason, one?.since_seconds], ['silent', 'd2 cannot be asked', 7]);
    assert.equal(one?.told?.seconds_ago, 10);
  });

  test('what answers there may be something else', async () => {
    const { look } = world(async () => ({ hello: 'world' }) as never);
    assert.match((await look())[0]?.reason ?? '', /no lbd that this one understands/);
  });

  test('nobody waits for one that does not answer: half a second once, then hardly; and no question is asked twice at a time', async () => {
    let asked = 0;
    let fail = (_error: Error): void => {};
    const { state, watch, look } = world(() => {
      asked++;
      return new Promise((_, reject) => {
        fail = reject;
      });
    });
    const began = performance.now();
    assert.equal((await look())[0]?.state, 'unknown');
    assert.ok(performance.now() - began < 5000);
    state.now += 5000;
    const second = look();
    fail(new Error('gone'));
    assert.equal((await second)[0]?.state, 'silent');
    assert.equal(asked, 1);
    state.now += 5000;
    await watch.refresh();
    assert.equal(asked, 2, 'it is asked again, and hardly waited for');
  });

  test('what is young is not asked for again; peers of a reload are new', async () => {
    const asked: string[] = [];
    const { state, watch, look } = world(async ({ name }) => {
      asked.push(name);
      return BRIEF;
    });
    await look();
    await look();
    assert.deepEqual(asked, ['d2']);
    state.peers = [peer('d3')];
    watch.configured();
    assert.deepEqual(
      (await look()).map(({ name }) => name),
      ['d3'],
    );
    watch.close();
  });

  test('without peers nothing is asked', async () => {
    const { watch, look } = world(() => assert.fail('somebody was asked'), []);
    watch.configured();
    assert.deepEqual(await look(), []);
  });
});
