/** Every command that asks the daemon, at terminals of several widths and in a pipe, on a healthy, an empty and a broken director. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lbctl } from '../../../src/cli/lbctl.js';
import { startFakeDaemon } from '../../fake/control.js';
import { BROKEN, EMPTY } from '../../fake/directors-told.js';
import { createTerminal } from '../../fake/terminal.js';

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const RS = '10.0.0.22:80';
/** Those that speak of an object are refused where there is none. */
const PLAIN = ['status', 'list', 'stats', 'vrrp', 'events', 'top --count 1', 'wait --for revision 4'];
const NAMING = [
  'list web',
  'stats web',
  'show web',
  `show web ${RS}`,
  `why web ${RS}`,
  'vrrp VI_1',
  'wait --for quorum web --timeout 0',
];
/** The daemon that is asked is none: each is taken. */
const CHANGING = [
  ...[
    'add-rs web 10.0.0.9:80',
    `set-rs web ${RS} --weight 5`,
    `del-rs web ${RS}`,
    `drain web ${RS} --dry-run`,
    `undrain web ${RS}`,
  ],
  ...[
    'disable --host 10.0.0.22',
    `enable web ${RS}`,
    'add-vs dns 192.0.2.53:53',
    'del-vs web',
    'take-over web',
    'failover VI_1 --check',
  ],
];
const DIRECTORS = { healthy: {}, empty: EMPTY, broken: BROKEN };
/** Commands that core answers by itself. */
const OF_CORE = new Set(['status', 'events', 'wait --for revision 4']);

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], columns: number | undefined): Promise<Result> {
  const said = { out: '', err: '' };
  const status = await lbctl(argv, {
    out(text) {
      said.out += text;
    },
    err(text) {
      said.err += text;
    },
    env: {},
    terminal: columns === undefined ? undefined : { columns, rows: 24 },
  });
  return { status, ...said };
}

const plain = (text: string): string => text.replace(/\u001b\[[\d;]*[A-Za-z]/g, '');
/** Rows and heads of tables; sentences are broken by the terminal. */
const isRow = (line: string): boolean => /^ {2}(?:-> )?\S+ {2,}\S|^ *[A-Z]{4,}[A-Z ]* {2,}[A-Z]/.test(line);

let rows = 0;

function judge({ status, out, err }: Result, columns: number | undefined): void {
  const text = plain(out + err);
  assert.doesNotMatch(text, /undefined|NaN|\[object|this is a bug/);
  if (columns === undefined) assert.doesNotMatch(out + err, /\u001b/);
  if (status === 0) assert.notEqual(out.trim(), '');
  else assert.match(err, /^lbctl: .+\n$/);
  for (const line of plain(out).split('\n')) {
    if (columns === undefined || !isRow(line)) continue;
    rows++;
    assert.ok([...line].length <= columns, `${columns}: ${line}`);
  }
}

describe('every command', () => {
  for (const [name, handlers] of Object.entries(DIRECTORS)) {
    test(`on a director that is ${name}`, async () => {
      const daemon = await startFakeDaemon(handlers);
      for (const words of [...PLAIN, ...NAMING, ...CHANGING]) {
        const argv = ['--socket', daemon.socketPath, ...words.split(' ')];
        const works =
          name === 'healthy' || CHANGING.includes(words) || (name === 'empty' ? PLAIN.includes(words) : OF_CORE.has(words));
        for (const columns of [undefined, 80, 100, 160]) {
          const result = await run(argv, columns);
          const sums = words === 'stats web' && name === 'empty';
          assert.equal(result.status, works || sums ? 0 : 1, `${words}: ${result.err}`);
          judge(result, columns);
        }
        const json = await run([...argv, '-o', 'json'], undefined);
        assert.doesNotThrow(() => JSON.parse(works ? json.out : json.err || json.out), words);
      }
      await daemon.close();
    });
  }

  test('there were tables to look at', () => assert.ok(rows > 50, String(rows)));
});

const hasScript = existsSync('/usr/bin/script');

/** At a real terminal of 100 columns and 30 lines; `keys` once the picture is there. */
async function atTerminal(
  words: string,
  shown: RegExp,
  keys: string,
): Promise<{ status: number | null; lines: readonly string[] }> {
  const daemon = await startFakeDaemon();
  const terminal = createTerminal(100, 30);
  const child = spawn('script', ['-qec', `stty cols 100 rows 30; exec ${LBCTL} ${words}`, '/dev/null'], {
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, LBD_SOCKET: daemon.socketPath, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let pressed = false;
  let drawn = 0;
  let seen: readonly string[] = [];
  for await (const chunk of child.stdout) {
    terminal.write(String(chunk).replace(/\^C/g, ''));
    if (shown.test(terminal.lines().join('\n'))) drawn++;
    if (pressed || drawn < 3) continue;
    pressed = true;
    seen = terminal.lines();
    child.stdin.write(keys);
  }
  const status = await ended;
  await daemon.close();
  return { status, lines: seen };
}

describe('at a real terminal', { skip: !hasScript && 'there is no script(1)' }, () => {
  test('--watch draws at its place, and Ctrl-C is status 0', async () => {
    const { status, lines } = await atTerminal('stats --watch 100ms', /total of 3 services/, '\u0003');
    assert.equal(status, 0);
    assert.equal(lines.filter((line) => line.includes('stats, every 100ms')).length, 1, lines.join('\n'));
    assert.equal(lines.filter((line) => line.includes('total of')).length, 1);
  });

  test('what is higher than the terminal is left out', async () => {
    const { status, lines } = await atTerminal('status --watch 100ms', /more lines/, '\u0003');
    assert.equal(status, 0);
    assert.ok(lines.length <= 29, String(lines.length));
    assert.match(lines[0] as string, /status, every 100ms/);
  });

  test('top takes q', async () => {
    const { status, lines } = await atTerminal('top --interval 100ms', /REAL SERVER/, 'q');
    assert.equal(status, 0);
    assert.match(lines.join('\n'), /top by connections/);
  });
});
