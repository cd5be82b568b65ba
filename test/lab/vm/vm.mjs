// One run of a command in a guest: files for it, qemu, three virtio ports (output, errors, status), and a clean end.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.mjs';
import { LabError, note } from './say.mjs';

const DEFAULT_TIMEOUT_S = 1200;
/** Exit status when the emulated machine itself no longer runs: the command has proved nothing. */
export const STOOD_STILL = 125;
const BOOT_LIMIT_MS = 120_000;
/** The guest gives a sign of life every five seconds; on a machine that is starved it may be late. */
const DEFAULT_SILENCE_S = 150;
const KEPT_VARIABLES =
  /^(HOME|USER|LANG|LC_\w+|TERM|COLUMNS|LINES|CI|NO_COLOR|TZ|NODE_(?!EXTRA_CA_CERTS$)\w+|LBD_(?!LAB_OUT$)\w+)$/;

/** Of the kernel's command line: what costs a guest time and proves nothing. */
const LEAN = 'mitigations=off init_on_alloc=0 apparmor=0 audit=0 nowatchdog transparent_hugepage=never';

/** A word that sh reads back as it was. */
const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

function jobScript(argv) {
  const exports = Object.entries(process.env)
    .filter(([name]) => KEPT_VARIABLES.test(name))
    .map(([name, value]) => `export ${name}=${quote(value ?? '')}`);
  return `${[...exports, `cd ${quote(process.cwd())} || exit 1`, `exec ${argv.map(quote).join(' ')}`].join('\n')}\n`;
}

/** The run's folder lies in the cache: the guest's first process reads it on the host's root. */
function makeRun(argv, lab, out) {
  mkdirSync(join(cacheFolder(), 'runs'), { recursive: true });
  const folder = mkdtempSync(join(cacheFolder(), 'runs', `${process.pid}-`));
  copyFileSync(fileURLToPath(new URL('./guest.sh', import.meta.url)), join(folder, 'guest.sh'));
  writeFileSync(
    join(folder, 'env.sh'),
    `LAB_VERSION=${lab.version}\nLAB_MODULES=${quote(lab.modules)}\nLAB_OUT=${out ? 1 : ''}\n`,
  );
  writeFileSync(join(folder, 'job.sh'), jobScript(argv));
  return folder;
}

function qemuArguments(lab, folder, out) {
  const share = (id, path, extra) =>
    `local,path=${path.replaceAll(',', ',,')},mount_tag=${id},security_model=none,multidevs=remap${extra}`;
  const port = (name) => [
    '-chardev',
    `socket,id=${name},path=${join(folder, name)}`,
    '-device',
    `virtserialport,chardev=${name},name=lab.${name}`,
  ];
  return [
    ['-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', '2', '-m', process.env.LBD_LAB_MEMORY ?? '3072'],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ['-kernel', lab.kernel, '-initrd', lab.initramfs],
    ['-append', `console=ttyS0 quiet panic=-1 ${LEAN} lab.run=${folder}`],
    ['-virtfs', share('root', '/', ',readonly=on')],
    out ? ['-virtfs', share('out', out, '')] : [],
    ['-device', 'virtio-serial-pci'],
    port('out'),
    port('err'),
    port('status'),
  ].flat();
}

/** A socket that qemu connects to; what comes is given to `take`. `ended` resolves when qemu has let go. */
function openPort(path, take) {
  let end;
  const ended = new Promise((resolve) => {
    end = resolve;
  });
  const server = createServer((socket) => {
    socket.on('data', (chunk) => take(chunk, socket));
    socket.on('error', () => {});
    socket.on('close', end);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve({ ended, close: () => server.close() }));
  });
}

/** Passes output on, and lets the guest wait when our reader does. */
const passTo = (stream) => (chunk, socket) => {
  if (stream.write(chunk)) return;
  socket.pause();
  stream.once('drain', () => socket.resume());
};

function secondsOf(variable, usual) {
  const seconds = Number(process.env[variable] ?? usual);
  if (!(seconds > 0)) throw new LabError(`${variable} is ${process.env[variable]}: give seconds`);
  return seconds;
}

/** Calls `still` once when `sign` has not been called for the time. A guest that stands still would hold everything up to the time limit. */
function watchLife(still) {
  const limit = secondsOf('LBD_LAB_SILENCE', DEFAULT_SILENCE_S);
  let timer;
  const sign = () => {
    clearTimeout(timer);
    timer = setTimeout(() => still(limit), limit * 1000);
  };
  return { sign, over: () => clearTimeout(timer) };
}

