/** Completion in the shells themselves: what they offer, and what arrives at lbctl after a key was pressed. */
import '../../fake/version.js';
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describeProgram } from '../../../src/cli/described.js';
import { wholeProgram } from '../../../src/cli/grammar.js';
import { lbctl } from '../../../src/cli/lbctl.js';
import { SHELLS, type Shell } from '../../../src/cli/words.js';
import { type FakeDaemon, startFakeDaemon, startRawServer } from '../../fake/control.js';

const LBCTL = fileURLToPath(new URL('../../../../bin/lbctl', import.meta.url));
const COMMANDS = describeProgram(wholeProgram()).commands.map(({ name }) => name);

/** Undefined: it is not on this machine. */
const programOf = (name: string): string | undefined =>
  ['/usr/bin', '/bin', '/usr/local/bin'].map((folder) => join(folder, name)).find((file) => existsSync(file));
const absent = (...names: readonly string[]) => {
  const missing = names.filter((name) => programOf(name) === undefined);
  return missing.length > 0 && `there is no ${missing.join(', no ')}`;
};

const KEYS: Readonly<Record<string, string>> = {
  web: 'tcp/192.0.2.10:80',
  web6: 'tcp/[2001:db8::10]:80',
  dns: 'udp/192.0.2.53:53',
};
const SERVERS: Readonly<Record<string, readonly string[]>> = {
  web: ['10.0.0.21:80', '10.0.0.22:80', '192.0.2.7:8080'],
  web6: ['[2001:db8::21]:80', '[2001:db8::42]:80'],
};

