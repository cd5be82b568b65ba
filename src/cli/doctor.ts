/** `doctor [FILE]`: asks the daemon, and where there is none lets the program lbd look at this host. Loaded only for this command. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiDoctor } from '../control/api.js';
import { connect, Unreachable } from '../control/client.js';

/** What lbd reads unless told otherwise (daemon/args.ts). */
const DEFAULT_CONFIG = '/etc/lbd/lbd.yaml';
/** A large configuration on a slow machine. */
const LIMIT_MS = 120_000;
const MAX_BYTES = 64 << 20;

/** lbd could not say: its exit status (4: the configuration is not valid) and its words. */
export interface NoAnswer {
  readonly status: number;
  readonly words: string;
}

/** The program lbd of the package that this lbctl is of: `bin/lbd` in the first folder above it that has one. */
function findLbd(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const program = join(folder, 'bin', 'lbd');
    if (existsSync(program)) return program;
    if (folder === dirname(folder)) return undefined;
    folder = dirname(folder);
  }
}

function failed(stderr: string, error: Error & { code?: unknown }): NoAnswer {
  if (error.code === 4) return { status: 4, words: stderr };
  const lines = stderr.trim().split('\n');
  const words = lines.find((line) => /^lbd: |Error: /.test(line)) ?? (lines.at(-1) || error.message);
  return { status: 1, words: `lbctl: lbd --doctor failed: ${words}\n` };
}

function examineWithout(file: string): Promise<ApiDoctor | NoAnswer> {
  const program = findLbd();
  if (program === undefined)
    return Promise.resolve({ status: 1, words: 'lbctl: the program lbd is not where lbctl is: install both\n' });
  return new Promise((resolve) => {
    const options = { timeout: LIMIT_MS, maxBuffer: MAX_BYTES };
    execFile(process.execPath, [program, '--doctor', file], options, (error, stdout, stderr) => {
      if (error) return resolve(failed(stderr, error));
      try {
        resolve(JSON.parse(stdout) as ApiDoctor);
      } catch (wrong) {
        resolve(failed(stderr, wrong as Error));
      }
    });
  });
}

async function examineWith(socket: string): Promise<ApiDoctor> {
  const client = await connect(socket);
  try {
    return await client.call('doctor', {});
  } finally {
    client.close();
  }
}

/** Undefined: the daemon is there. */
async function whyAbsent(socket: string): Promise<string | undefined> {
  try {
    (await connect(socket)).close();
    return undefined;
  } catch (error) {
    if (error instanceof Unreachable) return error.message;
    throw error;
  }
}

/** A file that is named is judged itself, whatever the daemon was started with. `note` tells that there is no daemon. */
export async function examineHost(
  socket: string,
  file: string | undefined,
  note: (text: string) => void,
): Promise<ApiDoctor | NoAnswer> {
  const judged = (why: string, of: string) => note(`${why}; this host is judged by ${of}`);
  if (file !== undefined) {
    const why = await whyAbsent(socket);
    if (why !== undefined) judged(why, file);
    return examineWithout(file);
  }
  try {
    return await examineWith(socket);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    judged(error.message, DEFAULT_CONFIG);
    return examineWithout(DEFAULT_CONFIG);
  }
}
