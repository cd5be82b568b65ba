/** The rules of the house that prose cannot keep: who may import whom, no cycles, a pure thinking half, and the size budget. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The compiled test lies in dist/test; the sources are two levels up. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What each room may import, beside itself. `types` in a value list means type-only imports of that room. */
const MAY: Readonly<Record<string, { values: readonly string[]; types: readonly string[]; packages: readonly string[] }>> = {
  base: { values: [], types: [], packages: [] },
  wire: { values: ['base'], types: ['ipvs', 'config'], packages: [] },
  config: { values: ['base'], types: ['intent'], packages: ['yaml', 'valibot'] },
  intent: { values: ['base', 'config', 'ipvs'], types: [], packages: [] },
  health: { values: ['base'], types: ['config'], packages: [] },
  pool: { values: ['base', 'config', 'health', 'ipvs'], types: ['intent'], packages: [] },
  ipvs: { values: ['base'], types: ['wire'], packages: [] },
  vrrp: { values: ['base'], types: ['config', 'wire'], packages: [] },
  os: {
    values: ['base', 'wire'],
    types: ['config', 'intent', 'health', 'ipvs', 'vrrp', 'control'],
    packages: ['netlink', 'dns-packet'],
  },
  control: { values: ['base'], types: ['config', 'intent', 'health', 'ipvs', 'vrrp'], packages: ['fastify'] },
  cli: { values: ['base', 'control', 'config'], types: ['intent', 'os'], packages: ['commander', 'yaml'] },
  daemon: {
    values: ['base', 'wire', 'config', 'intent', 'health', 'pool', 'ipvs', 'vrrp', 'os', 'control'],
    types: ['cli'],
    packages: ['pino', 'valibot'],
  },
};
/**
 * os speaks of services and operations by the values of ipvs/types.ts, which holds only names and keys; lbctl check-config reads
 * files as the daemon does.
 */
const VALUE_LEAVES = new Set(['ipvs/types.ts', 'os/config-files.ts', 'os/keepalived-files.ts', 'os/named-files.ts']);
/** core runs command lines for lbctl; it loads the grammar when its start is over, and no other process does. */
const LAZY: Readonly<Record<string, string>> = { 'daemon/core/command-line.ts': 'cli/served.ts' };
const PURE = ['base', 'wire', 'config', 'intent', 'health', 'pool', 'ipvs', 'vrrp'];
const NODE_ALLOWED_IN_PURE = new Set(['node:crypto']);
const FORBIDDEN_IN_PURE =
  /\b(process\.|Date\.now|new Date|performance\.|setTimeout|setInterval|setImmediate|Math\.random|console\.|Buffer\b)/;

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

