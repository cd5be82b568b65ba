// What the lab needs besides Debian packages of the host: an unpacked kernel with its modules, a static busybox, and an initramfs.
// All of it lies in one folder outside the tree; it is made once, under a lock, and appears by a rename.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { makeArchive } from './cpio.mjs';
import { LabError, step } from './say.mjs';
import { unpackKernel } from './vmlinux.mjs';

const execute = promisify(execFile);

/** Changes whenever the content of the cache does: an older cache is made anew. */
const LAYOUT = 1;
/** Modules that the guest needs before it sees the host's root. */
const EARLY_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const LOCK_STALE_MS = 15 * 60_000;

export const cacheFolder = () =>
  process.env.LBD_LAB_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbd-lab');

/** Runs a program; its last words become the reason of a failure. Debian's own tools first, whatever PATH says. */
export async function tool(what, program, args, options = {}) {
  const env = { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`, LC_ALL: 'C' };
  try {
    const { stdout } = await execute(program, args, { maxBuffer: 1 << 26, env, ...options });
    return stdout;
  } catch (error) {
    if (error.code === 'ENOENT') throw new LabError(`${what}: ${program} is missing; run: sh test/tools/setup.sh lab`);
    const words = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .slice(-3)
      .join(' / ');
    throw new LabError(`${what} failed: ${words}`);
  }
}

const updateLists = () => tool('reading the package lists', 'apt-get', ['update', '-qq']);

async function findKernelPackage() {
  const text = await tool('looking for the kernel package', 'apt-cache', ['depends', 'linux-image-amd64']).catch(() => '');
  return /Depends: (linux-image-\d\S+)/.exec(text)?.[1];
}

/** A new machine has no package lists yet. */
async function kernelPackage() {
  const known = await findKernelPackage();
  if (known) return known;
  const done = step('reading the package lists');
  await updateLists();
  done();
  const name = await findKernelPackage();
  if (!name) throw new LabError('apt has no package linux-image-amd64: the lab needs Debian on amd64');
  return name;
}

async function download(folder, names) {
  const get = () => tool('the download', 'apt-get', ['download', ...names], { cwd: folder });
  // _apt may not write below a home folder; apt then only warns and downloads as root, which is fine here.
  await get().catch(async () => {
    await updateLists();
    await get();
  });
}

async function unpack(folder) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    await tool(`unpacking ${file}`, 'dpkg-deb', ['-x', join(folder, file), join(folder, 'root')]);
    rmSync(join(folder, file));
  }
}

function modulesFolder(folder) {
  for (const base of ['root/lib/modules', 'root/usr/lib/modules']) if (existsSync(join(folder, base))) return join(folder, base);
  throw new LabError('the kernel package holds no modules');
}

/** The files that loading these modules takes, in order. */
async function moduleFiles(root, version, names) {
  const files = [];
  for (const name of names) {
    const text = await tool('resolving modules', 'modprobe', ['-d', root, '-S', version, '--show-depends', name]);
    for (const [, file] of text.matchAll(/^insmod (\S+)/gm)) if (!files.includes(file)) files.push(file);
  }
  return files;
}

async function moduleBytes(file) {
  if (!file.endsWith('.xz')) return readFileSync(file);
  const { stdout } = await execute('xz', ['-dc', file], { encoding: 'buffer', maxBuffer: 1 << 26 });
  return stdout;
}

const initScript = (modules) => `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /lower /rw /new
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
${modules.map((name) => `/bin/busybox insmod /modules/${name}`).join('\n')}
fail() { echo "LAB-FAILED: $1" > /dev/ttyS0; /bin/busybox poweroff -f; }
/bin/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /lower || fail "cannot mount the host's root"
/bin/busybox mount -t tmpfs -o size=80% rw /rw
/bin/busybox mkdir /rw/up /rw/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/rw/up,workdir=/rw/work overlay /new || fail "cannot mount the overlay"
run=
for word in $(/bin/busybox cat /proc/cmdline); do case $word in lab.run=*) run=\${word#lab.run=};; esac; done
/bin/busybox umount /proc
exec /bin/busybox switch_root /new /bin/sh "$run/guest.sh" "$run" < /dev/ttyS0 > /dev/ttyS0 2>&1
`;

async function makeInitramfs(folder, version) {
  const files = await moduleFiles(join(folder, 'root'), version, EARLY_MODULES);
  const modules = files.map((file) => basename(file).replace(/\.xz$/, ''));
  const busybox = ['root/bin/busybox', 'root/usr/bin/busybox'].map((path) => join(folder, path)).find((path) => existsSync(path));
  if (!busybox) throw new LabError('the package busybox-static holds no busybox');
  const contents = await Promise.all(files.map(moduleBytes));
  return makeArchive({
    directories: ['bin', 'dev', 'modules'],
    files: [
      ['bin/busybox', 0o755, readFileSync(busybox)],
      ['init', 0o755, Buffer.from(initScript(modules))],
      ...contents.map((data, i) => [`modules/${modules[i]}`, 0o644, data]),
    ],
    links: [],
    devices: [
      ['dev/console', 0o600, 5, 1],
      ['dev/ttyS0', 0o600, 4, 64],
    ],
  });
}

async function fill(folder) {
  const name = await kernelPackage();
  let done = step(`downloading ${name} and busybox-static`);
  await download(folder, [name, 'busybox-static']);
  done();
  done = step('unpacking them');
  await unpack(folder);
  const modules = modulesFolder(folder);
  const version = readdirSync(modules)[0];
  if (modules.includes('/usr/')) await tool('linking modules', 'ln', ['-sfn', 'usr/lib', join(folder, 'root/lib')]);
  await tool('indexing the modules', 'depmod', ['-b', join(folder, 'root'), version]);
  writeFileSync(join(folder, 'initramfs'), await makeInitramfs(folder, version));
  writeFileSync(join(folder, 'lab.json'), JSON.stringify({ layout: LAYOUT, package: name, version }));
  done();
}

function ready(folder) {
  try {
    const { layout, version } = JSON.parse(readFileSync(join(folder, 'lab.json'), 'utf8'));
    if (layout !== LAYOUT) return undefined;
    const kernel = join(folder, `root/boot/vmlinuz-${version}`);
    return existsSync(kernel)
      ? { kernel, initramfs: join(folder, 'initramfs'), modules: join(modulesFolder(folder), version), version }
      : undefined;
  } catch {
    return undefined;
  }
}

const alive = (pid) => existsSync(`/proc/${pid}`);

/** A folder is the lock: making one is atomic. A holder that is gone, or older than any download, has lost it. */
async function locked(lock, work) {
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new LabError(`cannot make ${lock}: ${error.message}`);
    }
    const pid = (() => {
      try {
        return Number(readFileSync(join(lock, 'pid'), 'utf8'));
      } catch {
        return 0;
      }
    })();
    const age = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
    if ((pid && !alive(pid)) || age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
    else await new Promise((resolve) => setTimeout(resolve, 300));
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** `lab` with the kernel unpacked, where that can be. Who comes at the same time makes the same. */
function unpacked(folder, lab) {
  const file = join(folder, `vmlinux-${lab.version}`);
  if (!existsSync(file)) {
    const bytes = unpackKernel(readFileSync(lab.kernel));
    if (!bytes) return lab;
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, bytes);
    renameSync(fresh, file);
  }
  return { ...lab, kernel: file };
}

/** {kernel, initramfs, modules, version}: paths in the cache, made at first use. */
export async function prepare() {
  const cache = cacheFolder();
  const folder = join(cache, 'kernel');
  const present = ready(folder);
  if (present) return unpacked(folder, present);
  mkdirSync(cache, { recursive: true });
  await locked(join(cache, 'lock'), async () => {
    if (ready(folder)) return;
    const fresh = join(cache, `new-${process.pid}`);
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    try {
      await fill(fresh);
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });
  const made = ready(folder);
  if (!made) throw new LabError(`the lab's cache ${folder} is not usable; remove it and try again`);
  return unpacked(folder, made);
}
