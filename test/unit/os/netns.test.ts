/** This thread in another network namespace for one call, and always back: needs root, as lbd does. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../../src/os/native.js';
import { inNetns, netnsIdentity } from '../../../src/os/netns.js';
import { AF_INET, inetAddress, SOCK_DGRAM } from '../../../src/os/sockaddr.js';
import { descriptors } from '../../fake/probing.js';

const here = (): string => readlinkSync('/proc/thread-self/ns/net');

describe('inNetns', { skip: process.getuid?.() !== 0 && 'not root' }, () => {
  const other = spawn('unshare', ['-n', 'sh', '-c', 'echo there; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const path = `/proc/${other.pid}/ns/net`;
  before(() => once(other.stdout, 'data'));
  after(() => other.kill('SIGKILL'));

  test('the call is there, and what follows is here', () => {
    const own = here();
    const there = inNetns(path, here);
    assert.equal(there, readlinkSync(path));
    assert.notEqual(there, own);
    assert.equal(here(), own);
    assert.equal(inNetns(undefined, here), own);
    assert.match(netnsIdentity(path), /^\d+:\d+$/);
    assert.notEqual(netnsIdentity(path), netnsIdentity('/proc/self/ns/net'));
  });

  test('what the call throws comes through, and the way back is taken', () => {
    const own = here();
    const error = new Error('mine');
    const fail = () => {
      throw error;
    };
    assert.throws(() => inNetns(path, fail), error);
    assert.equal(here(), own);
  });

  test('no such namespace, a file that is none, and a wrong argument are refused; nothing is left open', () => {
    const had = descriptors();
    for (let i = 0; i < 100; i++) {
      assert.throws(
        () => inNetns('lbd-none', here),
        /^OsError: netns lbd-none: there is no such network namespace on this director$/,
      );
      assert.throws(() => inNetns('/proc/self/ns/mnt', here), /netns \/proc\/self\/ns\/mnt: it is no network namespace$/);
      assert.throws(() => inNetns('/etc/passwd', here), /netns \/etc\/passwd: it is no network namespace$/);
      assert.throws(() => netnsIdentity('lbd-none'), /there is no such network namespace/);
      assert.throws(() => native.inNetns(`/${'x'.repeat(5000)}`, here), /ENAMETOOLONG/);
      assert.throws(() => native.inNetns(path, 7 as never), TypeError);
      assert.throws(() => native.inNetns(7 as never, here), TypeError);
      assert.equal(
        inNetns(path, () => i),
        i,
      );
    }
    assert.equal(descriptors(), had);
  });

  test('where there is no way back the process ends, and says so', () => {
    const module = fileURLToPath(new URL('../../../src/os/native.js', import.meta.url));
    // The call closes the descriptor by which the thread would come back.
    const script = `
      import { readdirSync, readlinkSync } from 'node:fs';
      const { native } = await import(process.argv[1]);
      const own = readlinkSync('/proc/thread-self/ns/net');
      native.inNetns(process.argv[2], () => {
        for (const fd of readdirSync('/proc/self/fd')) {
          try { if (readlinkSync('/proc/self/fd/' + fd) === own) native.close(Number(fd)); } catch {}
        }
      });
      console.log('goes on');`;
    const argv = ['--input-type=module', '-e', script, module, path];
    const { signal, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    assert.equal(signal, 'SIGABRT');
    assert.match(stderr, /lbd no way back from the network namespace of a check: Bad file descriptor/);
    assert.equal(stdout, '');
  });

  test('a socket made there is there, one of ours is not', () => {
    // A namespace without any interface but a loopback that is down.
    const reach = (fd: number) => {
      const answer = native.connect(fd, inetAddress('127.0.0.1', 9));
      native.close(fd);
      return answer;
    };
    assert.equal(reach(inNetns(path, () => native.socket(AF_INET, SOCK_DGRAM, 0))), -101);
    assert.equal(reach(native.socket(AF_INET, SOCK_DGRAM, 0)), 0);
  });
});
