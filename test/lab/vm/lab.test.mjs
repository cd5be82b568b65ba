// The lab proves itself: argv, streams, status, signals, limits, and a kernel with IPVS. `node --test test/lab/vm/lab.test.mjs`
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cacheFolder, prepare } from './cache.mjs';
import { unpackKernel } from './vmlinux.mjs';

const LAB = fileURLToPath(new URL('./lab.mjs', import.meta.url));
async function lab(argv, env = {}) {
  const child = spawn(process.execPath, [LAB, '--', ...argv], {
    env: { ...process.env, LBD_LAB: 'vm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, status };
}

// A boot keeps less than both cores busy: two at a time.
describe('the lab', { concurrency: 2 }, () => {
  // What a new machine has to download is told where the command's own words are compared.
  before(prepare);

  test('words, streams, status: as on the host; what is written does not reach it', async () => {
    const words = ['a b', '', `q'"x`, 'new\nline', 'ü$HOME`x`\\'];
    const script = `
    process.stdout.write(JSON.stringify(process.argv.slice(1)) + '\\r\\nend\\n\\n');
    process.stderr.write('to stderr');
    require('fs').writeFileSync('/root/lbd-lab-selftest', 'x');
    process.exitCode = 7;`;
    const result = await lab(['node', '-e', script, ...words]);
    assert.equal(result.stdout, `${JSON.stringify(words)}\r\nend\n\n`);
    assert.equal(result.stderr, 'to stderr');
    assert.equal(result.status, 7);
    assert.ok(!existsSync('/root/lbd-lab-selftest'));
  });

  test('IPVS, namespaces, tools and the writable folder', async () => {
    const out = mkdtempSync(join(tmpdir(), 'lbd-lab-'));
    const script = `
    set -e
    ipvsadm -A -t 10.0.0.1:80 -s rr && ipvsadm -Ln | grep -q 10.0.0.1:80
    ip netns add x && ip link add veth0 type veth peer name veth1 netns x && ip link add br0 type bridge && ip link set veth0 master br0
    ip netns exec x ip link show veth1 >/dev/null
    for tool in keepalived curl tcpdump python3 nft; do command -v $tool >/dev/null; done
    test -e /dev/fd/1 && echo again > /dev/stdout
    sleep 600 & echo done > "$LBD_LAB_OUT/result"`;
    const result = await lab(['sh', '-c', script], { LBD_LAB_OUT: out });
    assert.equal(result.stderr, '');
    assert.equal(result.stdout, 'again\n');
    assert.equal(result.status, 0);
    assert.equal(readFileSync(join(out, 'result'), 'utf8'), 'done\n');
    rmSync(out, { recursive: true });
  });

  test('a signal is 128 + its number; a command that takes too long is ended with 124', async () => {
    assert.equal((await lab(['sh', '-c', 'kill -KILL $$'])).status, 137);
    const late = await lab(['sleep', '600'], { LBD_LAB_TIMEOUT: '6' });
    assert.equal(late.status, 124);
    assert.match(late.stderr, /still running after 6 s/);
  });

  test('a guest that stands still is ended with 125, long before the time limit', async () => {
    const child = spawn(process.execPath, [LAB, '--', 'sh', '-c', 'echo up; sleep 600'], {
      env: { ...process.env, LBD_LAB: 'vm', LBD_LAB_SILENCE: '12' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
    const [qemu] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
    process.kill(Number(qemu), 'SIGSTOP');
    assert.equal(await ended, 125);
    assert.match(said, /the guest has stood still for 12 s/);
  });

  test('the end of the launcher is the end of the guest, and nothing is left', async () => {
    const child = spawn(process.execPath, [LAB, '--', 'sh', '-c', 'echo up; sleep 600'], {
      env: { ...process.env, LBD_LAB: 'vm' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill('SIGTERM');
    assert.equal(await ended, 143);
    const left = readdirSync(join(cacheFolder(), 'runs')).filter((name) => name.startsWith(`${child.pid}-`));
    assert.deepEqual(left, []);
  });

  test('a kernel is started unpacked where that is possible, else as it is', async () => {
    assert.match((await prepare()).kernel, /\/vmlinux-/, "Debian's");
    const imageOf = (bytes, program = 'xz') => {
      const packed = Buffer.concat([spawnSync(program, ['-c'], { input: bytes }).stdout, Buffer.alloc(4)]);
      const image = Buffer.alloc(1024 + packed.length);
      image[0x1f1] = 1;
      image.write('HdrS', 0x202, 'latin1');
      image.writeUInt32LE(packed.length, 0x24c);
      packed.copy(image, 1024);
      return image;
    };
    const bootable = Buffer.concat([
      Buffer.alloc(4096),
      Buffer.from('04000000080000001200000058656e00', 'hex'),
      Buffer.alloc(4096),
    ]);
    assert.deepEqual(unpackKernel(imageOf(bootable)), bootable);
    assert.equal(unpackKernel(imageOf(bootable, 'gzip')), undefined);
    assert.equal(unpackKernel(imageOf(Buffer.alloc(8192))), undefined);
    assert.equal(unpackKernel(imageOf(bootable).subarray(0, 1100)), undefined);
    assert.equal(unpackKernel(Buffer.alloc(16)), undefined);
  });

  test('a wrong setting is one clear line', async () => {
    const wrong = await lab(['true'], { LBD_LAB: 'cloud' });
    assert.deepEqual([wrong.status, wrong.stderr], [1, 'lab: LBD_LAB is "cloud": give vm or host\n']);
    assert.equal(spawnSync(process.execPath, [LAB], { encoding: 'utf8' }).status, 2);
  });
});
