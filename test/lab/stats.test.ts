/** What lbctl says of connections, packets and bytes is what ipvsadm says, of traffic through a nat service of two addresses. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Ranking } from '../../src/cli/render/top.js';
import type { ApiService, ApiStatistics, ApiStatus, Methods } from '../../src/control/api.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, type Network } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';
import { startTraffic, type Traffic } from './kit/traffic.js';

const script = (name: string) => fileURLToPath(new URL(`./kit/${name}.js`, import.meta.url));
const [FIRST, SECOND] = ['192.0.2.11', '192.0.2.12'];
const FOREIGN = '192.0.2.13';

const CONFIG = `
virtual_servers:
  - name: web
    address: [ "${FIRST}:8080", "${SECOND}:8080" ]
    scheduler: rr
    forward: nat
    real_servers: [ { address: "192.0.2.21:80" }, { address: "192.0.2.22:80" } ]
`;

type Stats = Methods['stats']['result'];

let network: Network;
let d1: Director;
const programs: Program[] = [];
const flows: Traffic[] = [];

/** The five columns of `ipvsadm -Ln`, exact, by what stands in the row: `TCP 192.0.2.11:8080`, then `TCP 192.0.2.11:8080 -> 192.0.2.21:80`. */
function ipvsadm(kind: '--stats' | '--rate'): Map<string, readonly number[]> {
  const rows = new Map<string, readonly number[]>();
  let service = '';
  for (const text of network.exec('d1', `ipvsadm -Ln ${kind} --exact`).split('\n')) {
    const [what = '', address = '', ...numbers] = text.trim().split(/\s+/);
    if (!/^(TCP|->)$/.test(what) || !/:\d+$/.test(address)) continue;
    if (what === 'TCP') service = address;
    rows.set(what === 'TCP' ? service : `${service} -> ${address}`, numbers.map(Number));
  }
  return rows;
}

const counters = ({ counters: found }: Pick<ApiStatistics, 'counters'>): readonly number[] =>
  found ? [found.connections, found.in_packets, found.out_packets, found.in_bytes, found.out_bytes] : [];

const rates = ({ rates: found }: Pick<ApiStatistics, 'rates'>): readonly number[] =>
  found ? [found.cps, found.in_pps, found.out_pps, found.in_bps, found.out_bps] : [];

const sum = (...rows: (readonly number[] | undefined)[]): readonly number[] =>
  [0, 1, 2, 3, 4].map((i) => rows.reduce((total, row) => total + (row?.[i] ?? Number.NaN), 0));

function asked<T>(...words: string[]): T {
  const result = d1.ctl(...words, '-o', 'json');
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout) as T;
}

/** Traffic has stopped, and the kernel's estimator (every 2 s) has added up what there was: the same twice, two of its periods apart. */
async function settled(): Promise<void> {
  let last = '';
  let since = 0;
  await until('the numbers stand still', () => {
    const now = JSON.stringify([...ipvsadm('--stats')]);
    if (now !== last) [last, since] = [now, performance.now()];
    return performance.now() - since > 4500;
  });
}

function prepareRouting(): void {
  network.execAll('d1', [
    'sysctl -qw net.ipv4.ip_forward=1',
    'sysctl -qw net.ipv4.conf.all.send_redirects=0',
    'sysctl -qw net.ipv4.conf.eth0.send_redirects=0',
    ...[FIRST, SECOND, FOREIGN].map((address) => `ip addr add ${address}/32 dev eth0`),
    `ipvsadm -A -t ${FOREIGN}:8080 -s rr`,
    `ipvsadm -a -t ${FOREIGN}:8080 -r 192.0.2.21:80 -m`,
  ]);
  for (const name of ['rs1', 'rs2']) network.exec(name, 'ip route replace 192.0.2.100/32 via 192.0.2.2');
}

