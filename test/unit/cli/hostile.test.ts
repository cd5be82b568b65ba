/** What a daemon of another version, or a wicked reason in an answer, does to lbctl; and words at the edges of the grammar. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Io, lbctl } from '../../../src/cli/lbctl.js';
import type { ApiService, ApiStatus } from '../../../src/control/api.js';
import { CANNED, type FakeDaemon, FakeRefusal, startFakeDaemon, WEB } from '../../fake/control.js';
import { STATS } from '../../fake/statistics.js';

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], changes: Partial<Io> = {}): Promise<Run> {
  const said = { out: '', err: '' };
  const take = (name: 'out' | 'err') => (text: string) => {
    said[name] += text;
  };
  const status = await lbctl(argv, { out: take('out'), err: take('err'), env: {}, terminal: undefined, ...changes });
  return { status, ...said };
}

async function withDaemon(handlers: Parameters<typeof startFakeDaemon>[0], work: (daemon: FakeDaemon) => Promise<void>) {
  const daemon = await startFakeDaemon(handlers);
  try {
    await work(daemon);
  } finally {
    await daemon.close();
  }
}

describe('an answer of another version', () => {
  for (const command of [
    ['status'],
    ['list'],
    ['stats'],
    ['show', 'web'],
    ['vrrp'],
    ['why', 'web'],
    ['doctor'],
    ['events'],
    ['events', '-f'],
  ]) {
    test(`${command.join(' ')}: one clear line, no stack`, () => {
      const empty = () => ({}) as never;
      const handlers = {
        status: empty,
        list: empty,
        stats: empty,
        show: empty,
        vrrp: empty,
        why: empty,
        doctor: empty,
        events: empty,
      };
      return withDaemon(handlers, async (daemon) => {
        const result = await run([...command, '--socket', daemon.socketPath]);
        assert.equal(result.status, 3, result.out);
        assert.match(result.err, /^lbctl: [^\n]*is not as this lbctl [^\n]*knows it: are both of one version\?[^\n]*\n$/);
      });
    });
  }

  test('with -o json it is passed on as it came', () =>
    withDaemon({ list: () => ({ later: true }) as never }, async (daemon) => {
      const result = await run(['list', '-o', 'json', '--socket', daemon.socketPath]);
      assert.deepEqual([result.status, JSON.parse(result.out)], [0, { later: true }]);
    }));

  test('an error code that is not known is a refusal', () =>
    withDaemon(
      {
        list: () => {
          throw new FakeRefusal({ code: 'stale_revision' as never, message: 'revision 4 is not the newest' });
        },
      },
      async (daemon) => {
        const result = await run(['list', '--socket', daemon.socketPath]);
        assert.deepEqual(result, { status: 1, out: '', err: 'lbctl: revision 4 is not the newest\n' });
      },
    ));
});

test('control characters in errors and in lines of the configuration do not reach the terminal', () =>
  withDaemon(
    {
      reload: () => {
        const problem = { severity: 'error' as const, message: 'bad \u001b]0;x\u0007', file: 'f', line: 1, column: 2 };
        throw new FakeRefusal({
          code: 'invalid_config',
          message: 'no\u009b31m',
          problems: [{ ...problem, source: '\ta: \u001b[2J' }],
        });
      },
    },
    async (daemon) => {
      const { err } = await run(['reload', '--socket', daemon.socketPath]);
      assert.doesNotMatch(err, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      assert.match(err, /\n {4}\ta: {2}\[2J\n {4}\t\^\n/);
    },
  ));

test('no permission: who may', async () => {
  await withDaemon({}, async (daemon) => {
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    else chmodSync(daemon.socketPath, 0);
    const result = await run(['status', '--socket', daemon.socketPath]).finally(() => {
      if (root) process.seteuid?.(0);
    });
    assert.equal(result.status, 3);
    assert.match(result.err, /^lbctl: no permission to use [^\n]*: become root or a member of the group[^\n]*\n$/);
  });
});

describe('words at the edges', () => {
  let daemon: FakeDaemon;
  before(async () => {
    daemon = await startFakeDaemon();
  });
  after(() => daemon.close());

  const targets: readonly (readonly [word: string, target: string])[] = [
    ['web', 'web'],
    ['VI_1', 'VI_1'],
    ['web/10.0.0.21:80', 'web/10.0.0.21:80'],
    ['web/10.0.0.21', 'web/10.0.0.21'],
    ['tcp/192.0.2.10:80', 'tcp/192.0.2.10:80'],
    ['tcp/[2001:DB8::1]:80/[2001:db8:0::2]:80', 'tcp/[2001:db8::1]:80/[2001:db8::2]:80'],
    ['fwmark/7', 'fwmark/7'],
    ['fwmark/7/10.0.0.21:80', 'fwmark/7/10.0.0.21:80'],
    ['fwmark/7/inet6', 'fwmark/7/inet6'],
    ['fwmark/7/inet6/[2001:db8::2]:80', 'fwmark/7/inet6/[2001:db8::2]:80'],
  ];
  for (const [word, target] of targets) {
    test(`why ${word}`, async () => {
      assert.equal((await run(['why', word, '--socket', daemon.socketPath])).status, 0);
      assert.deepEqual(daemon.asked.at(-1), { method: 'why', params: { target } });
    });
  }

  const wrong: readonly (readonly [argv: string, message: RegExp])[] = [
    ['why web/10.0.0.300:80', /"10\.0\.0\.300:80" is no IPv4 address/],
    ['why web/', /"" is no real server/],
    ['why tcp/192.0.2.10', /"192\.0\.2\.10" has no port/],
    ['why tcp/192.0.2.10:80/x', /"x" is a name: lbd looks none up/],
    ['show', /missing required argument "SERVICE" \(usage: lbctl show SERVICE \[RS\]\)/],
    ['set-rs web 10.0.0.1', /\(usage: lbctl set-rs SERVICE RS --weight <N\|P%>\)/],
    ['list a b', /\(usage: lbctl list \[SERVICE\]\)/],
    ['--weigth 5 set-rs web 10.0.0.1:80', /^lbctl: unknown option "--weigth"; did you mean "--weight"\?/],
    ['--weigth=5 set-rs web 10.0.0.1:80', /^lbctl: unknown option "--weigth"; did you mean "--weight"\?/],
    ['-x list', /^lbctl: unknown option "-x"/],
    ['help lsit', /unknown command "lsit"; did you mean "list"\?/],
    ['help imprt', /unknown command "imprt"; did you mean "import"\?/],
    ['-o json -o table lsit', /^lbctl: unknown command/],
  ];
  for (const [argv, message] of wrong) {
    test(`lbctl ${argv}`, async () => {
      const result = await run(argv.split(' '));
      assert.deepEqual([result.status, result.out, result.err.split('\n').length], [2, '', 2], result.err);
      assert.match(result.err, message);
    });
  }
});

describe('a terminal of 80 columns', () => {
  const terminal = { columns: 80 };
  const plain = { terminal, env: { NO_COLOR: '1' } };

  test('list: what is out of the ordinary is told below its server, whole', () =>
    withDaemon({}, async (daemon) => {
      const { out } = await run(['list', '--socket', daemon.socketPath], plain);
      const file = fileURLToPath(new URL('../../../../test/unit/cli/expected/list-80.txt', import.meta.url));
      if (process.env.LBD_REGENERATE) (await import('node:fs')).writeFileSync(file, out);
      assert.equal(out, readFileSync(file, 'utf8'));
    }));

  for (const argv of [['stats'], ['stats', '--rate'], ['list', '--stats', '--rate']]) {
    test(`${argv.join(' ')}: a number is never cut`, () =>
      withDaemon({}, async (daemon) => {
        const { out } = await run([...argv, '--socket', daemon.socketPath], plain);
        assert.doesNotMatch(out, /…/);
        assert.match(out, /OUT BYTES(\/S)?\n/);
        if (argv[0] === 'stats') assert.doesNotMatch(out, /INACTIVE/);
      }));
  }

  test('status: a check process that does not answer is told from one that runs, and what it does not say is not known', () => {
    const canned = CANNED.status({}) as ApiStatus;
    const processes = canned.processes.map((one) =>
      one.name === 'check' ? { ...one, state: 'silent' as const, silent_seconds: 12.3 } : one,
    );
    const ipvs = { usable: false, text: 'the check process does not say' };
    return withDaemon({ status: () => ({ ...canned, processes, ipvs }) }, async (daemon) => {
      const { out } = await run(['status', '--socket', daemon.socketPath], { env: {}, terminal: undefined });
      assert.match(out, /; check NOT ANSWERING for 12s \(pid 4712, restarted 2 times\); /);
      assert.match(out, /^ipvs {11}not known: the check process does not say$/m);
    });
  });

  test('stats: numbers that stand still are told so', () =>
    withDaemon({ stats: () => ({ ...STATS, counting: false }) }, async (daemon) => {
      const { out } = await run(['stats', '--socket', daemon.socketPath], plain);
      assert.match(out, /^net\.ipv4\.vs\.run_estimation is 0, so these numbers stand still: [^\n]*\nSERVICE/);
    }));

  test('stats: nothing to count', () =>
    withDaemon({ stats: () => ({ ...STATS, services: [] }) }, async (daemon) => {
      assert.equal((await run(['stats', '--socket', daemon.socketPath], plain)).out, 'no virtual server\n');
    }));

  test('a cut line of a table says so, and is never longer than the terminal', () =>
    withDaemon({}, async (daemon) => {
      const { out } = await run(['status', '--socket', daemon.socketPath], plain);
      const lines = out.split('\n').filter((line) => line.startsWith('  '));
      assert.ok(lines.some((line) => line.endsWith('…')));
      for (const line of lines) assert.ok([...line].length <= 80, line);
    }));

  test('why, and a reason, are never cut', async () => {
    const long = `because ${'it is so '.repeat(20)}indeed`;
    const service = { ...WEB, real_servers: WEB.real_servers.map((one) => ({ ...one, why: `down: ${long}` })) } as ApiService;
    const handlers = {
      list: () => ({ revision: 7, services: [service] }),
      why: () => ({ target: 'web', summary: long, steps: [long], checks: [] }),
    };
    await withDaemon(handlers, async (daemon) => {
      const why = await run(['why', 'web', '--socket', daemon.socketPath], plain);
      assert.equal(why.out, `${long}\n  1. ${long}\n`);
      assert.ok((await run(['list', '--socket', daemon.socketPath], plain)).out.includes(`down: ${long}\n`));
    });
  });
});
