/**
 * The examples of README.md and of lbctl(1): every command line is one that lbctl reads, and what is shown below it is what it prints. The
 * director is core's handlers and a check process on a fake kernel. LBD_REGENERATE=1 writes the outputs of test/tools/man/examples.txt anew: read them then.
 */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseCommandLine } from '../../../src/cli/grammar.js';
import { lbctl } from '../../../src/cli/lbctl.js';
import { createControlServer } from '../../../src/control/server.js';
import { Refused } from '../../../src/daemon/core/refused.js';
import { MASTER } from '../../fake/control.js';
import { coreWorld } from '../../fake/core-world.js';
import { until } from '../../fake/table-world.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const EXAMPLES = 'test/tools/man/examples.txt';

/** The words of a line as a shell has them: quotes, and a comment at its end. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [whole, double, single, plain] of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    if (whole.startsWith('#') || whole === '|') break;
    words.push(double ?? single ?? (plain as string));
  }
  return words;
}

interface Example {
  readonly line: string;
  /** '': it is not shown. */
  readonly output: string;
}

/** `$ lbctl …`, and what follows it. */
function examplesIn(text: string): Example[] {
  const found: { line: string; output: string[] }[] = [];
  // A sentence is what a command follows; a comment of the output is not.
  for (const line of text.replace(/^# .*\n(?=\$ )/gm, '').split('\n')) {
    if (line.startsWith('$ ')) found.push({ line: line.slice(2), output: [] });
    else found.at(-1)?.output.push(line);
  }
  return found.map(({ line, output }) => ({ line, output: output.join('\n').trimEnd() }));
}

/** Lines of the manual page without what roff needs. */
const plain = (roff: string): string => roff.replace(/^\\&/gm, '').replace(/\\-/g, '-').replace(/\\e/g, '\\');

/** As a shell takes it that writes the output into a file. */
const unredirected = (line: string): string => line.replace(/ > \S+$/, '');

const LINES: Readonly<Record<string, readonly string[]>> = {
  'README.md': [...read('README.md').matchAll(/^ {4}(lbctl .*)$/gm)].map(([, line]) => line as string),
  'docs/migrate.md': [...read('docs/migrate.md').matchAll(/^ {4}\w+# (lbctl .*)$/gm)].map(([, line]) => line as string),
  'lbctl(1)': [...plain(read('dist/man/lbctl.1')).matchAll(/^\$ (lbctl .*)$/gm)].map(([, line]) => line as string),
};

describe('command lines of the documentation', () => {
  for (const [file, lines] of Object.entries(LINES)) {
    test(`${file} has some`, () => assert.ok(lines.length >= 10, `${lines.length}`));
    for (const line of lines)
      test(`${file}: ${line}`, () => {
        const { work } = parseCommandLine(wordsOf(unredirected(line)).slice(1), {});
        assert.notEqual(work.kind, 'text');
      });
  }

  test('lbctl(1) has all of its examples', () => {
    assert.deepEqual(
      LINES['lbctl(1)'],
      examplesIn(read(EXAMPLES)).map(({ line }) => line),
    );
  });
});

/** That of README.md, with checks that need not be waited for. */
const CONFIG = `
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    scheduler: wrr
    forward: dr
    checks: [ { type: http, path: /healthz, interval: 20ms, timeout: 20ms } ]
    real_servers:
      - { address: 192.0.2.21:80, weight: 10 }
      - { address: 192.0.2.22:80, weight: 10 }
vrrp_instances:
  - { name: VI_1, interface: eth0, virtual_router_id: 51, priority: 150, virtual_addresses: [ 192.0.2.10/24 ] }
`;

/** Beside it: another weight, and one real server more. */
const NEW = CONFIG.replace(
  /192\.0\.2\.22:80, weight: 10 }/,
  '192.0.2.22:80, weight: 5 }\n      - { address: 192.0.2.24:80, weight: 10 }',
);

const MISTAKE = `virtual_servers:
  - name: web
    address: 192.0.2.10:80
    schedular: wrr
    real_servers: [ { address: 192.0.2.21:80, weight: 10 } ]
`;

const OLD = `virtual_server 192.0.2.10 80 {
    delay_loop 5
    lb_algo wrr
    lb_kind DR
    protocol TCP
    alpha
    real_server 192.0.2.21 80 {
        weight 10    # the big one
        notify_up /etc/keepalived/up.sh
        HTTP_GET {
            url {
                path /healthz
                status_code 200
            }
        }
    }
}
`;

const CALM = {
  ...MASTER,
  rejected: [],
  rivals: [],
  announcements: { verify: 'off' as const, text: '' },
};

/** A director with one real server that fails, and lbctl to it. */
async function withDirector(folder: string, run: (lbctlOf: (line: string) => Promise<string>) => Promise<void>): Promise<void> {
  await coreWorld({ file: join(folder, 'lbd.yaml'), text: CONFIG, instance: CALM }, async ({ pool, handlers }) => {
    const table = (text: string) => pool.table().join() === `tcp/192.0.2.10:80: ${text}`;
    await until(() => table('192.0.2.21:80=10 192.0.2.22:80=10'), 'both in');
    pool.down.add('192.0.2.22');
    await until(() => table('192.0.2.21:80=10'), 'one out');
    const socketPath = join(folder, 'lbd.sock');
    const server = await createControlServer({
      socketPath,
      group: undefined,
      peer: () => ({ uid: 0, pid: 1, name: 'anna' }),
      handle: (method, params, caller) => (handlers[method] as (p: unknown, c: object) => Promise<unknown>)(params, caller),
      toError: (error) => (error instanceof Refused ? error.error : undefined),
      warn: () => {},
    });
    const isCalm = async (): Promise<boolean> => {
      const { services } = await handlers.list({}, { name: 'lbd' });
      const servers = services.flatMap((one) => one.real_servers);
      return services.every((one) => one.in_sync) && servers.every(({ verdict }) => verdict.state !== 'unknown');
    };
    try {
      await run(async (line) => {
        // What was changed before has had its checks, and is in the kernel.
        while (!(await isCalm())) await setTimeout(5);
        let said = '';
        const take = (text: string) => {
          said += text;
        };
        const argv = ['--socket', socketPath, ...wordsOf(line).slice(1)];
        await lbctl(argv, { out: take, err: take, env: {}, terminal: undefined });
        return said.replaceAll(folder, '/etc/lbd');
      });
    } finally {
      await server.close();
    }
  });
}

/** Without what differs from run to run: ages, how often a probe has failed, whether one is under way, how many results there are. Columns keep their order. */
const settled = (text: string): string =>
  text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|\d+(?:\.\d+)? ms\b|\b\d+(?:\.\d+)?(?:ms|s|m|h|d)(?:\d+(?:s|m|h))?\b/g, 'TIME')
    .replace(/\brunning now$/gm, 'next in TIME')
    .replace(/\(\d+ of /g, '(N of ')
    .replace(/pid \d+|\d+ under way/g, 'N')
    .replace(/ +/g, ' ')
    .replace(/^(.*\n)\1+/gm, '$1')
    .trimEnd();

test('what lbctl(1) shows is what lbctl prints', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-docs-'));
  const before = process.cwd();
  writeFileSync(join(folder, 'web.yaml'), MISTAKE);
  writeFileSync(join(folder, 'keepalived.conf'), OLD);
  writeFileSync(join(folder, 'new.yaml'), `global: { router_id: d1, state_dir: ${folder}/state }\n${NEW}`);
  process.chdir(folder);
  try {
    await withDirector(folder, async (lbctlOf) => {
      let text = read(EXAMPLES);
      const shown = examplesIn(text).filter(({ output }) => output !== '');
      assert.ok(process.env.LBD_REGENERATE || shown.length >= 5, 'few examples show what they print');
      for (const { line, output } of shown) {
        const said = await lbctlOf(line);
        if (process.env.LBD_REGENERATE) text = text.replace(`$ ${line}\n${output}`, () => `$ ${line}\n${said.trimEnd()}`);
        else assert.equal(settled(said), settled(output), line);
      }
      if (process.env.LBD_REGENERATE) writeFileSync(join(ROOT, EXAMPLES), text);
    });
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
});