/** setpriv ends qemu with us, even if we are killed. */
function startQemu(args) {
  const words = existsSync('/usr/bin/setpriv')
    ? ['setpriv', '--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args]
    : ['qemu-system-x86_64', ...args];
  const env = { ...process.env, PATH: `/usr/bin:/bin:${process.env.PATH ?? ''}` };
  return spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env });
}

/** What decides the end of the run: the first of the guest's status, qemu's death, the time limit, a signal to us. */
function waitForEnd(qemu, statusText, console_) {
  return new Promise((resolve) => {
    const limit = secondsOf('LBD_LAB_TIMEOUT', DEFAULT_TIMEOUT_S);
    const life = watchLife((seconds) =>
      resolve({ status: STOOD_STILL, error: `the guest has stood still for ${seconds} s (LBD_LAB_SILENCE): ended` }),
    );
    const began = Date.now();
    const bootTimer = setTimeout(
      () => resolve({ status: STOOD_STILL, error: `the guest did not start within ${BOOT_LIMIT_MS / 1000} s: ${console_()}` }),
      BOOT_LIMIT_MS,
    );
    const timer = setTimeout(
      () => resolve({ status: 124, error: `the command was still running after ${limit} s (LBD_LAB_TIMEOUT): ended` }),
      limit * 1000,
    );
    const onSignal = (signal) => resolve({ status: signal === 'SIGINT' ? 130 : 143, error: undefined });
    process.once('SIGINT', onSignal);
    process.once('SIGTERM', onSignal);
    qemu.once('error', (error) =>
      resolve({ status: 1, error: `cannot start qemu-system-x86_64: ${error.message}; run: sh test/tools/setup.sh lab` }),
    );
    qemu.once('exit', (code, signal) =>
      resolve({ status: 1, error: `the guest ended by itself (${signal ?? `status ${code}`}): ${console_()}` }),
    );
    statusText((line) => {
      life.sign();
      if (line === 'ready') {
        clearTimeout(bootTimer);
        note(`guest ready in ${((Date.now() - began) / 1000).toFixed(1)} s`);
      }
      const match = /^exit (\d+)$/.exec(line);
      if (match) resolve({ status: Number(match[1]), error: undefined });
    });
    const over = () => {
      clearTimeout(timer);
      clearTimeout(bootTimer);
      life.over();
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    };
    qemu.once('exit', over);
    qemu.once('error', over);
  });
}

const lines = (listener) => {
  let rest = '';
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) listener(line.trim());
  };
};

/** Runs argv in a guest; resolves with its exit status. */
export async function runInGuest(argv, lab) {
  const out = process.env.LBD_LAB_OUT;
  if (out !== undefined && !existsSync(out)) throw new LabError(`LBD_LAB_OUT names ${out}, which does not exist`);
  const folder = makeRun(argv, lab, out);
  let listen = () => {};
  const ports = [];
  try {
    ports.push(await openPort(join(folder, 'out'), passTo(process.stdout)));
    ports.push(await openPort(join(folder, 'err'), passTo(process.stderr)));
    ports.push(
      await openPort(
        join(folder, 'status'),
        lines((line) => listen(line)),
      ),
    );
    const qemu = startQemu(qemuArguments(lab, folder, out));
    let said = '';
    const keep = (chunk) => {
      said = (said + chunk.toString()).slice(-4000);
    };
    qemu.stdout?.on('data', keep);
    qemu.stderr?.on('data', keep);
    const lastWords = () => said.trim().split('\n').slice(-6).join(' / ') || 'it said nothing';
    const gone = new Promise((resolve) => {
      qemu.once('exit', resolve);
      qemu.once('error', resolve);
    });
    const end = await waitForEnd(
      qemu,
      (listener) => {
        listen = listener;
      },
      lastWords,
    );
    qemu.kill(end.status === 124 || end.error ? 'SIGKILL' : 'SIGTERM');
    await gone;
    if (qemu.pid)
      await Promise.race([Promise.all(ports.map((port) => port.ended)), new Promise((resolve) => setTimeout(resolve, 2000))]);
    if (end.error) throw Object.assign(new LabError(end.error), { status: end.status });
    return end.status;
  } finally {
    for (const port of ports) port.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
