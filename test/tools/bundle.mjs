// One CommonJS file per program: fewer files to open at start and less memory than the module tree.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { openapiText } from './openapi.mjs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const programs = {
  lbd: 'src/daemon/main.ts',
  'lbd-config': 'src/daemon/config-main.ts',
  lbctl: 'src/cli/main.ts',
  'lbd-http': 'src/control/http/server.ts',
};

/** The API over HTTP is a file of its own: whoever has not configured it reads none of it. */
const apart = {
  name: 'apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/control\/http\/server\.js$/ }, () => ({ path: './lbd-http.cjs', external: true })),
};

for (const [name, entry] of Object.entries(programs)) {
  await build({
    entryPoints: [entry],
    outfile: `dist/${name}.cjs`,
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
}

const openapi = await openapiText();
for (const folder of ['dist', 'dist/src/control/http']) writeFileSync(`${folder}/openapi.json`, openapi);
