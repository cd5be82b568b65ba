/** What the build makes: a bundle for each part, none of which needs another one, and the code of those that a start loads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parserEnv } from '../../../src/daemon/config-child.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DIST = join(ROOT, 'dist');
/** As bin/lbd and the supervisor start it: code is of the same flags. */
const FLAGS = ['--v8-pool-size=1'];
const { NODE_OPTIONS: _unused, ...env } = process.env;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A tree with these bundles alone, and the addon; what is returned is its dist. */
function treeOf(...names: readonly string[]): string {
  const tree = mkdtempSync(join(tmpdir(), 'lbd-dist-'));
  folders.push(tree);
  symlinkSync(join(ROOT, 'build'), join(tree, 'build'));
  writeFileSync(join(tree, 'package.json'), '{}');
  mkdirSync(join(tree, 'dist'));
  for (const name of names) copyFileSync(join(DIST, `${name}.cjs`), join(tree, 'dist', `${name}.cjs`));
  return join(tree, 'dist');
}

function node(args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...FLAGS, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const STARTED: Readonly<Record<string, string>> = {
  'lbd-core': 'runCore',
  'lbd-check': 'runCheckProcess',
  'lbd-vrrp': 'runVrrpProcess',
  'lbd-parse': 'parseConfig',
};

describe('bundles', () => {
  for (const [name, main] of Object.entries({
    ...STARTED,
    'lbd-doctor': 'doctorMain',
    'lbd-http': 'createHttpServer',
    'lbctl-check-config': 'checkConfigFile',
    'lbctl-yaml': 'stringify',
  }))
    test(`${name} loads by itself`, () => {
      const result = node(['-p', `typeof require(${JSON.stringify(join(treeOf(name), `${name}.cjs`))}).${main}`]);
      assert.deepEqual(result, { status: 0, stdout: 'function\n', stderr: '' });
    });

  test('none is loaded by import(), which a script from a code cache has not', () => {
    for (const name of readdirSync(DIST).filter((one) => one.endsWith('.cjs')))
      assert.doesNotMatch(readFileSync(join(DIST, name), 'utf8'), /\bimport\("\.\//, name);
  });

  test('lbd starts with none of them', () => {
    const start = `require(${JSON.stringify(join(treeOf('lbd'), 'lbd.cjs'))}).main(['--help'])`;
    assert.match(node(['-e', start]).stdout, /^lbd - /);
  });

  test('the processes that must stay small carry nothing of the others', () => {
    const packages = (name: string) =>
      new Set(readFileSync(join(DIST, `${name}.cjs`), 'utf8').match(/(?<=node_modules\/)(?:@[\w-]+\/)?[\w-]+(?=\/)/g));
    for (const [name, never] of Object.entries({
      'lbd-vrrp': ['yaml', 'commander', 'pino', 'fastify', 'dns-packet'],
      'lbd-check': ['yaml', 'commander', 'pino', 'fastify'],
      'lbd-core': ['yaml', 'fastify', 'dns-packet'],
    }))
      assert.deepEqual(
        never.filter((one) => packages(name).has(one)),
        [],
        name,
      );
    assert.ok(packages('lbd-vrrp').has('netlink'), 'names of packages are found');
  });

  for (const name of Object.keys(STARTED))
    test(`the code of ${name}, as the build makes it, is what a start takes`, () => {
      const dist = treeOf(name);
      const made = node([join(ROOT, 'test/tools/code-cache.mjs'), name, dist]);
      assert.deepEqual(made, { status: 0, stdout: '', stderr: '' });
      const open = `import('${join(DIST, 'src/os/code-cache.js')}').then(({ openBundle }) =>
        console.log(openBundle('${join(dist, `${name}.cjs`)}', console.log).code))`;
      assert.deepEqual(node(['-e', open]), { status: 0, stdout: 'used\n', stderr: '' });
      assert.ok(existsSync(join(DIST, `${name}.cache`)), 'the build made it');
    });

  test('a damaged one: lbd starts, and says it', () => {
    const dist = treeOf('lbd', 'lbd-config', 'lbd-parse');
    writeFileSync(join(dist, 'lbd-parse.cache'), readFileSync(join(DIST, 'lbd-parse.cache')).fill(0, 4000, 4100));
    const parse = [join(dist, 'lbd-config.cjs'), join(ROOT, 'conf/lbd.yaml')];
    const { status, stdout, stderr } = node(parse);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout).problems, []);
    assert.match(stderr, /^lbd: \S+lbd-parse\.cache is ignored: it is damaged/);
  });
});

test('the parser knows NODE_EXTRA_CA_CERTS as check-config does, though Node.js need not read the certificates for it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-ca-'));
  folders.push(folder);
  const file = join(folder, 'lbd.yaml');
  const instance = '{ name: VI_1, interface: eth0, virtual_router_id: 1, virtual_addresses: [ 192.0.2.1/24 ] }';
  writeFileSync(file, `global: { router_id: "\${NODE_EXTRA_CA_CERTS}" }\nvrrp_instances: [ ${instance} ]\n`);
  const before = process.env.NODE_EXTRA_CA_CERTS;
  process.env.NODE_EXTRA_CA_CERTS = 'certs';
  try {
    assert.equal(parserEnv().NODE_EXTRA_CA_CERTS, undefined);
    const { stdout } = spawnSync(process.execPath, [join(DIST, 'lbd-config.cjs'), file], { env: parserEnv(), encoding: 'utf8' });
    assert.equal(JSON.parse(stdout).config?.global.routerId, 'certs', stdout);
  } finally {
    if (before === undefined) delete process.env.NODE_EXTRA_CA_CERTS;
    else process.env.NODE_EXTRA_CA_CERTS = before;
  }
});
