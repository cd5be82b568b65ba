/**
 * Several servers of this folder in one process, each with its own words: `node several.js web rs1 80 + long serve 81`. They share the
 * signals. A process of its own costs the lab's machine a second, before it has done anything.
 */
import { fileURLToPath } from 'node:url';
import { type Program, start } from './shell.js';

const SELF = fileURLToPath(import.meta.url);
const NEXT = '+';
const READY = 'all of them serve';

/** Starts them in a network namespace; resolves when all listen. */
export async function serveIn(netns: string, ...servers: readonly (readonly string[])[]): Promise<Program> {
  const words = servers.flatMap((one, i) => (i === 0 ? one : [NEXT, ...one]));
  const program = start(netns, [process.execPath, SELF, ...words]);
  await program.line(new RegExp(`^${READY}$`));
  return program;
}

/** Each of them reads its words from process.argv while it is loaded, and is loaded when it listens. */
async function serveAll(words: readonly string[]): Promise<void> {
  const [program = ''] = process.argv;
  for (let rest = words; rest.length > 0; ) {
    const end = rest.includes(NEXT) ? rest.indexOf(NEXT) : rest.length;
    const [name = '', ...own] = rest.slice(0, end);
    process.argv = [program, name, ...own];
    await import(`./${name}.js`);
    rest = rest.slice(end + 1);
  }
  console.log(READY);
}

if (process.argv[1] === SELF) await serveAll(process.argv.slice(2));
