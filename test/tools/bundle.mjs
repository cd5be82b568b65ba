// One CommonJS file per program, and per part that only some processes need: fewer files to open at start and less memory than the module
// tree, and nobody reads what it does not run. Beside each that a start loads lies the code that V8 makes of it (code-cache.mjs).
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeDocuments } from './documents.mjs';
import { openapiText } from './openapi.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

const programs = {
  lbd: 'src/daemon/main.ts',
  'lbd-config': 'src/daemon/config-main.ts',
  lbctl: 'src/cli/main.ts',
};

/** What is loaded by `import()` while a program runs: a file of its own. `code`: loaded through its code cache. */
const parts = {
  'lbd-core': { entries: ['src/daemon/core/core.ts', 'src/daemon/core/command-line.ts'], code: true },
  'lbd-check': { entries: ['src/daemon/check/process.ts'], code: true },
  'lbd-vrrp': { entries: ['src/daemon/vrrp/process.ts'], code: true },
  'lbd-parse': { entries: ['src/config/parse.ts', 'src/config/reparse.ts', 'src/config/save.ts'], code: true },
  'lbd-doctor': { entries: ['src/daemon/doctor.ts'] },
  'lbd-http': { entries: ['src/control/http/server.ts'] },
  'lbctl-check-config': { entries: ['src/cli/check-config.ts'] },
  'lbctl-import': { entries: ['src/cli/import.ts'] },
  'lbctl-yaml': { entries: ['node_modules/yaml/dist/index.js'] },
};

/** Absolute path of an entry -> its part. */
const partOf = new Map(Object.entries(parts).flatMap(([name, { entries }]) => entries.map((entry) => [ROOT + entry, name])));

/** A part is not in the bundle of who loads it. */
const apart = {
  name: 'apart',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /./ }, async ({ kind, path, importer, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === 'asked') return undefined;
      const found = await resolve(path, { kind, importer, resolveDir, pluginData: 'asked' });
      const name = partOf.get(found.path);
      if (!name) return undefined;
      return { path: name, namespace: parts[name].code ? 'code' : 'part' };
    });
    // Not `import()`: a script that is run from a code cache has none.
    onResolve({ filter: /^\.\/[\w-]+\.cjs$/, namespace: 'part' }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /./, namespace: 'part' }, ({ path }) => ({ contents: `module.exports = require('./${path}.cjs');` }));
    onLoad({ filter: /./, namespace: 'code' }, ({ path }) => ({
      resolveDir: `${ROOT}src/os`,
      contents: `module.exports = require('./code-cache.ts').loadBundle(require('node:path').join(__dirname, '${path}.cjs'));`,
    }));
  },
};

const inputOf = (name, entries) =>
  entries.length === 1
    ? { entryPoints: entries }
    : {
        stdin: { contents: entries.map((entry) => `export * from './${entry}';`).join('\n'), resolveDir: ROOT, sourcefile: name },
      };

async function bundle(name, entries) {
  const file = `dist/${name}.cjs`;
  await build({
    ...inputOf(name, entries),
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    legalComments: 'none',
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    logLevel: 'warning',
    plugins: [apart],
    // import.meta does not exist in CommonJS; the addon is searched upwards from the bundle instead.
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    define: { 'import.meta.url': 'importMetaUrl', LBD_VERSION: JSON.stringify(version) },
  });
  if (readFileSync(file).some((byte) => byte > 127))
    throw new Error(`${file} is not ASCII: os/code-cache.ts reads a byte a character`);
}

for (const [name, entry] of Object.entries(programs)) await bundle(name, [entry]);
for (const [name, { entries }] of Object.entries(parts)) await bundle(name, entries);

const openapi = await openapiText();
for (const folder of ['dist', 'dist/src/control/http']) writeFileSync(`${folder}/openapi.json`, openapi);

await writeDocuments();

// Each in a process with the flags of a start, and no others: V8 takes code of the same flags alone.
const { NODE_OPTIONS: _unused, ...env } = process.env;
for (const [name, { code }] of Object.entries(parts)) {
  if (!code) continue;
  const { status, stderr } = spawnSync(process.execPath, [`${ROOT}test/tools/code-cache.mjs`, name], { env, encoding: 'utf8' });
  if (status !== 0) console.error(`build: no code cache of ${name}, which starts slower without one: ${stderr.trim()}`);
}
