/** The bench's own arithmetic: a wrong figure is worse than none. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import { restOf } from '../../bench/cores.js';
import { parseOptions } from '../../bench/options.js';
import { cpuOf, parseStat, pssOf, reapedCpu, tree } from '../../bench/proc.js';
import { createSheet, median, renderFigures, type Work } from '../../bench/sheet.js';
import {
  farmAddress,
  ipvsadmEdit,
  ipvsadmRules,
  keepalivedConfig,
  lbdConfig,
  REAL_SERVERS,
  SERVER_PORT,
  serverAddress,
  serviceId,
  type Weighted,
} from '../../bench/texts.js';

describe('the texts of the contenders', () => {
  const SERVICES = 300;
  const changed: Weighted = { service: 150, server: 5, weight: 77 };
  const parsed = (of?: Weighted) => {
    const { config, problems } = parseConfig('lbd.yaml', lbdConfig(SERVICES, '/nowhere', of));
    assert.deepEqual(
      problems.filter((problem) => problem.severity === 'error'),
      [],
    );
    assert.ok(config);
    return config.virtualServers;
  };

  test('all name the same table, and no address twice', () => {
    const services = parsed();
    const names = services.flatMap((service) => service.realServers.map((one) => `${one.address}:${one.port}`));
    assert.equal(services.length, SERVICES);
    assert.equal(new Set(names).size, SERVICES * REAL_SERVERS);
    assert.equal(names[150 * REAL_SERVERS + 5], serverAddress(150, 5));
    const rules = [...ipvsadmRules(SERVICES).matchAll(/^-a -t (\S+) -r (\S+) -m -w 10$/gm)];
    assert.deepEqual(
      rules.map((rule) => rule[2]),
      names,
    );
    const blocks = [...keepalivedConfig(SERVICES).matchAll(/^ {2}real_server (\S+) (\d+) \{\n {4}weight 10$/gm)];
    assert.deepEqual(
      blocks.map((block) => `${block[1]}:${block[2]}`),
      names,
    );
  });

  test('one weight is the only difference, in all of them the same one', () => {
    const before = parsed();
    const after = parsed(changed);
    const weights = after.flatMap((service) => service.realServers.map((one) => one.weight));
    assert.deepEqual(
      weights.flatMap((weight, i) => (weight === 10 ? [] : [i])),
      [150 * REAL_SERVERS + 5],
    );
    assert.notDeepEqual(after, before);
    const lines = keepalivedConfig(SERVICES).split('\n');
    const differing = keepalivedConfig(SERVICES, changed)
      .split('\n')
      .filter((line, i) => line !== lines[i]);
    assert.deepEqual(differing, ['    weight 77']);
    const id = serviceId(150);
    assert.ok(id.kind === 'address');
    const words = ['-e', '-t', `${id.address}:${id.port}`, '-r', serverAddress(150, 5), '-m', '-w', '77'];
    assert.deepEqual(ipvsadmEdit(changed), words);
  });
});

describe('what the kernel says of processes', () => {
  test('a stat line whose name has blanks and parentheses', () => {
    const line = '12 (a (b) c) S 7 12 12 0 -1 4194560 1 2 3 4 50 60 250 150 20 0 1 0 5 6 7';
    assert.deepEqual(parseStat(line), { parent: 7, ended: false, reaped: 4 });
    assert.equal(parseStat(line.replace(' S ', ' Z '))?.ended, true);
    assert.equal(parseStat(''), undefined);
  });

  test('a child counts with its parent while it lives and after it was waited for', async () => {
    const child = spawn(process.execPath, [
      '-e',
      'const end = Date.now() + 200; while (Date.now() < end); console.log("done"); process.stdin.resume()',
    ]);
    const ended = once(child, 'exit');
    const before = cpuOf([process.pid]);
    await once(child.stdout, 'data');
    const pid = child.pid as number;
    assert.ok(tree(process.pid).includes(pid));
    assert.deepEqual(tree(pid), [pid]);
    assert.ok(cpuOf([pid]) > 0.02, `${cpuOf([pid])} s`);
    assert.ok(pssOf([process.pid, pid]) > pssOf([pid]) && pssOf([pid]) > 1, 'megabytes');
    const reaped = reapedCpu(process.pid);
    child.stdin.end();
    await ended;
    assert.ok(reapedCpu(process.pid) - reaped > 0.02);
    assert.ok(cpuOf([process.pid]) - before > 0.02);
    assert.deepEqual(tree(pid), []);
    assert.equal(pssOf([pid]), 0);
  });
});

describe('the sheet', () => {
  const start: Work = { id: 'start', text: 'start', unit: 's' };
  const memory: Work = { id: 'memory', text: '  memory', unit: 'MB' };

  test('medians and ratios; what is not there is null', () => {
    assert.equal(median([]), null);
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    const sheet = createSheet([start, memory]);
    for (const value of [3, 1, 2]) sheet.add(100, start, 'lbd', value);
    sheet.add(100, start, 'keepalived', 8);
    sheet.add(1000, memory, 'ipvsadm', 0);
    const [first, second, , last] = sheet.figures();
    assert.deepEqual(
      [first?.lbd, first?.keepalived, first?.ipvsadm, first?.lbd_to_keepalived, first?.lbd_to_ipvsadm],
      [2, 8, null, 0.25, null],
    );
    assert.deepEqual([second?.work, second?.lbd, second?.services], ['memory', null, 100]);
    assert.deepEqual([last?.services, last?.ipvsadm, last?.lbd_to_ipvsadm], [1000, 0, null]);
  });

  test('a table that lines up', () => {
    const sheet = createSheet([start, memory]);
    sheet.add(100, start, 'lbd', 12.3456);
    sheet.add(100, start, 'ipvsadm', 1);
    sheet.add(100, memory, 'keepalived', 9.04);
    assert.equal(
      renderFigures(sheet.figures(), (services) => `${services}:`),
      [
        '100:',
        '          unit     lbd  keepalived  ipvsadm  lbd : keepalived  lbd : ipvsadm',
        'start     s     12.346           -    1.000                 -          12.35',
        '  memory  MB         -         9.0        -                 -              -',
        '',
      ].join('\n'),
    );
  });
});

describe('checks', () => {
  for (const kind of ['tcp', 'tcp_half_open', 'http', 'icmp'] as const) {
    test(`lbd has a ${kind} check each second for every server of the farm`, () => {
      const { config, problems } = parseConfig('lbd.yaml', lbdConfig(3, '/nowhere', undefined, kind));
      assert.deepEqual(
        problems.filter((problem) => problem.severity === 'error'),
        [],
      );
      const servers = config?.virtualServers.flatMap((service) => service.realServers) ?? [];
      assert.deepEqual(
        servers.map((one) => [one.address, one.port, one.checks.map((check) => [check.type, check.interval, check.timeout])]),
        Array.from({ length: 3 * REAL_SERVERS }, (_none, i) => [farmAddress(i), SERVER_PORT, [[kind, 1000, 1000]]]),
      );
    });
  }

  test('keepalived has the same', () => {
    for (const [kind, word] of [
      ['tcp', 'TCP_CHECK'],
      ['http', 'HTTP_GET'],
      ['icmp', 'PING_CHECK'],
    ] as const) {
      const text = keepalivedConfig(3, undefined, kind);
      assert.equal([...text.matchAll(/ {2}delay_loop 1\n/g)].length, 3);
      const checks = [
        ...text.matchAll(/^ {2}real_server (\S+) 8080 \{\n {4}weight 10\n {4}(\w+) \{\n[\s\S]*?connect_timeout 1\n/gm),
      ];
      assert.deepEqual(
        checks.map((check) => [check[1], check[2]]),
        Array.from({ length: 3 * REAL_SERVERS }, (_none, i) => [farmAddress(i), word]),
      );
    }
  });

  test('who has no figure has no column', () => {
    const work: Work = { id: 'tcp', text: 'tcp', unit: 'µs' };
    const sheet = createSheet([work]);
    sheet.add(200, work, 'lbd', 50.4);
    sheet.add(200, work, 'keepalived', 100);
    const [, head, line] = renderFigures(sheet.figures(), (size) => `${size}`).split('\n');
    assert.deepEqual(head?.trim().split(/ {2,}/), ['unit', 'lbd', 'keepalived', 'lbd : keepalived']);
    assert.deepEqual(line?.split(/ {2,}/), ['tcp', 'µs', '50', '100', '0.50']);
  });
});

describe('the command line', () => {
  test('sizes, kinds and output', () => {
    assert.deepEqual(parseOptions(['ipvs']), { subject: 'ipvs', sizes: [100, 1000, 5000], output: 'table' });
    assert.deepEqual(parseOptions(['vrrp']), { subject: 'vrrp', sizes: [1000, 100, 10], output: 'table' });
    assert.match(String(parseOptions(['vrrp', '--sizes', '15'])), /give multiples of 10 milliseconds between adverts/);
    assert.deepEqual(parseOptions(['checks']), { subject: 'checks', sizes: [200, 1000], output: 'table' });
    assert.deepEqual(parseOptions(['checks', '--sizes', '10', '--native', '/x']), {
      subject: 'checks',
      sizes: [10],
      output: 'table',
      native: '/x',
    });
    assert.deepEqual(parseOptions(['checks', '--kinds', 'icmp,tcp_half_open']), {
      subject: 'checks',
      sizes: [200, 1000],
      output: 'table',
      kinds: ['icmp', 'tcp_half_open'],
    });
    assert.deepEqual(parseOptions(['--sizes=7,8', 'ipvs', '-o', 'json']), { subject: 'ipvs', sizes: [7, 8], output: 'json' });
  });

  for (const [words, says] of [
    [[], /^usage: /],
    [['bgp'], /unknown word "bgp"/],
    [['ipvs', '--sizes', '10,x'], /--sizes "10,x": give numbers/],
    [['ipvs', '--sizes'], /--sizes "": give numbers/],
    [['ipvs', '--sizes', '0'], /from 1 to 100000/],
    [['checks', '--sizes', '15'], /--sizes "15": give multiples of 10 real servers to 10000, such as 200,1000/],
    [['checks', '--sizes', '20000'], /to 10000/],
    [['checks', '--kinds', 'tcp,ftp'], /--kinds "tcp,ftp": give some of tcp,tcp_half_open,http,icmp/],
    [['ipvs', '--kinds', 'tcp'], /--kinds is for checks/],
    [['ipvs', '-o', 'xml'], /give table or json/],
    [['ipvs', '--fast'], /unknown word "--fast"/],
  ] as const) {
    test(`refused: ${words.join(' ') || 'nothing'}`, () => {
      const refused = parseOptions(words);
      assert.match(typeof refused === 'string' ? refused : 'accepted', says);
    });
  }
});

test('of a processor, what is idle, waits for a disk or is stolen is rest', () => {
  const stat = 'cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 100 0 50 300 20 5 25 10 0 0\ncpu1 1 1 1 700 0 0 0 0 0 0\nintr 5\n';
  assert.equal(restOf(stat, 0), 3.3);
  assert.equal(restOf(stat, 1), 7);
  assert.ok(Number.isNaN(restOf(stat, 2)));
});
