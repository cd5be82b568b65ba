/** The compiled lbctl: whatever is asked of it, it says and does what lbctl in Node.js does. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../../src/base/version.js';
import { lbctl } from '../../../src/cli/lbctl.js';
import { serve } from '../../../src/cli/served.js';
import { type FakeDaemon, startFakeDaemon, startRawServer } from '../../fake/control.js';

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const ACCEPTED = '{"id":1,"result":{"accepted":true}}\n';
const RS = '10.0.0.22:80';

interface Result {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

type Environment = Readonly<Record<string, string>>;

/** Without what the machine at hand has set; the Node.js that runs the tests is the one that is found. */
const environment = (env: Environment) => ({ PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), ...env });

async function start(program: string, argv: readonly string[], env: Environment = {}): Promise<Result> {
  const child = spawn(program, argv, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, out, err };
}

const compiled = (argv: readonly string[], env?: Environment) => start(LBCTL, argv, env);

async function inNode(argv: readonly string[], env: Environment = {}): Promise<Result> {
  const said = { out: '', err: '' };
  const take = (name: 'out' | 'err') => (part: string) => {
    said[name] += part;
  };
  const status = await lbctl(argv, { out: take('out'), err: take('err'), env, terminal: undefined });
  return { status, ...said };
}

let daemon: FakeDaemon;
let folder: string;
before(async () => {
  daemon = await startFakeDaemon();
  folder = mkdtempSync(join(tmpdir(), 'lbd-compiled-'));
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

/** Both ways; what was asked of the daemon must be the same too. */
async function bothWays(argv: readonly string[], env?: Environment): Promise<Result> {
  const asked = () => daemon.asked.map((one) => JSON.stringify(one));
  const from = asked().length;
  const node = await inNode(argv, env);
  const between = asked().length;
  const result = await compiled(argv, env);
  assert.deepEqual(result, node);
  assert.deepEqual(asked().slice(between), asked().slice(from, between));
  return result;
}

describe('run by the daemon', () => {
  const lines: readonly (readonly string[])[] = [
    ...['status', 'list', 'list web', 'list dns', 'stats', 'stats --rate', 'list --stats --rate', 'list -o wide'],
    ...['show web', `show web ${RS}`, 'vrrp', 'vrrp VI_6', `why web ${RS}`, 'why web/10.0.0.22:80', 'events', 'events --limit 1'],
    ...[
      'set-rs web 10.0.0.22 --weight 50%',
      `set-rs web ${RS} --weight 3 --dry-run`,
      'del-rs udp/[2001:DB8::53]:53 [2001:db8:0::1]:53',
    ],
    ...[`undrain web ${RS}`, `disable web ${RS}`, `drain web ${RS} --deadline 10m --dry-run`, 'reload', 'reload --reason broken'],
    ...[
      'add-vs dns 192.0.2.53:53 --protocol udp',
      'set-vs web --scheduler rr --dry-run',
      'set-vs web',
      'del-vs fwmark/7',
      'take-over web',
      'failover VI_1',
      'failover VI_1 --check',
      'why crash',
      'list wbe',
      'vrrp -o json',
      '__complete services w',
      '__complete servers -- 10 web',
      '__complete nonsense',
    ],
    ...[
      'list -o json',
      'status -o json',
      'list wbe -o json',
      'reload --reason broken -o json',
      '-o json lsit',
      'list -o xml',
      'list -o',
    ],
    ...[
      'ev --lim 1',
      'status --check',
      `set-r web ${RS} --we 3 --dry`,
      'sta',
      'list --s',
      'top --sort loud',
      'wait --for nothing',
      '--watch 1ms list',
    ],
    ...['', 'lsit', 'set-rs web', `set-rs web ${RS} --weight heavy`, 'list --wieght 5', 'import', 'list a b', '-x list'],
    ...[
      '--help',
      '--version',
      'help',
      'help list',
      'list -h',
      'help lsit',
      '-- list',
      '--dry-run -ojson set-rs --weight 5 -- web 10.0.0.1',
    ],
  ].map((line) => line.split(' ').filter((word) => word !== ''));
  const reasons = ['größer 𝄞', 'a "quote" and a \\', 'two\nlines\tand \u001b[31m', '\u007f\u0080', '{"id":1}\n', '%s%n', '', ' '];
  for (const argv of [...lines, ...reasons.map((reason) => ['set-rs', 'web', RS, '--weight', '1', '--reason', reason])]) {
    test(`lbctl ${JSON.stringify(argv.join(' '))}`, async () => {
      const [handed, declined] = [daemon.commandLines.length, daemon.declined.length];
      await bothWays(argv, { LBD_SOCKET: daemon.socketPath });
      await bothWays(['--socket', daemon.socketPath, ...argv]);
      assert.deepEqual(daemon.commandLines.slice(handed), [argv, ['--socket', daemon.socketPath, ...argv]]);
      assert.equal(daemon.declined.length, declined, daemon.declined.at(-1));
    });
  }

  test('--socket wins over LBD_SOCKET, the last one over others; where it stands does not matter', async () => {
    const { socketPath } = daemon;
    const handed = daemon.commandLines.length;
    await bothWays(['list', '--socket', '/nonexistent', `--socket=${socketPath}`], { LBD_SOCKET: '/nonexistent' });
    await bothWays(['--reason', 'x', 'list', '--socket', socketPath], { LBD_SOCKET: '' });
    assert.equal(daemon.commandLines.length, handed + 2);
  });

  test('a link to bin/lbctl, as npm makes it', async () => {
    const link = join(folder, 'lbctl');
    symlinkSync(LBCTL, link);
    const handed = daemon.commandLines.length;
    const result = await start(link, ['vrrp'], { LBD_SOCKET: daemon.socketPath });
    assert.deepEqual(result, await inNode(['vrrp'], { LBD_SOCKET: daemon.socketPath }));
    assert.equal(daemon.commandLines.length, handed + 1);
  });

  test('it needs no Node.js', async () => {
    const result = await start(LBCTL, ['vrrp', '--socket', daemon.socketPath], { PATH: '/nonexistent' });
    assert.equal(result.status, 0, result.err);
    const without = await start(LBCTL, ['vrrp', '--socket', '/nonexistent'], { PATH: '/nonexistent' });
    assert.deepEqual(without, { status: 127, out: '', err: 'lbctl: cannot start node: No such file or directory\n' });
  });

  const hasScript = existsSync('/usr/bin/script');
  test('on a terminal', { skip: !hasScript && 'there is no script(1)' }, async () => {
    for (const columns of [60, 0]) {
      const onTerminal = (command: string, env: Environment = {}) =>
        start('script', ['-qec', `stty cols ${columns}; ${command} list`, '/dev/null'], {
          ...env,
          LBD_SOCKET: daemon.socketPath,
        });
      const handed = daemon.commandLines.length;
      const result = await onTerminal(LBCTL);
      assert.match(result.out, /\u001b\[31m/);
      assert.deepEqual(result, await onTerminal(`node ${LBCTL}`));
      assert.deepEqual(await onTerminal(LBCTL, { NO_COLOR: '1' }), await onTerminal(`node ${LBCTL}`, { NO_COLOR: '1' }));
      assert.equal(daemon.commandLines.length, handed + 2);
    }
  });
});

describe('run by Node.js', () => {
  const unreachable = {
    'no daemon': '/nonexistent/s',
    'no socket': '/etc/passwd',
    'a path that is too long': `/${'x'.repeat(200)}`,
  };
  for (const [what, path] of Object.entries(unreachable)) {
    test(what, async () => {
      assert.equal((await bothWays(['status', '--socket', path])).status, 3);
    });
  }

  const declined: readonly (readonly [argv: readonly string[], why: RegExp])[] = [
    [['list', '-o', 'yaml'], /YAML/],
    [['check-config', '/nonexistent.yaml'], /files that lbctl sees/],
    [['doctor', '-o', 'json'], /files that lbctl sees/],
    [['completion', 'zsh'], /a file of this lbctl/],
    [['wait', '--for', 'revision', '4'], /a wait outlives a restart/],
    [['top', '--count', '1', '-o', 'json'], /again and again outlives a restart/],
  ];
  for (const [argv, why] of declined) {
    test(`lbctl ${argv.join(' ')}: declined`, async () => {
      await bothWays(argv, { LBD_SOCKET: daemon.socketPath });
      assert.match(daemon.declined.at(-1) ?? '', why);
    });
  }

  test('what only looks like --socket is found out', async () => {
    const other = await startFakeDaemon();
    const argv = ['set-rs', 'web', RS, '--weight', '1', '--reason', `--socket=${other.socketPath}`];
    const result = await bothWays(argv, { LBD_SOCKET: daemon.socketPath });
    assert.equal(result.status, 0, result.err);
    assert.match(other.declined[0] as string, /is asked, not /);
    assert.deepEqual(other.asked, []);
    await other.close();
  });

  test('an option in short is found out too', async () => {
    const other = await startFakeDaemon();
    const result = await bothWays(['vrrp', '--sock', other.socketPath], { LBD_SOCKET: daemon.socketPath });
    assert.equal(result.status, 0, result.err);
    assert.match(daemon.declined.at(-1) as string, /is asked, not /);
    assert.equal(other.asked.length, 2);
    await other.close();
  });

  test('a file on standard input', async () => {
    const command = `echo 'vrrp_instanzes: []' | ${LBCTL} check-config -`;
    const result = await start('sh', ['-c', command], { LBD_SOCKET: daemon.socketPath });
    assert.equal(result.status, 4);
    assert.match(result.err, /did you mean "vrrp_instances"/);
  });

  test('words that are not UTF-8', async () => {
    const handed = daemon.commandLines.length;
    const bad = ['\\377', '\\300\\200', '\\355\\240\\200', '\\364\\220\\200\\200', '\\303'];
    for (const bytes of bad) {
      const result = await start('sh', ['-c', `exec ${LBCTL} list "$(printf '${bytes}')x"`], { LBD_SOCKET: daemon.socketPath });
      assert.equal(result.status, 1);
      assert.match(result.err, /^lbctl: unknown service "\ufffd/);
    }
    assert.equal(daemon.commandLines.length, handed);
  });

  test('a very long command line', async () => {
    const handed = daemon.commandLines.length;
    await bothWays(['set-rs', 'web', RS, '--weight', '1', '--reason', 'x'.repeat(70_000)], { LBD_SOCKET: daemon.socketPath });
    assert.equal(daemon.commandLines.length, handed);
  });

  test('a daemon of another version', async () => {
    assert.equal(
      await serve({ version: '9.9.9', socket: '/s', argv: ['list'] }, () => false),
      `lbctl is of version 9.9.9, lbd of ${VERSION}`,
    );
  });

  test('a long table', async () => {
    const line = { version: VERSION, socket: '/s', lbd_socket: '/s' };
    for (const argv of [['list'], ['stats'], ['list', '--stats', '-o', 'json']])
      assert.match((await serve({ ...line, argv }, () => true)) as string, /so long/);
    for (const argv of [['list', 'web'], ['stats', 'web'], ['status'], ['set-rs', 'web', RS, '--weight', '1']])
      assert.equal(typeof (await serve({ ...line, argv }, () => true)), 'object', argv.join(' '));
  });

  test('a drain, which outlives a restart', async () => {
    const line = { version: VERSION, socket: '/s', lbd_socket: '/s', argv: ['drain', 'web', RS] };
    assert.match((await serve(line, () => false)) as string, /a drain outlives/);
  });
});

/** Something that answers the command line with these bytes, in pieces, and what it does then. */
async function answeredBy(
  pieces: readonly (string | Buffer)[],
  then: (socket: Socket) => void,
  argv: readonly string[] = ['list'],
) {
  const server = await startRawServer((socket) =>
    socket.once('data', () => {
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
        then(socket);
      })();
    }),
  );
  try {
    return await compiled(argv, { LBD_SOCKET: server.socketPath });
  } finally {
    await server.close();
  }
}

describe('a daemon that behaves badly', () => {
  const end = (socket: Socket) => socket.end();
  const DIED = 'd 5 3\ndied\nq 6 3 1\nquiet\n';

  test('the time limit is that of the daemon, not of a slow reader', async (t) => {
    const long = 'x'.repeat(4 << 20);
    const server = await startRawServer((socket) =>
      socket.once('data', () => socket.end(`${ACCEPTED}${DIED}o ${long.length}\n${long}x 0\n`)),
    );
    t.after(() => server.close());
    const child = spawn(LBCTL, ['list'], {
      env: environment({ LBD_SOCKET: server.socketPath }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A pager that nobody turns, for longer than the second that the daemon has.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    assert.deepEqual([status, err, out.length], [0, '', long.length]);
  });

  test('one that does not know command lines is asked as ever', async (t) => {
    const old = await startFakeDaemon();
    t.after(() => old.close());
    const server = await startRawServer((socket) => {
      socket.once('data', (first: Buffer) => {
        if (first.includes('command_line'))
          return socket.end('{"id":1,"error":{"code":"bad_request","message":"unknown method \\"command_line\\""}}\n');
        const behind = connectSocket({ path: old.socketPath });
        behind.write(first);
        behind.pipe(socket);
      });
    });
    t.after(() => server.close());
    const result = await compiled(['vrrp'], { LBD_SOCKET: server.socketPath });
    assert.deepEqual(result, await inNode(['vrrp', '--socket', old.socketPath]));
  });

  test('every byte by itself', async () => {
    const bytes = Buffer.from(`${ACCEPTED}${DIED}o 6\nä€\ne 3\nno\no 0\nx 4\n`);
    const result = await answeredBy(
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
      end,
    );
    assert.deepEqual(result, { status: 4, out: 'ä€\n', err: 'no\n' });
  });

  test('one that dies says what it left to be said', async () => {
    assert.deepEqual(await answeredBy([ACCEPTED + DIED], end), { status: 3, out: '', err: 'died\n' });
    assert.deepEqual(await answeredBy([`${ACCEPTED}${DIED}o 9\nhalf`], end), { status: 3, out: 'half', err: 'died\n' });
    assert.deepEqual(await answeredBy([`${ACCEPTED}${DIED}x`], end), { status: 3, out: '', err: 'died\n' });
  });

  test('one that stands still is not waited for for ever', async () => {
    assert.deepEqual(await answeredBy([`${ACCEPTED}${DIED}`], () => {}), { status: 3, out: '', err: 'quiet\n' });
  });

  const garbage = [
    'z 1\n',
    'o\n',
    'o 1 1\n',
    'o -1\n',
    'o 1x\n',
    'd 5000 3\n',
    'o 99999999999999999999\n',
    `${'o'.repeat(100)}\n`,
    '\n',
    'x\n',
    '220 ESMTP\r\n',
  ];
  for (const bytes of garbage) {
    test(`${JSON.stringify(bytes)} is refused`, async () => {
      const result = await answeredBy([ACCEPTED + bytes], () => {});
      assert.equal(result.status, 3);
      assert.match(
        result.err,
        /^lbctl: what answers on [^\n]*raw\.sock is not lbd, or not a version that this lbctl understands\n$/,
      );
    });
  }

  test('one that answers too late has nothing begun twice', async () => {
    let begun = 0;
    const late = await startFakeDaemon({
      set_rs: () => {
        begun++;
        return { text: 'set', revision: 2, dry_run: false };
      },
    });
    const running = compiled(['set-rs', 'web', RS, '--weight', '1'], { LBD_SOCKET: late.socketPath });
    // The daemon is in this process: for so long it does nothing at all.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    assert.deepEqual(await running, { status: 0, out: 'set (revision 2)\n', err: '' });
    assert.deepEqual([late.commandLines.length, begun], [1, 1]);
    await late.close();
  });
});
