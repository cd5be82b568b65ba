import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rank, renderTop } from '../../../src/cli/render/top.js';
import type { Methods } from '../../../src/control/api.js';
import { type FakeDaemon, startFakeDaemon } from '../../fake/control.js';
import { STATS } from '../../fake/statistics.js';
import { watching } from '../../fake/watching.js';

type Stats = Methods['stats']['result'];
type Service = Stats['services'][number];

const rates = (cps: number, pps: number, bps: number) => ({ cps, in_pps: pps, out_pps: 1, in_bps: bps, out_bps: 2 });
const FIRST = STATS.services[0] as Service;
const service = (name: string, active: number, own: Service['rates']): Service => ({
  ...FIRST,
  name,
  active,
  rates: own,
  real_servers: [
    { ...(FIRST.real_servers[0] as Service['real_servers'][number]), address: '10.0.0.1:80', rates: own, active },
    { counters: null, rates: null, active: null, inactive: null, persistent: null, address: '10.0.0.2:80' },
  ],
});

const BUSY: Stats = {
  ...STATS,
  services: [
    service('packets', 5, rates(1, 900, 10)),
    service('connections', 7, rates(90, 20, 20)),
    service('bytes', 9, rates(2, 30, 9_000_000)),
    service('alike', 8, rates(1, 1, 1)),
  ],
};

test('the busiest first, by each order; what is not in the kernel last', () => {
  const names = (order: Parameters<typeof rank>[1], count = 9) => rank(BUSY, order, count).services.map(({ name }) => name);
  assert.deepEqual(names('connections'), ['connections', 'bytes', 'alike', 'packets']);
  assert.deepEqual(names('packets', 2), ['packets', 'bytes']);
  assert.deepEqual(names('bytes', 1), ['bytes']);
  assert.deepEqual(names('active'), ['bytes', 'alike', 'connections', 'packets']);
  const servers = rank(BUSY, 'bytes', 9).real_servers.map(({ name }) => name);
  assert.deepEqual([servers.length, servers[0], servers[4]], [8, 'bytes/10.0.0.1:80', 'packets/10.0.0.2:80']);
});

test('a long name gives way to the numbers', () => {
  const long = { ...BUSY, services: [service(`${'x'.repeat(60)}-end`, 5, rates(1_000_000, 900, 10))] };
  const view = { width: 60, colour: false, wide: false, columns: { counters: false, rates: false } };
  const lines = renderTop(view, rank(long, 'connections', 5)).split('\n');
  assert.match(lines[1] as string, /^…x+-end +5 +1000K$/);
  assert.match(lines[5] as string, /^…x+-end\/10\.0\.0\.1:80 +5 +1000K$/);
  assert.ok(lines.every((line) => line.length <= 60));
});

describe('lbctl top', () => {
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon({ stats: ({ service: one }) => (one === 'none' ? { ...BUSY, services: [] } : BUSY) });
  });
  after(() => daemon.close());
  const top = (words: string, size?: { columns: number; rows: number }) =>
    watching(['top', '--socket', daemon.socketPath, '--interval', '100ms', ...words.split(' ').filter(Boolean)], size);

  test('in a pipe: a table each time, so often as it is said', async () => {
    const it = top('--count 2 --sort by');
    assert.equal(await it.status, 0);
    const [nothing, first, second, ...more] = it.said.out.split(/^--- \d{4}-.*\n/m);
    assert.deepEqual([nothing, more, first], ['', [], second]);
    assert.match(first as string, /^SERVICE +ACTIVE +CONNS\/S .*\nbytes +9 +2 .* 9000K +2\nconnections/);
    assert.match(first as string, /\nall together .*\n\nREAL SERVER .*\nbytes\/10\.0\.0\.1:80 /);
    assert.equal(it.said.err, '');
  });

  test('json: an object a line', async () => {
    const it = top('--count 2 -o json');
    assert.equal(await it.status, 0);
    const lines = it.said.out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).services[0].name),
      ['connections', 'connections'],
    );
  });

  test('at a terminal: fits, s sorts by something else, q ends', async () => {
    const it = top('', { columns: 60, rows: 16 });
    await it.seen(/top by connections/);
    await it.seen(/all together/);
    const lines = it.terminal.lines();
    assert.ok(lines.length <= 15, lines.join('\n'));
    assert.match(lines.join('\n'), /\nSERVICE .*CONNS\/S/);
    assert.match(lines.join('\n'), /\nconnections +7 +90/);
    it.press('s');
    await it.seen(/top by packets.*\npackets/s);
    it.press('x');
    it.press('q');
    assert.equal(await it.status, 0);
  });

  test('Ctrl-C ends it too, with the keyboard and without', async () => {
    const typed = top('', { columns: 80, rows: 24 });
    await typed.seen(/top by/);
    typed.press('\u0003');
    assert.equal(await typed.status, 0);
    const stopped = top('');
    await stopped.until(/REAL SERVER/);
    stopped.stop();
    assert.equal(await stopped.status, 0);
  });

  test('nothing to tell, nobody there, a wrong word', async () => {
    const it = top('none --count 1');
    assert.equal(await it.status, 0);
    assert.match(it.said.out, /no virtual server/);
    assert.equal(await watching(['top', '--socket', '/nonexistent']).status, 3);
    assert.equal(await top('--sort loud').status, 2);
    assert.equal(await top('--count many').status, 2);
  });
});
