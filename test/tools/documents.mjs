// What is made of the grammar of lbctl and of the schema of lbd.yaml: the scripts of completion, the JSON Schema, the manual pages.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { configPage } from './man/config.mjs';
import { lbctlPage } from './man/lbctl.mjs';
import { lbdPage } from './man/lbd.mjs';
import { describedSchema, schemaText } from './schema.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A module of dist/src. */
const load = (path) => import(pathToFileURL(join(ROOT, 'dist/src', path)));
const read = (file) => readFileSync(join(ROOT, file), 'utf8');

function write(file, text) {
  mkdirSync(join(ROOT, file, '..'), { recursive: true });
  writeFileSync(join(ROOT, file), text);
}

async function grammarOf() {
  const { wholeProgram } = await load('cli/grammar.js');
  const { describeProgram } = await load('cli/described.js');
  return describeProgram(wholeProgram());
}

async function writeScripts(grammar) {
  const { completionScript } = await load('cli/completion/script.js');
  const { SHELLS } = await load('cli/words.js');
  for (const shell of SHELLS) {
    const text = completionScript(shell, read(`src/cli/completion/template.${shell}`), grammar);
    // For the bundle, and for what tsc makes, which the tests run.
    for (const folder of ['dist/completion', 'dist/src/cli/completion']) write(`${folder}/lbctl.${shell}`, text);
  }
}

/** Short ones, that show a whole file. */
const SAMPLES = ['ipvs-only.yaml', 'vrrp-only.yaml', 'pool.yaml'];

async function writePages(grammar) {
  const { version } = JSON.parse(read('package.json'));
  const { DEFAULT_CONFIG: file } = await load('daemon/args.js');
  const { schema } = await describedSchema();
  const samples = Object.fromEntries(SAMPLES.map((name) => [name, read(`conf/${name}`)]));
  const pages = {
    'lbctl.1': lbctlPage({ grammar, examples: read('test/tools/man/examples.txt'), version }),
    'lbd.8': lbdPage({ file, version }),
    'lbd.yaml.5': configPage({ schema, samples, version }),
  };
  for (const [name, lines] of Object.entries(pages)) write(`dist/man/${name}`, `${lines.join('\n')}\n`);
}

/** dist/src must be there. */
export async function writeDocuments() {
  const grammar = await grammarOf();
  await writeScripts(grammar);
  write('dist/lbd.schema.json', await schemaText());
  await writePages(grammar);
}
