import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ApiEvent } from '../../../src/control/api.js';
import { expectText, run } from '../../fake/cli.js';
import { CANNED, EVENTS, type FakeDaemon, startFakeDaemon, startRawServer } from '../../fake/control.js';

let daemon: FakeDaemon;
let folder: string;
before(async () => {
  daemon = await startFakeDaemon();
  folder = mkdtempSync(join(tmpdir(), 'lbd-cli-'));
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});
const ctl = (...argv: string[]) => run(['--socket', daemon.socketPath, ...argv]);

interface Case {
  readonly argv: readonly string[];
  readonly method: keyof typeof CANNED;
  readonly params: Record<string, unknown>;
}

const RS = '10.0.0.22:80';
const CASES: Readonly<Record<string, Case>> = {
  status: { argv: ['status'], method: 'status', params: {} },
  list: { argv: ['list'], method: 'list', params: {} },
  'list-service': { argv: ['list', 'tcp/192.0.2.10:80'], method: 'list', params: { service: 'tcp/192.0.2.10:80' } },
  'list-stats': { argv: ['list', '--stats'], method: 'list', params: { counters: true } },
  'list-rate': { argv: ['list', 'web', '--rate'], method: 'list', params: { service: 'web', counters: true } },
  'list-stats-rate': { argv: ['list', '--rate', 'web', '--stats'], method: 'list', params: { service: 'web', counters: true } },
  stats: { argv: ['stats'], method: 'stats', params: {} },
  'stats-rate': { argv: ['--rate', 'stats', 'web'], method: 'stats', params: { service: 'web' } },
  show: { argv: ['show', 'web'], method: 'show', params: { service: 'web' } },
  'show-rs': { argv: ['show', 'web', RS], method: 'show', params: { service: 'web', rs: RS } },
  'add-rs': {
    argv: [
      'add-rs',
      'web',
      '10.0.0.24:80',
      '--weight',
      '7',
      '--forward',
      'tun',
      '--upper',
      '20',
      '--lower',
      '10',
      '--reason',
      'more room',
    ],
    method: 'add_rs',
    params: { service: 'web', rs: '10.0.0.24:80', weight: 7, forward: 'tun', upper: 20, lower: 10, reason: 'more room' },
  },
  'set-rs': {
    argv: ['set-rs', 'web', '10.0.0.22', '--weight', '50%'],
    method: 'set_rs',
    params: { service: 'web', rs: '10.0.0.22', weight: '50%' },
  },
  'set-rs-dry-run': {
    argv: ['set-rs', 'web', RS, '--weight', '3', '--dry-run'],
    method: 'set_rs',
    params: { service: 'web', rs: RS, weight: '3', dry_run: true },
  },
  'del-rs': {
    argv: ['del-rs', 'udp/[2001:DB8::53]:53', '[2001:db8:0::1]:53'],
    method: 'del_rs',
    params: { service: 'udp/[2001:db8::53]:53', rs: '[2001:db8::1]:53' },
  },
  'del-rs-drain': {
    argv: ['del-rs', 'web', RS, '--drain', 'never', '--sticky', 'honour', '--dry-run'],
    method: 'del_rs',
    params: { service: 'web', rs: RS, drain: true, no_deadline: true, sticky: 'honour', dry_run: true },
  },
  'drain-host': {
    argv: ['drain', '--host', '2001:DB8::1', '--deadline', '1h', '--sticky', 'break', '--for', '2h', '--dry-run'],
    method: 'set_host',
    params: { host: '2001:db8::1', state: 'drain', deadline: 3600, sticky: 'break', for: 7200, dry_run: true },
  },
  'disable-host': {
    argv: ['disable', '--for', '30m', '--host', '10.0.0.21', '--reason', 'new disks'],
    method: 'set_host',
    params: { host: '10.0.0.21', state: 'disable', for: 1800, reason: 'new disks' },
  },
  'undrain-host': {
    argv: ['--host', '10.0.0.21', 'undrain'],
    method: 'set_host',
    params: { host: '10.0.0.21', state: 'undrain' },
  },
  'list-host': { argv: ['list', '--host', '10.0.0.21'], method: 'list', params: { host: '10.0.0.21' } },
  undrain: { argv: ['undrain', 'web', RS], method: 'set_state', params: { service: 'web', rs: RS, state: 'undrain' } },
  disable: {
    argv: ['disable', 'web', RS, '--reason', 'broken disk'],
    method: 'set_state',
    params: { service: 'web', rs: RS, state: 'disable', reason: 'broken disk' },
  },
  'drain-dry-run': {
    argv: ['drain', 'web', RS, '--deadline', '10m', '--wait', '--dry-run'],
    method: 'set_state',
    params: { service: 'web', rs: RS, state: 'drain', deadline: 600, dry_run: true },
  },
  'add-vs': {
    argv: ['add-vs', 'dns', '192.0.2.53:53', '--protocol', 'udp', '--scheduler', 'rr', '--forward', 'nat'],
    method: 'add_vs',
    params: { name: 'dns', address: '192.0.2.53:53', protocol: 'udp', scheduler: 'rr', forward: 'nat' },
  },
  failover: { argv: ['failover', 'VI_1', '--for', '10m'], method: 'failover', params: { instance: 'VI_1', for: 600 } },
  'failover-force': { argv: ['failover', 'VI_1', '--force'], method: 'failover', params: { instance: 'VI_1', force: true } },
  'failover-check': { argv: ['--check', 'failover', 'VI_1'], method: 'failover', params: { instance: 'VI_1', check: true } },
  'failover-undo': { argv: ['failover', 'VI_1', '--undo'], method: 'failover', params: { instance: 'VI_1', undo: true } },
  'take-over': {
    argv: ['--reason', 'it is ours', 'take-over', 'web'],
    method: 'take_over',
    params: { service: 'web', reason: 'it is ours' },
  },
  'add-vs-options': {
    argv: ['--one-packet', '--persistence', '5m', 'add-vs', 'dns', '192.0.2.53:53'],
    method: 'add_vs',
    params: { name: 'dns', address: '192.0.2.53:53', persistence: 300, one_packet: true },
  },
  'set-vs': {
    argv: [
      'set-vs',
      'web',
      '--scheduler',
      'mh',
      '--scheduler-flags',
      'mh-port,mh-fallback',
      '--quorum',
      '3',
      '--hysteresis',
      '1',
    ],
    method: 'set_vs',
    params: { service: 'web', scheduler: 'mh', scheduler_flags: 'mh-port,mh-fallback', quorum: 3, hysteresis: 1 },
  },
  'set-vs-times': {
    argv: [
      '--persistence',
      '5m',
      '--slow-start',
      'none',
      'set-vs',
      'web',
      '--sorry-server',
      '10.0.0.99:80',
      '--reason',
      'a sale',
    ],
    method: 'set_vs',
    params: { service: 'web', persistence: 300, slow_start: 0, sorry_server: '10.0.0.99:80', reason: 'a sale' },
  },
  'set-vs-default': {
    argv: ['set-vs', 'web', '--scheduler', 'default', '--on-failure', 'quiesce', '--unset', 'quorum,hysteresis', '--dry-run'],
    method: 'set_vs',
    params: { service: 'web', on_failure: 'quiesce', unset: 'quorum,hysteresis,scheduler', dry_run: true },
  },
  'del-vs': { argv: ['del-vs', 'fwmark/7'], method: 'del_vs', params: { service: 'fwmark/7' } },
  vrrp: { argv: ['vrrp'], method: 'vrrp', params: {} },
  'vrrp-instance': { argv: ['vrrp', 'VI_6'], method: 'vrrp', params: { instance: 'VI_6' } },
  why: { argv: ['why', 'web', RS], method: 'why', params: { target: 'web', rs: RS } },
  reload: { argv: ['reload', '--dry-run'], method: 'reload', params: { dry_run: true } },
  diff: { argv: ['--file', 'diff'], method: 'diff', params: { against: 'file' } },
  save: { argv: ['save', '--reason', 'for good'], method: 'save', params: { reason: 'for good' } },
  'save-dry-run': { argv: ['save', '--dry-run'], method: 'save', params: { dry_run: true } },
  events: { argv: ['events', '--since', '1', '--limit', '5'], method: 'events', params: { since: 1, limit: 5 } },
  'events-chosen': {
    argv: ['events', '--since', '2026-11-28T10:00', '--kind', 'vrrp,verdict', '--subject', 'VI_1', '-o', 'wide'],
    method: 'events',
    params: { since_time: '2026-11-28T10:00:00.000Z', kind: 'vrrp,verdict', subject: 'VI_1' },
  },
};

