/** lbctl doctor: with a daemon, without one, and what it makes of what it hears. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ApiDoctor } from '../../../src/control/api.js';
import { expectText, run } from '../../fake/cli.js';
import { CANNED, type FakeDaemon, startFakeDaemon } from '../../fake/control.js';

const NO_SOCKET = '/nonexistent/lbd.sock';

describe('with a daemon', () => {
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon();
  });
  after(() => daemon.close());
  const ctl = (...argv: string[]) => run(['--socket', daemon.socketPath, 'doctor', ...argv]);

  test('worst first, each with its cure; status 1 as there is something to do', async () => {
    const { status, out, err } = await ctl();
    assert.deepEqual([status, err], [1, '']);
    assert.deepEqual(daemon.asked.at(-1), { method: 'doctor', params: {} });
    expectText('doctor', out);
  });

  test('json and yaml are exactly the answer, with the same status', async () => {
    const { parse } = await import('yaml');
    const [json, yaml] = await Promise.all([ctl('-o', 'json'), ctl('-o', 'yaml')]);
    const expected = CANNED.doctor({});
    assert.deepEqual([json.status, JSON.parse(json.out)], [1, expected]);
    assert.deepEqual([yaml.status, parse(yaml.out)], [1, expected]);
  });

  test('on a terminal the cure is cut no more than the finding', async () => {
    const { out } = await run(['--socket', daemon.socketPath, 'doctor'], { terminal: { columns: 40 } });
    assert.ok(!out.includes('…'));
    assert.match(out, /\u001b\[31mCRITICAL {2}\u001b\[0m/);
  });
});

describe('the status', () => {
  const finding = (severity: ApiDoctor['findings'][number]['severity']) => ({ severity, topic: 't', text: 'x', cure: '' });
  for (const [severities, expected] of [
    [[], 0],
    [['ok', 'info'], 0],
    [['ok', 'warning'], 1],
    [['critical'], 1],
  ] as const) {
    test(`${severities.join(' and ') || 'nothing'}: ${expected}`, async () => {
      const daemon = await startFakeDaemon({ doctor: () => ({ findings: severities.map(finding) }) });
      const { status } = await run(['--socket', daemon.socketPath, 'doctor']);
      await daemon.close();
      assert.equal(status, expected);
    });
  }
});

describe('without a daemon', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-doctor-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const judge = (file: string) => run(['--socket', NO_SOCKET, 'doctor', file, '-o', 'json']);

  test('the program lbd judges the file, and standard error says that lbd does not run', async () => {
    const link = 'no-such-link0';
    const file = write(
      'good.yaml',
      `vrrp_instances:\n  - { name: VI_1, interface: ${link}, virtual_router_id: 51, virtual_addresses: [ 192.0.2.10/24 ] }\n`,
    );
    const { status, out, err } = await judge(file);
    assert.match(err, /^lbctl: lbd is not running: .*; this host is judged by .*good\.yaml\n$/);
    const { findings } = JSON.parse(out) as ApiDoctor;
    assert.ok(
      findings.some((one) => one.topic === 'interface' && one.text.includes(link)),
      out,
    );
    assert.equal(status, 1);
  });

  test('a file that is not valid: status 4, and what is wrong with it', async () => {
    const { status, out, err } = await judge(write('bad.yaml', 'vrrp_instances:\n  - { nmae: VI_1 }\n'));
    assert.deepEqual([status, out], [4, '']);
    assert.match(err, /bad\.yaml:2:7: error: /);
    const none = await judge(join(folder, 'none.yaml'));
    assert.equal(none.status, 4);
    assert.match(none.err, /none\.yaml: error: cannot read .*there is no such file/);
  });

  test('a named file is judged itself while a daemon runs', async () => {
    const daemon = await startFakeDaemon();
    const instance = '{ name: VI_1, interface: lo, virtual_router_id: 51, virtual_addresses: [ 192.0.2.10/24 ] }';
    const file = write('vrrp.yaml', `vrrp_instances: [ ${instance} ]\n`);
    const { out, err } = await run(['--socket', daemon.socketPath, 'doctor', file, '-o', 'json']);
    await daemon.close();
    assert.equal(err, '');
    assert.deepEqual(daemon.asked, []);
    const topics = (JSON.parse(out) as ApiDoctor).findings.map((one) => one.topic);
    assert.ok(topics.includes('ipvs') && !topics.includes('timeouts'), out);
  });
});
