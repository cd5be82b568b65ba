// `node code-cache.mjs NAME [FOLDER]` writes NAME.cache beside NAME.cjs (in dist/): the code that V8 made of what a start runs
// (src/os/code-cache.ts).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeCode } from '../../dist/src/os/code-cache.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const [name, folder = `${ROOT}dist`] = process.argv.slice(2);

/** What is run of a part, beside what loading it runs. */
const uses = {
  /** What it has done five seconds later, when it is ready for lbctl. */
  'lbd-core': ({ prepare }) => prepare(),
  /** The samples have about everything that a configuration can have. */
  'lbd-parse'({ parseConfig }) {
    for (const file of ['conf/lbd.yaml', 'conf/checks.yaml']) parseConfig(file, readFileSync(`${ROOT}${file}`, 'utf8'));
  },
};

await writeCode(`${folder}/${name}.cjs`, uses[name] ?? (() => {}));