let daemon: FakeDaemon;
let folder: string;
before(async () => {
  daemon = await startFakeDaemon({
    names: ({ service = '' }) => ({
      services: Object.entries(KEYS).map(([name, key]) => ({ name, keys: [key] })),
      real_servers: SERVERS[service] ?? SERVERS[Object.keys(KEYS).find((name) => KEYS[name] === service) ?? ''] ?? [],
      hosts: ['10.0.0.21', '10.0.0.22', '192.0.2.7', '2001:db8::21'],
      instances: ['VI_1', 'VI_6'],
    }),
  });
  folder = mkdtempSync(join(tmpdir(), 'lbd-completion-'));
  for (const shell of SHELLS) writeFileSync(join(folder, `lbctl.${shell}`), await scriptFor(shell));
  for (const name of ['bin', 'files', 'zsh']) mkdirSync(join(folder, name));
  for (const name of ['lbd.yaml', 'with space.yaml']) writeFileSync(join(folder, 'files', name), '');
  // Says what arrived; names come from the real one.
  const stub = [
    '#!/bin/sh',
    `case "$1" in __complete) exec ${LBCTL} "$@" ;; esac`,
    'for word in "$@"; do list="$list<$word>"; done',
    'printf "\\nARRIVED %s.\\n" "$list"',
  ];
  writeFileSync(join(folder, 'bin', 'lbctl'), `${stub.join('\n')}\n`, { mode: 0o755 });
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

async function scriptFor(shell: Shell): Promise<string> {
  let said = '';
  const out = (part: string) => {
    said += part;
  };
  assert.equal(await lbctl(['completion', shell], { out, err: assert.fail, env: {}, terminal: undefined }), 0);
  return said;
}

const environment = () => ({
  PATH: [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
  HOME: folder,
  ZDOTDIR: join(folder, 'zsh'),
  LBD_SOCKET: daemon.socketPath,
  TERM: 'xterm',
  LC_ALL: 'C.UTF-8',
  HISTFILE: '',
});

/** What is offered for a line that ends at the cursor: `…` stands for all of a kind. */
const OFFERED: Readonly<Record<string, readonly string[]>> = {
  'lbctl ': [...COMMANDS, 'help'],
  'lbctl help ': COMMANDS,
  'lbctl check-c': ['check-config'],
  'lbctl -o json sho': ['show'],
  'lbctl --reason "a b" sho': ['show'],
  'lbctl show ': Object.keys(KEYS),
  'lbctl show w': ['web', 'web6'],
  'lbctl sho w': ['web', 'web6'],
  'lbctl show web 10.0.0.2': ['10.0.0.21:80', '10.0.0.22:80'],
  'lbctl drain --deadline 10m web 1': ['10.0.0.21:80', '10.0.0.22:80', '192.0.2.7:8080'],
  'lbctl show web --output ': ['table', 'json', 'yaml', 'wide'],
  'lbctl vrrp ': ['VI_1', 'VI_6'],
  'lbctl failover x': [],
  'lbctl add-vs n 192.0.2.1:80 --scheduler s': ['sh', 'sed'],
  'lbctl add-rs web 10.0.0.9:80 --forward ': ['nat', 'dr', 'tun'],
  'lbctl drain --sticky ': ['honour', 'break'],
  'lbctl drain --host 10.0': ['10.0.0.21', '10.0.0.22'],
  'lbctl completion ': ['bash', 'zsh', 'fish'],
  'lbctl why VI_6': ['VI_6'],
  'lbctl set-rs web 10.0.0.21:80 --wei': ['--weight'],
  'lbctl events --f': ['--follow'],
  'lbctl drain -- --': [],
  'lbctl -- failo': ['failover'],
  'lbctl add-rs web ': [],
  'lbctl set-rs web 10.0.0.21:80 --weight ': [],
  'lbctl list web dns ': [],
  'lbctl nonsense ': [],
  'lbctl --socket /nonexistent/s show ': [],
  'lbctl --socket=/nonexistent/s show w': [],
};

interface Typed {
  /** The keys, without those that complete. */
  readonly keys: string;
  readonly arrives: readonly string[];
}

/** One key completes each of these. */
const TYPED: readonly Typed[] = [
  { keys: 'lbctl sta\tu\t', arrives: ['status'] },
  { keys: 'lbctl show dn\t', arrives: ['show', 'dns'] },
  { keys: 'lbctl show web 192\t', arrives: ['show', 'web', '192.0.2.7:8080'] },
  { keys: 'lbctl show web 192.0.2.7:\t', arrives: ['show', 'web', '192.0.2.7:8080'] },
  { keys: 'lbctl show web "192.0\t', arrives: ['show', 'web', '192.0.2.7:8080'] },
  { keys: "lbctl drain 'web6' '[2001:db8::4\t", arrives: ['drain', 'web6', '[2001:db8::42]:80'] },
  { keys: 'lbctl drain web6 \t2\t', arrives: ['drain', 'web6', '[2001:db8::21]:80'] },
  { keys: 'lbctl why web6/\\[2001:db8::4\t', arrives: ['why', 'web6/[2001:db8::42]:80'] },
  { keys: 'lbctl why udp\t', arrives: ['why', 'udp/192.0.2.53:53'] },
  { keys: 'lbctl list --host=192\t', arrives: ['list', '--host=192.0.2.7'] },
  { keys: 'lbctl list --output=w\t', arrives: ['list', '--output=wide'] },
  { keys: 'lbctl check-config files/wi\t', arrives: ['check-config', 'files/with space.yaml'] },
  { keys: 'lbctl --output json sho\tdn\t', arrives: ['--output', 'json', 'show', 'dns'] },
];

/** An interactive shell on a terminal of its own. */
class Terminal {
  readonly child: ChildProcess;
  said = '';

  constructor(command: string) {
    this.child = spawn('script', ['-qfec', command, '/dev/null'], {
      cwd: folder,
      env: environment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      this.said += part;
    });
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  /** Resolves when it has said that, after a place in what it said. */
  async sees(pattern: RegExp, from: number): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said.slice(from));
      if (found) return found;
      assert.equal(this.child.exitCode, null, `the shell has ended: ${this.said}`);
      await once(this.child.stdout as NodeJS.ReadableStream, 'data', { signal: AbortSignal.timeout(10_000) }).catch(() =>
        assert.fail(`${pattern} was not seen in: ${JSON.stringify(this.said.slice(from))}`),
      );
    }
  }

  async end(): Promise<void> {
    this.type('exit\r');
    await once(this.child, 'close');
  }
}

/** Types each line, and asserts what arrived. */
async function typing(command: string, lines: readonly Typed[]): Promise<void> {
  const terminal = new Terminal(command);
  await terminal.sees(/READY> /, 0);
  for (const { keys, arrives } of lines) {
    const from = terminal.said.length;
    terminal.type(`${keys}\r`);
    const [, words] = await terminal.sees(/ARRIVED (.*)\.\r?\n[\s\S]*READY> /, from);
    assert.equal(words, arrives.map((word) => `<${word}>`).join(''), JSON.stringify(keys));
  }
  await terminal.end();
}

const SEPARATOR = '\u001e';

/** Many lines in one process; the daemon of the test answers meanwhile. */
async function offers(program: string, args: readonly string[]): Promise<readonly (readonly string[])[]> {
  const child = spawn(program, args, { cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const said = await text(child.stdout);
  return said
    .split(`${SEPARATOR}\n`)
    .slice(0, -1)
    .map((one) => one.split('\n').filter((line) => line !== ''));
}

function assertOffered(found: readonly (readonly string[])[]): void {
  const lines = Object.keys(OFFERED);
  assert.equal(found.length, lines.length);
  for (const [i, line] of lines.entries())
    assert.deepEqual([...(found[i] as readonly string[])].sort(), [...(OFFERED[line] as readonly string[])].sort(), line);
}

const single = (word: string): string => `'${word.replace(/'/g, "'\\''")}'`;

describe('bash', { skip: absent('bash') }, () => {
  test('what is offered', async () => {
    const code = [
      "COMP_WORDBREAKS=$' \\t\\n\"\\'@><=;|&(:'",
      'source ./lbctl.bash',
      `offer() { COMP_LINE=$1 COMP_POINT=\${#1}; _lbctl lbctl; printf '%s\\n' "\${COMPREPLY[@]}" $'\\x1e'; }`,
      ...Object.keys(OFFERED).map((line) => `offer ${single(line)}`),
    ];
    assertOffered(await offers('bash', ['-c', code.join('\n')]));
  });

  test('what arrives', { skip: absent('script') }, async () => {
    writeFileSync(join(folder, 'bashrc'), 'PS1="READY> "\nbind "set enable-bracketed-paste off"\nsource ./lbctl.bash\n');
    await typing('bash --noprofile --rcfile bashrc -i', TYPED);
  });

  test('what arrives where a colon breaks no words', { skip: absent('script') }, async () => {
    writeFileSync(join(folder, 'bashrc2'), `COMP_WORDBREAKS=\${COMP_WORDBREAKS//:}\nsource ./bashrc\n`);
    await typing('bash --noprofile --rcfile bashrc2 -i', TYPED);
  });
});

describe('zsh', { skip: absent('zsh', 'script') }, () => {
  const rc = (lines: readonly string[]) =>
    writeFileSync(join(folder, 'zsh', '.zshrc'), `${['PS1="READY> "', 'unset zle_bracketed_paste', ...lines].join('\n')}\n`);

  test('what arrives', async () => {
    rc(['autoload -Uz compinit', `compinit -u -d ${join(folder, 'zsh', 'dump')}`, 'source ./lbctl.zsh']);
    await typing('zsh -d -i', TYPED);
  });

  test('what arrives when it is found by itself, in a folder of fpath', async () => {
    mkdirSync(join(folder, 'functions'));
    writeFileSync(join(folder, 'functions', '_lbctl'), await scriptFor('zsh'));
    rc([
      `fpath=(${join(folder, 'functions')} $fpath)`,
      'autoload -Uz compinit',
      `compinit -u -d ${join(folder, 'zsh', 'dump2')}`,
    ]);
    await typing('zsh -d -i', TYPED.slice(0, 3));
  });
});

describe('fish', { skip: absent('fish') }, () => {
  test('what is offered, with what it is', async () => {
    const code = ['source ./lbctl.fish', ...Object.keys(OFFERED).map((line) => `complete -C ${single(line)}; printf '\\x1e\\n'`)];
    const found = await offers('fish', ['-N', '-c', code.join('\n')]);
    assertOffered(found.map((lines) => lines.map((one) => one.replace(/\t.*/, ''))));
    assert.ok(found[0]?.includes('status\trole, addresses, problems worst first, services at a glance'));
    assert.ok(found[Object.keys(OFFERED).indexOf('lbctl show ')]?.includes(`web\t${KEYS.web}`));
  });

  test('what arrives', { skip: absent('script') }, async () => {
    const config = join(folder, '.config', 'fish');
    mkdirSync(config, { recursive: true });
    // It would read all manual pages of this machine in the background.
    mkdirSync(join(folder, '.local', 'share', 'fish', 'generated_completions'), { recursive: true });
    const lines = ['function fish_prompt; printf "READY> "; end', 'function fish_greeting; end', 'source ./lbctl.fish'];
    writeFileSync(join(config, 'config.fish'), `${lines.join('\n')}\n`);
    await typing('fish -i', TYPED);
  });
});

describe('the names', () => {
  const names = async (...argv: readonly string[]) => {
    let said = '';
    const out = (part: string) => {
      said += part;
    };
    const status = await lbctl(['__complete', ...argv], { out, err: assert.fail, env: {}, terminal: undefined });
    return { status, said };
  };

  test('silent where there is no daemon, one of another kind, or one that does not answer', async () => {
    const mute = await startRawServer(() => {});
    const other = await startRawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    for (const socket of ['/nonexistent/s', '/etc/passwd', mute.socketPath, other.socketPath])
      assert.deepEqual(await names('--socket', socket, 'services'), { status: 0, said: '' });
    for (const kind of ['nonsense', 'constructor', ''])
      assert.deepEqual(await names('--socket', daemon.socketPath, kind), { status: 0, said: '' });
    await mute.close();
    await other.close();
  });

  test('no help tells of the command that gives them, and no script completes it', async () => {
    const { status, stdout } = spawnSync(LBCTL, ['--help', '--socket', '/nonexistent/s'], {
      encoding: 'utf8',
      env: environment(),
    });
    assert.deepEqual([status, stdout.includes('__complete')], [0, false]);
    for (const shell of SHELLS) assert.doesNotMatch(await scriptFor(shell), /^_*lbctl_commands.*__complete/m);
  });
});