describe('statistics', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    prepareRouting();
    for (const name of ['rs1', 'rs2']) {
      const program = start(network.host(name).netns, [process.execPath, script('web'), name, '80']);
      programs.push(program);
      await program.line(/listens/);
    }
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when('all in', (status) => status.services.every((one) => one.in_sync) && status.foreign_services.length === 1);
  });

  after(async () => {
    for (const flow of flows) await flow.stop();
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test('rates while traffic flows', async () => {
    for (const address of [FIRST, SECOND, FOREIGN])
      flows.push(startTraffic(network.host('cli').netns, address, 8080, 10, 10_000));
    await Promise.all(flows.map((flow) => flow.more(20)));
    const measured = (one: Stats['services'][number]) => [one, ...one.real_servers, ...one.by_address];
    const flowing = await until('every rate is there', () => {
      const stats = asked<Stats>('stats');
      return stats.services.flatMap(measured).every((one) => rates(one).every((rate) => rate > 0)) && stats;
    });
    assert.equal(flowing.counting, true);
    assert.ok((flowing.services[0]?.active ?? 0) + (flowing.services[0]?.inactive ?? 0) > 0);
    assert.deepEqual(
      flowing.totals.rates.cps,
      flowing.services.reduce((total, one) => total + (one.rates?.cps ?? 0), 0),
    );
    const { services } = asked<ApiStatus>('status');
    assert.deepEqual([services[0]?.weight, services[0]?.wanted_weight, services.length], [2, 2, 1]);
    assert.ok(
      rates({ rates: services[0]?.rates ?? null }).every((rate) => rate > 0),
      JSON.stringify(services),
    );
    const busiest = asked<Ranking>('top', '--count', '1', '--sort', 'bytes');
    assert.deepEqual([busiest.services.length, busiest.real_servers.length], [2, 3]);
    const bytes = busiest.real_servers.map(({ rates: found }) => (found?.in_bps ?? 0) + (found?.out_bps ?? 0));
    assert.deepEqual(
      bytes,
      [...bytes].sort((a, b) => b - a),
    );
  });

  test('counters are those of ipvsadm, of addresses, real servers, foreign services and in total', async () => {
    for (const flow of flows) await flow.stop();
    await settled();
    const stats = asked<Stats>('stats');
    const theirs = ipvsadm('--stats');
    const [web, foreign] = stats.services;
    const [one, two, three] = [FIRST, SECOND, FOREIGN].map((address) => theirs.get(`${address}:8080`));
    assert.ok(web && foreign && one && two && three, JSON.stringify([...theirs]));
    assert.ok(
      one.every((count) => count > 0),
      JSON.stringify([...theirs]),
    );
    assert.deepEqual(web.by_address.map(counters), [one, two]);
    assert.deepEqual(counters(web), sum(one, two));
    for (const server of web.real_servers) {
      const places = [FIRST, SECOND].map((address) => theirs.get(`${address}:8080 -> ${server.address}`));
      assert.deepEqual(counters(server), sum(...places), server.address);
    }
    assert.deepEqual([foreign.source, foreign.name], ['foreign', `tcp/${FOREIGN}:8080`]);
    assert.deepEqual([counters(foreign), foreign.real_servers.map(counters)], [three, [three]]);
    assert.deepEqual(counters(stats.totals), sum(one, two, three));
    const [listed] = asked<{ services: ApiService[] }>('list', 'web', '--stats').services;
    assert.deepEqual(listed?.traffic?.counters, web.counters);
    assert.deepEqual(
      listed?.real_servers.map((server) => server.kernel?.traffic?.counters),
      web.real_servers.map((server) => server.counters),
    );
  });

  test('tables: exact when wide, and the columns of ipvsadm in their order', () => {
    const [one, two] = [FIRST, SECOND].map((address) => ipvsadm('--stats').get(`${address}:8080`));
    const { stdout } = d1.ctl('stats', 'web', '-o', 'wide');
    const lines = stdout.split('\n');
    assert.match(lines[0] ?? '', /CONNS +IN PKTS +OUT PKTS +IN BYTES +OUT BYTES +CONNS\/S/);
    assert.ok(lines[1]?.replace(/ +/g, ' ').includes(` ${sum(one, two).join(' ')} `), stdout);
    assert.match(d1.ctl('list', '--stats').stdout, /whole service +\d+/);
  });

  test('a real server that is away is not told, the service keeps what it counted, and who comes back goes on', async () => {
    const told = () => asked<Stats>('stats', 'web').services[0] ?? assert.fail('web is not told');
    const inKernel = () => ipvsadm('--stats').has(`${FIRST}:8080 -> 192.0.2.22:80`);
    const before = told();
    assert.equal(d1.ctl('del-rs', 'web', '192.0.2.22:80').status, 0);
    await until('it is away', () => !inKernel());
    const away = told();
    assert.deepEqual(
      away.real_servers.map((server) => [server.address, counters(server)]),
      [['192.0.2.21:80', counters(before.real_servers[0] ?? assert.fail())]],
    );
    assert.deepEqual(counters(away), counters(before));
    assert.equal(d1.ctl('add-rs', 'web', '192.0.2.22:80').status, 0);
    const waited = d1.ctl('wait', '--for', 'serving', 'web', '192.0.2.22:80', '--timeout', '60s');
    assert.deepEqual([waited.status, waited.stdout], [0, 'web/192.0.2.22:80: weight 1 in the kernel\n'], waited.stderr);
    assert.ok(inKernel());
    assert.deepEqual(told().real_servers.map(counters), before.real_servers.map(counters));
  });

  test('a kernel that does not count is told', async () => {
    d1.configure(`${CONFIG}kernel_settings: { run_estimation: 0 }\n`);
    assert.equal(d1.ctl('reload').status, 0);
    await until('it counts no more', () => !asked<Stats>('stats').counting);
    assert.match(d1.ctl('stats').stdout, /run_estimation is 0, so these numbers stand still/);
    d1.configure(CONFIG);
    assert.equal(d1.ctl('reload').status, 0);
    await until('it counts again', () => asked<Stats>('stats').counting);
  });
});