interface Source {
  /** Path below src. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function readImports(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^;]*?)\s*from\s+'([^']+)';/gms)) {
    const names = /\{([^}]*)\}/.exec(match[2] as string)?.[1];
    const eachIsType = names?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false;
    found.push({ target: match[3] as string, typeOnly: match[1] !== undefined || eachIsType, lazy: false });
  }
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g))
    found.push({ target: match[1] as string, typeOnly: false, lazy: true });
  return found;
}

const sources: readonly Source[] = filesBelow(join(ROOT, 'src')).map((file) => {
  const path = relative(join(ROOT, 'src'), file);
  const text = readFileSync(file, 'utf8');
  return { path, room: path.split('/')[0] as string, text, imports: readImports(text) };
});

const resolve = (from: Source, target: string): string => normalize(join(dirname(from.path), target)).replace(/\.js$/, '.ts');

function* localImports(): Generator<{ from: Source; to: string; room: string; edge: Import }> {
  for (const from of sources) {
    for (const edge of from.imports) {
      if (!edge.target.startsWith('.')) continue;
      const to = resolve(from, edge.target);
      yield { from, to, room: to.split('/')[0] as string, edge };
    }
  }
}

test('every room imports only the rooms it may', () => {
  const wrong: string[] = [];
  for (const { from, to, room, edge } of localImports()) {
    if (room === from.room) continue;
    const may = MAY[from.room];
    assert.ok(may, `no rule for src/${from.room}: add one here`);
    const asLeaf = edge.typeOnly || VALUE_LEAVES.has(to) || (edge.lazy && LAZY[from.path] === to);
    const allowed = may.values.includes(room) || (asLeaf && may.types.includes(room));
    if (!allowed) wrong.push(`${from.path} imports ${to}${edge.typeOnly ? ' (types)' : ''}`);
  }
  assert.deepEqual(wrong, []);
});

test('packages are imported only where they belong', () => {
  const wrong: string[] = [];
  for (const from of sources) {
    for (const { target } of from.imports) {
      if (target.startsWith('.') || target.startsWith('node:')) continue;
      const name = target.split('/')[0] as string;
      if (!MAY[from.room]?.packages.includes(name)) wrong.push(`${from.path} imports ${target}`);
      if (name === 'netlink' && target === 'netlink')
        wrong.push(`${from.path} imports netlink whole: its sockets abort the process`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no import cycle', () => {
  const edges = new Map<string, string[]>();
  for (const { from, to, edge } of localImports()) {
    if (!edge.typeOnly && !edge.lazy) edges.set(from.path, [...(edges.get(from.path) ?? []), to]);
  }
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `cycle: ${[...trail, path].join(' -> ')}`);
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) walk(path, []);
});

test('the thinking half has no node, no clock, no log, no process', () => {
  const wrong: string[] = [];
  for (const { path, room, text, imports } of sources) {
    if (!PURE.includes(room)) continue;
    for (const { target } of imports) {
      if (target.startsWith('node:') && !NODE_ALLOWED_IN_PURE.has(target)) wrong.push(`${path} imports ${target}`);
    }
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
    const hit = FORBIDDEN_IN_PURE.exec(code);
    if (hit) wrong.push(`${path} uses ${hit[0]}`);
  }
  assert.deepEqual(wrong, []);
});

/** Lengths of the functions and methods of a formatted file: from a line that opens a body to the line that closes it. */
function functionLengths(text: string): { name: string; length: number }[] {
  const lines = text.split('\n');
  const found: { name: string; length: number }[] = [];
  const opening =
    /^(\s*)(?:export\s+)?(?:async\s+)?(?:function\*?\s+(\w+)|(?:const|let)\s+(\w+)[^=]*=\s*(?:async\s*)?\(|(?:async\s+)?(\w+)\s*\()/;
  for (const [start, line] of lines.entries()) {
    const match = opening.exec(line);
    if (!match || !/\{\s*$/.test(line) || /^\s*(if|for|while|switch|return|else|catch)\b/.test(line)) continue;
    const end = lines.findIndex((candidate, i) => i > start && candidate.startsWith(`${match[1]}}`));
    if (end > start) found.push({ name: (match[2] ?? match[3] ?? match[4]) as string, length: end - start + 1 });
  }
  return found;
}

const p95 = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? 0;

/** Functions that are closures over one machine's state: they hold many small functions and are measured by those. */
const isFactory = (name: string): boolean => /^(create|open|build|start)[A-Z]/.test(name);

test('files and functions stay small', () => {
  const lengths = sources.map(({ path, text }) => ({ path, length: text.split('\n').length }));
  assert.deepEqual(
    lengths.filter(({ length }) => length > 500).map(({ path, length }) => `${path}: ${length} lines`),
    [],
  );
  assert.ok(p95(lengths.map(({ length }) => length)) <= 350, 'file length p95');
  const functions = sources.flatMap(({ path, text }) => functionLengths(text).map((one) => ({ ...one, path })));
  assert.ok(functions.length > 100, `only ${functions.length} functions seen: the measuring is broken`);
  const plain = functions.filter(({ name }) => !isFactory(name));
  assert.deepEqual(
    plain.filter(({ length }) => length > 80).map(({ path, name, length }) => `${path} ${name}: ${length} lines`),
    [],
  );
  assert.ok(p95(plain.map(({ length }) => length)) <= 45, 'function length p95');
});

/** The top level is settled; what a build leaves there, or a link to another tree, is never part of the project. */
const TOP_LEVEL = ['src', 'native', 'conf', 'test', 'bin', 'package.json', 'tsconfig.json', 'binding.gyp'];
const BESIDE = ['docs', 'package-lock.json', 'biome.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'];

test('the top level is what was settled, and nothing else is committed', (t) => {
  // A packed copy has no list of its own.
  if (!existsSync(join(ROOT, '.git'))) return t.skip('not a clone');
  const listed = spawnSync('git', ['-c', 'safe.directory=*', '-C', ROOT, 'ls-files'], { encoding: 'utf8' });
  assert.equal(listed.status, 0, listed.stderr);
  const tracked = listed.stdout.trim().split('\n');
  const top = new Set(tracked.map((path) => path.split('/')[0] as string).filter((name) => !name.startsWith('.')));
  assert.deepEqual([...top].sort(), [...TOP_LEVEL, ...BESIDE].sort());
});