describe('commands', () => {
  for (const [name, { argv, method, params }] of Object.entries(CASES)) {
    test(`${argv.join(' ')}: asks, and prints a table`, async () => {
      const result = await ctl(...argv);
      assert.equal(result.status, 0, result.err);
      assert.deepEqual(daemon.asked.at(-1), { method, params });
      expectText(name, result.out);
    });
    test(`${argv.join(' ')} -o json: exactly the API's result`, async () => {
      const result = await ctl(...argv, '-o', 'json');
      assert.deepEqual([result.status, result.err], [0, '']);
      assert.deepEqual(JSON.parse(result.out), (CANNED[method] as (p: unknown) => unknown)(params));
    });
  }

  test('yaml says the same as json', async () => {
    const { parse } = await import('yaml');
    const [json, yaml] = await Promise.all([ctl('status', '-o', 'json'), ctl('status', '-o', 'yaml')]);
    assert.deepEqual(parse(yaml.out), JSON.parse(json.out));
  });

  test('wide shows all columns', async () => {
    expectText('list-wide', (await ctl('list', '-o', 'wide')).out);
    expectText('list-wide-stats', (await ctl('list', '-o', 'wide', '--stats')).out);
    expectText('stats-wide', (await ctl('stats', '-o', 'wide')).out);
  });

  test('on a terminal lines are cut and coloured; in a pipe and with NO_COLOR they are not coloured', async () => {
    const terminal = { columns: 60 };
    const argv = ['--socket', daemon.socketPath, 'list'];
    const coloured = await run(argv, { terminal });
    assert.match(coloured.out, /\u001b\[31mdown 4\.2s/);
    const plain = await run(argv, { terminal, env: { NO_COLOR: '1' } });
    assert.ok(!plain.out.includes('\u001b'));
    assert.ok(plain.out.split('\n').every((line) => !line.startsWith('  ') || line.length <= 60));
    const colours = /\u001b\[\d+m/g;
    assert.equal(coloured.out.replace(colours, ''), plain.out);
    const wide = await run([...argv, '-o', 'wide'], { terminal });
    assert.ok(wide.out.split('\n').some((line) => line.length > 150));
  });

  test('warnings of a reload go to standard error', async () => {
    const result = await ctl('reload');
    assert.equal(result.out, 'virtual server web changed (revision 5)\n');
    assert.match(result.err, /^\/etc\/lbd\/lbd\.yaml:20:5: warning: no check: always up\n/);
  });
});

describe('options stand anywhere', () => {
  const orders = [
    ['-o', 'json', '--dry-run', '--weight', '5', 'set-rs', 'web', RS],
    ['set-rs', '-o', 'json', 'web', '--weight=5', RS, '--dry-run'],
    ['--weight', '5', 'set-rs', '--output=json', '--dry-run', 'web', RS],
    ['--dry-run', '-ojson', 'set-rs', '--weight', '5', '--', 'web', RS],
  ];
  for (const argv of orders) {
    test(argv.join(' '), async () => {
      const result = await ctl(...argv);
      assert.equal(result.status, 0, result.err);
      assert.deepEqual(daemon.asked.at(-1), { method: 'set_rs', params: { service: 'web', rs: RS, weight: '5', dry_run: true } });
      assert.equal(JSON.parse(result.out).dry_run, true);
    });
  }

  const short: readonly (readonly [argv: string, method: string, params: object])[] = [
    ['ev --si 5', 'events', { since: 5 }],
    ['stats', 'stats', {}],
    ['--dry set 10.0.0.1 --we', '', {}],
    ['--we 5 set-r web 10.0.0.22:80 --dry', 'set_rs', { service: 'web', rs: '10.0.0.22:80', weight: '5', dry_run: true }],
    ['dis web 10.0.0.22 --fo=1h', 'set_state', { service: 'web', rs: '10.0.0.22', state: 'disable', for: 3600 }],
    ['failover VI_1 --for 10m', 'failover', { instance: 'VI_1', for: 600 }],
    ['sh web -- 10.0.0.22:80', 'show', { service: 'web', rs: '10.0.0.22:80' }],
  ];
  for (const [argv, method, params] of short) {
    test(`as short as is clear: ${argv}`, async () => {
      const result = await ctl(...argv.split(' '));
      if (method === '') assert.equal(result.status, 2);
      else assert.deepEqual([result.status, daemon.asked.at(-1)], [0, { method, params }], result.err);
    });
  }

  test('errors are told in the format that is asked for in short', async () => {
    assert.match((await run(['list', '--out=json', '--socket', '/nonexistent'])).err, /^\{"error"/);
    assert.match((await run(['--outp', 'json', 'list', '--socket', '/nonexistent'])).err, /^\{"error"/);
  });

  test('LBD_SOCKET names the socket, --socket wins', async () => {
    assert.equal((await run(['vrrp'], { env: { LBD_SOCKET: daemon.socketPath } })).status, 0);
    assert.equal((await run(['vrrp', '--socket', '/nonexistent'], { env: { LBD_SOCKET: daemon.socketPath } })).status, 3);
  });
});

describe('a wrong command line is status 2, decided without a daemon', () => {
  const wrong: readonly (readonly [argv: string, message: RegExp])[] = [
    ['', /no command/],
    ['lsit', /unknown command "lsit"; did you mean "list"\?/],
    ['frobnicate', /unknown command "frobnicate" \(see/],
    ['import', /missing required argument "FILE"/],
    ['failover VI_1 --undo --for 5m', /--undo of failover stands alone/],
    ['failover VI_1 --force --check', /--force of failover only gives away/],
    ['drain web 10.0.0.1:80 --deadline soon', /"soon" is no duration of whole seconds/],
    ['drain web', /drain needs SERVICE RS, or --host ADDRESS/],
    ['enable', /enable needs SERVICE RS, or --host ADDRESS/],
    ['drain web 10.0.0.1:80 --host 10.0.0.1', /SERVICE RS or --host, not both/],
    ['drain --host 10.0.0.1:80', /"10\.0\.0\.1:80" is no address of a host/],
    ['drain --host 10.0.0.1 --sticky honor', /"honor" is no choice for --sticky; did you mean "honour"\?/],
    ['drain web 10.0.0.1:80 --for soon', /"soon" is no duration/],
    ['enable web 10.0.0.1:80 --for 2h', /unknown option "--for"/],
    ['del-rs web 10.0.0.1:80 --wait', /belong to --drain/],
    ['del-rs web 10.0.0.1:80 --drain soon', /"soon" is no duration/],
    ['list web --host 10.0.0.1', /not both/],
    ['import a.conf b.conf', /too many arguments/],
    ['list --wieght 5', /unknown option "--wieght"/],
    ['add-rs web 10.0.0.1:80 --wieght 5', /unknown option "--wieght"; did you mean "--weight"\?/],
    ['list --dry-run', /unknown option "--dry-run"/],
    ['list web dns', /too many arguments/],
    ['show', /missing required argument "SERVICE"/],
    ['add-rs web', /missing required argument "RS"/],
    ['set-rs web 10.0.0.1:80', /--weight/],
    ['set-rs web 10.0.0.1:80 --weight heavy', /"heavy" is no weight/],
    ['set-rs web 10.0.0.1:80 --weight -1', /"-1" is no weight/],
    ['add-rs web 10.0.0.1:80 --weight 65536', /"65536" is no weight/],
    ['add-rs web 10.0.0.1:80 --forward nta', /did you mean "nat"\?/],
    ['add-rs web 10.0.0.1:80 --upper many', /threshold/],
    ['add-rs web 10.0.0.256:80', /"10\.0\.0\.256:80" is no IPv4 address/],
    ['set-vs web', /set-vs sets at least one of its options/],
    ['set-vs web --quorum many', /"many" is no number/],
    ['set-vs web --scheduler wlcc', /"wlcc" is no scheduler; did you mean "wlc"\?/],
    ['set-vs web --scheduler-flags sh-prot', /"sh-prot" is no scheduler flag; did you mean "sh-port"\?/],
    ['set-vs web --on-failure inhibit', /"inhibit" is no reaction to failure/],
    ['set-vs web --persistence soon', /"soon" is no duration/],
    ['set-vs web --forward dr', /set-vs has no --forward: a method is of each real server/],
    ['add-vs web 192.0.2.10', /"192\.0\.2\.10" has no port/],
    ['add-vs web 192.0.2.10:80 --scheduler wrrr', /"wrrr" is no scheduler; did you mean "wrr"\?/],
    ['add-vs web 192.0.2.10:80 --protocol icmp', /"icmp" is no protocol/],
    ['show tcp/192.0.2:80', /192\.0\.2:80/],
    ['show fwmark/x', /no firewall mark/],
    ['events --since yesterday', /"yesterday" is no event's number and no time: write 1234, 10m, 10:30 or/],
    ['events --since 2026-02-30T10:00', /is no event's number/],
    ['sta', /command "sta" is ambiguous: stats, status/],
    ['stat', /command "stat" is ambiguous: stats, status/],
    ['s web', /command "s" is ambiguous: save, set-rs, set-vs, show, stats, status/],
    ['help sta', /ambiguous/],
    ['list --s', /option "--s" is ambiguous: --socket, --stats/],
    ['--s x list', /option "--s" is ambiguous: --scheduler, .*--stats/],
    ['list --watch web --rats', /unknown option "--rats"; did you mean "--rate"\?/],
    ['list --watch 1ms', /"1ms" is too often/],
    ['why --watch 2s', /missing required argument "TARGET"/],
    ['reload --watch', /unknown option "--watch"/],
    ['wait web', /required option .*--for/],
    ['wait --for upp web', /"upp" is nothing to wait for; did you mean "up"\?/],
    ['wait --for drained web', /lbctl wait --for drained SERVICE RS: a word is missing/],
    ['wait --for master VI_1 web', /wait --for master INSTANCE: "web" is too much/],
    ['wait --for revision four', /"four" is no number/],
    ['wait --for up web --timeout soon', /"soon" is no duration: write 500ms, 30s or 5m/],
    ['events --since 25:00', /is no event's number/],
    ['events --kind verdict,wieght', /no events of the kind "wieght"; did you mean "weight"\?/],
    ['list -o xml', /unknown output format "xml"/],
    ['list -o', /argument missing/],
    ['stats web dns', /too many arguments/],
    ['stats --rates', /unknown option "--rates"; did you mean "--rate"\?/],
    ['--stats status', /unknown option "--stats"/],
  ];
  for (const [argv, message] of wrong) {
    test(`lbctl ${argv}`, async () => {
      const result = await run(['--socket', '/nonexistent', ...argv.split(' ').filter((word) => word !== '')]);
      assert.equal(result.status, 2, result.err);
      assert.equal(result.out, '');
      const text = result.err.startsWith('{') ? JSON.parse(result.err).error.message : result.err;
      assert.match(text, message);
      assert.equal(result.err.trimEnd().split('\n').length, 1, 'more than one line');
    });
  }
});

describe('exit statuses and errors', () => {
  test('0: help and version', async () => {
    for (const argv of [['--version'], ['--help'], ['help', 'list'], ['list', '-h']]) {
      const result = await run(argv);
      assert.deepEqual([result.status, result.err], [0, ''], argv.join(' '));
      assert.match(result.out, /lbctl/);
    }
  });

  test('1: refused', async () => {
    const result = await ctl('list', 'wbe');
    assert.deepEqual(result, { status: 1, out: '', err: 'lbctl: unknown service "wbe"; there is web, dns\n' });
    assert.equal((await ctl('why', 'crash')).status, 1);
  });

  test('1: a status with problems, where that is asked for', async () => {
    const [plain, judged] = [await ctl('status'), await ctl('status', '--check')];
    assert.deepEqual([plain.status, judged.status, judged.out], [0, 1, plain.out]);
    const status = CANNED.status({}) as { problems: readonly { severity: string }[] };
    const hints = status.problems.filter(({ severity }) => severity === 'hint');
    const calm = await startFakeDaemon({ status: () => ({ ...status, problems: hints }) as never });
    assert.equal((await run(['status', '--check', '--socket', calm.socketPath])).status, 0);
    await calm.close();
  });

  test('3: no daemon, garbage, a daemon that dies while it answers', async () => {
    const none = await run(['status', '--socket', '/nonexistent/s']);
    assert.equal(none.status, 3);
    assert.match(none.err, /^lbctl: lbd is not running/);
    const garbage = await startRawServer((socket) => socket.write('220 mail ESMTP\r\n'));
    assert.match((await run(['status', '--socket', garbage.socketPath])).err, /is not lbd/);
    await garbage.close();
    const dying = await startRawServer((socket) => socket.once('data', () => socket.end('{"id":1,')));
    const result = await run(['status', '--socket', dying.socketPath]);
    assert.equal(result.status, 3);
    assert.match(result.err, /in the middle of an answer/);
    await dying.close();
  });

  test('4: an invalid configuration, with its place', async () => {
    const result = await ctl('reload', '--reason', 'broken');
    assert.equal(result.status, 4);
    expectText('reload-refused', result.err);
  });

  test('with -o json errors are one object on standard error', async () => {
    const codes = [
      [await ctl('list', 'wbe', '-o', 'json'), 1, 'refused'],
      [await ctl('-o', 'json', 'lsit'), 2, 'bad_request'],
      [await run(['status', '-o', 'json', '--socket', '/nonexistent']), 3, 'unreachable'],
      [await ctl('reload', '--reason', 'broken', '-o', 'json'), 4, 'invalid_config'],
    ] as const;
    for (const [result, status, code] of codes) {
      assert.deepEqual([result.status, result.out, JSON.parse(result.err).error.code], [status, '', code]);
    }
    assert.equal(JSON.parse(codes[3][0].err).error.problems[0].line, 12);
  });
});

describe('events -f', () => {
  test('json: the past, then each event as it comes, one object a line', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const status = await run(['--socket', daemon.socketPath, 'events', '-f', '-o', 'json', '--since', '2'], {
      stop: stop.signal,
      out: (text) => {
        lines.push(text);
        if (lines.length === 1) daemon.server.publish({ ...(EVENTS[0] as ApiEvent), id: 4 });
        else stop.abort();
      },
    });
    assert.deepEqual([status.status, status.err], [0, '']);
    assert.deepEqual(
      lines.map((line) => [(JSON.parse(line) as ApiEvent).id, line.split('\n').length]),
      [
        [3, 2],
        [4, 2],
      ],
    );
  });

  test('when it began may be said as a time, and a duration', async () => {
    const since = async (word: string) => {
      await ctl('events', '--since', word);
      return Date.parse((daemon.asked.at(-1) as { params: { since_time: string } }).params.since_time);
    };
    assert.equal(await since('2026-11-28 10:00:30.5+01:00'), Date.UTC(2026, 10, 28, 9, 0, 30, 500));
    assert.equal(await since('2026-11-28'), Date.UTC(2026, 10, 28));
    const from = await since('10m');
    const ago = Date.now() - from;
    assert.ok(ago >= 600_000 && ago < 660_000, String(ago));
    for (const word of ['00:00', '9:59', '23:59:59']) {
      const at = await since(word);
      const back = Date.now() - at;
      assert.ok(back >= 0 && back < 86_410_000, word);
    }
  });

  test('a daemon that stops is status 3', async () => {
    const other = await startFakeDaemon();
    const lines: string[] = [];
    const result = await run(['events', '--follow', '--socket', other.socketPath], {
      out: (text) => {
        lines.push(text);
        if (lines.length === 3) void other.close();
      },
    });
    assert.equal(result.status, 3);
    assert.match(result.err, /closed the connection \(it stopped, or/);
    expectText('events-follow', lines.join(''));
  });
});

describe('check-config', () => {
  const VALID =
    'virtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n    checks: [ { type: tcp } ]\n    real_servers: [ { address: 10.0.0.21:80 } ]\n';

  test('valid is 0, and needs no daemon', async () => {
    const file = join(folder, 'good.yaml');
    writeFileSync(file, VALID);
    assert.deepEqual(await run(['check-config', file]), { status: 0, out: `${file}: valid\n`, err: '' });
  });

  test('invalid is 4, with file:line:column, the line and a caret', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, VALID.replace('checks', 'cheks'));
    const result = await run(['check-config', file]);
    assert.deepEqual([result.status, result.out], [4, '']);
    assert.match(result.err, /bad\.yaml:4:5: error: .*cheks.*did you mean "checks"[^\n]*\n[^\n]*cheks: [^\n]*\n +\^\n/);
    const json = JSON.parse((await run(['check-config', file, '-o', 'json'])).out);
    assert.equal(json.valid, false);
    assert.equal(json.problems[0].line, 4);
  });

  test('a file that cannot be read is 4', async () => {
    const result = await run(['check-config', join(folder, 'none.yaml')]);
    assert.equal(result.status, 4);
    assert.match(result.err, /none\.yaml: error: cannot read .*there is no such file/);
  });
});
