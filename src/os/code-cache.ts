/**
 * Loads a bundle with the code that V8 made of it when it was built (test/tools/code-cache.mjs): a start does not compile it again. The
 * code lies beside the bundle, NAME.cache beside NAME.cjs: 32 bytes, the SHA-256 of bundle and code, then the code. V8 itself refuses
 * code of another version, processor or flags, and then compiles as if there were none; but damaged code it takes, and dies of it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const DIGEST_BYTES = 32;

export const cacheFileOf = (bundle: string): string => bundle.replace(/\.cjs$/, '.cache');

/** What NAME.cache begins with. */
const digestOf = (source: Uint8Array, code: Uint8Array): Buffer => createHash('sha256').update(source).update(code).digest();

function readCode(bundle: string, source: Uint8Array, warn: (text: string) => void): Buffer | undefined {
  const file = cacheFileOf(bundle);
  let found: Buffer;
  try {
    found = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') warn(`${file} is ignored: ${(error as Error).message}`);
    return undefined;
  }
  const code = found.subarray(DIGEST_BYTES);
  if (digestOf(source, code).equals(found.subarray(0, DIGEST_BYTES))) return code;
  warn(`${file} is ignored: it is damaged, or of another build; the start takes a little longer (npm run build makes it anew)`);
  return undefined;
}

interface Opened {
  readonly exports: unknown;
  /** none: there is none, or it is damaged; refused: V8 did not want it. */
  readonly code: 'used' | 'refused' | 'none';
  readonly script: Script;
}

function run(bundle: string, source: Buffer, cachedData: Buffer | undefined): Opened {
  // A bundle is ASCII (bundle.mjs sees to it): a byte a character, in memory too.
  const script = new Script(Module.wrap(source.toString('latin1')), { filename: bundle, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  const code = cachedData === undefined ? 'none' : script.cachedDataRejected ? 'refused' : 'used';
  return { exports: module.exports, code, script };
}

/** `warn` hears why the code of a bundle is not used, but not of a bundle that has none, or of another Node.js. */
export function openBundle(bundle: string, warn: (text: string) => void): Opened {
  const source = readFileSync(bundle);
  return run(bundle, source, readCode(bundle, source, warn));
}

/** What the bundle exports. */
export const loadBundle = (bundle: string): unknown =>
  openBundle(bundle, (text) => void process.stderr.write(`lbd: ${text}\n`)).exports;

/** For the build: writes NAME.cache, with the code of what `use` has run beside what loading the bundle runs. */
export async function writeCode(bundle: string, use: (exported: never) => unknown): Promise<void> {
  const source = readFileSync(bundle);
  const { exports, script } = run(bundle, source, undefined);
  await use(exports as never);
  const code = script.createCachedData();
  writeFileSync(cacheFileOf(bundle), Buffer.concat([digestOf(source, code), code]));
}
