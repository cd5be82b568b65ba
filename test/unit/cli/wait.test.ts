import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Io } from '../../../src/cli/lbctl.js';
import type { ApiEvent, ApiRealServer, ApiService, ApiStatus, Methods } from '../../../src/control/api.js';
import { type Run, run as runLbctl } from '../../fake/cli.js';
import { CANNED, EVENTS, type FakeDaemon, MASTER, startFakeDaemon, WEB } from '../../fake/control.js';

const RS = '10.0.0.22:80';
const [UP, DOWN] = WEB.real_servers as [ApiRealServer, ApiRealServer];
const EVENT: ApiEvent = { ...(EVENTS[0] as ApiEvent), id: 9 };

const run = (socket: string, words: string, changes: Partial<Io> = {}) =>
  runLbctl(['wait', '--socket', socket, ...words.split(' ')], changes);

/** What the daemon answers, to be changed while somebody waits. */
const world = {
  service: WEB as ApiService,
  server: DOWN as ApiRealServer | null,
  state: 'backup' as 'backup' | 'master',
  revision: 4,
  unknown: false,
};
const CALM = { ...world };

const handlers = {
  list: () => ({ revision: 7, services: [world.service] }),
  show: () => ({ service: world.service, real_server: world.server, checks: [] }),
  vrrp: () => ({ instances: [{ ...MASTER, state: world.state, since_seconds: 3 }] }),
  status: () => ({ ...(CANNED.status({}) as ApiStatus), revision: world.revision }),
  events: (): Methods['events']['result'] => ({ events: [] }),
};

/** Somebody waits and has looked once; then `change`, an event, and what comes of it. */
async function changing(daemon: FakeDaemon, words: string, change: () => void): Promise<Run> {
  Object.assign(world, CALM);
  const from = daemon.asked.length;
  const result = run(daemon.socketPath, words);
  const looked = () => daemon.asked.slice(from).filter(({ method }) => method !== 'events').length;
  const follows = () => daemon.asked.slice(from).some(({ method }) => method === 'events');
  while (!follows() || looked() === 0) await new Promise((resolve) => setImmediate(resolve));
  change();
  daemon.server.publish(EVENT);
  return result;
}

describe('lbctl wait', () => {
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon(handlers);
  });
  after(() => daemon.close());

  const now = (words: string) => {
    Object.assign(world, CALM);
    return run(daemon.socketPath, `${words} --timeout 0`);
  };

  const cases: readonly (readonly [words: string, status: number, text: RegExp])[] = [
    [`--for up web ${RS}`, 1, /^lbctl: not up web 10\.0\.0\.22:80 within 0s: web\/10\.0\.0\.22:80: down for 4\.2s: tcp: conn/],
    [`--for down web ${RS}`, 0, /^web\/10\.0\.0\.22:80: down for 4\.2s: tcp: connection refused\n$/],
    [`--for serving web ${RS}`, 1, /not in the kernel: out: tcp/],
    [`--for drained web ${RS}`, 1, /it does not drain/],
    ['--for up web', 1, /web: 2 of 3 real servers are up; 10\.0\.0\.22:80 is down/],
    ['--for down web', 1, /2 of 3/],
    ['--for serving web', 0, /^web: 1 of 3 real servers have a weight in the kernel\n|^web: 2 of 3/],
    ['web --for quorum', 0, /^web: quorum met: weight 20 of 1 needed\n$/],
    ['web --for in-sync', 0, /^web: the kernel is as wanted\n$/],
    ['--for in-sync', 1, /the kernel is not as wanted: dns/],
    ['--for master VI_1', 1, /VI_1: backup for 3s: no advert/],
    ['--for backup VI_1', 0, /^VI_1: backup for 3s/],
    ['--for revision 4', 0, /^revision 4\n$/],
    ['--for revision 5', 1, /not revision 5 within 0s: revision 4/],
  ];
  for (const [words, status, text] of cases) {
    test(`${words}: status ${status}`, async () => {
      const result = await now(words);
      assert.equal(result.status, status, result.err);
      assert.match(status === 0 ? result.out : result.err, text);
    });
  }

  test('json', async () => {
    assert.deepEqual(JSON.parse((await now('--for revision 4 -o json')).out), { met: true, text: 'revision 4' });
    const { error } = JSON.parse((await now('--for revision 5 -o json')).err);
    assert.equal(error.code, 'refused');
  });

  test('it ends with the event that brings it', async () => {
    const up = await changing(daemon, `--for up web ${RS} --timeout 60s`, () => {
      world.server = { ...UP, address: RS };
    });
    assert.deepEqual([up.status, up.out], [0, 'web/10.0.0.22:80: up for 3m20s: tcp: connected\n']);
    const master = await changing(daemon, '--for master VI_1', () => {
      world.state = 'master';
    });
    assert.equal(master.status, 0);
  });

  test('a drain: until no connection is left, or the server is gone', async () => {
    const admin = {
      state: 'drain',
      scope: 'server',
      deadline_seconds: null,
      expires_seconds: null,
      sticky: null,
      removes: true,
      by: null,
    } as const;
    const draining = { ...UP, wanted: { ...UP.wanted, admin } };
    CALM.server = draining;
    CALM.service = { ...WEB, real_servers: [draining] };
    try {
      const busy = await now(`--for drained web ${UP.address}`);
      assert.match(busy.err, /drain, 16 connections left/);
      const gone = await changing(daemon, `--for drained web ${UP.address}`, () => {
        world.service = { ...WEB, real_servers: [] };
      });
      assert.deepEqual([gone.status, gone.out], [0, `web/${UP.address}: removed\n`]);
      const kernel = { ...(UP.kernel as NonNullable<ApiRealServer['kernel']>), weight: 0, active: 0, inactive: 0 };
      CALM.service = { ...WEB, real_servers: [{ ...draining, kernel }] };
      assert.equal((await now(`--for drained web ${UP.address}`)).status, 0);
    } finally {
      Object.assign(CALM, { server: DOWN, service: WEB });
    }
  });
});

describe('lbctl wait and a daemon that is not there', () => {
  test('to begin with it is status 3; one that goes away is found again', async () => {
    assert.equal((await run('/nonexistent', '--for revision 1')).status, 3);
    Object.assign(world, CALM);
    const first = await startFakeDaemon(handlers);
    const result = run(first.socketPath, '--for revision 5 --timeout 60s');
    while (first.asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await first.server.close();
    world.revision = 5;
    const second = await startFakeDaemon(handlers, undefined, first.socketPath);
    assert.deepEqual([(await result).status, (await result).out], [0, 'revision 5\n']);
    await second.close();
    await first.close();
  });

  test('an unknown object is an error at once', async () => {
    const daemon = await startFakeDaemon();
    const result = await run(daemon.socketPath, '--for up wbe');
    assert.deepEqual([result.status, result.err], [1, 'lbctl: unknown service "wbe"; there is web, dns\n']);
    await daemon.close();
  });
});
