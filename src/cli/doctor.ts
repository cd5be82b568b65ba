/** `doctor [FILE]`: asks the daemon, and where there is none lets the program lbd look at this host. Loaded only for this command. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiDoctor } from '../control/api.js';
import { CALL_TIMEOUT_MS, connect, Unreachable } from '../control/client.js';
import type { Io } from './lbctl.js';
import { harmless } from './render/text.js';
import { whileWaiting } from './waiting.js';

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

type Teller = Pick<Io, 'err' | 'progress'>;

async function examineWith(socket: string, io: Teller): Promise<ApiDoctor> {
  const client = await connect(socket);
  try {
    return await whileWaiting(io, CALL_TIMEOUT_MS, (heard) => client.call('doctor', {}, CALL_TIMEOUT_MS, heard));
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

/** A file that is named is judged itself, whatever the daemon was started with. That there is no daemon is told. */
export async function examineHost(socket: string, file: string | undefined, io: Teller): Promise<ApiDoctor | NoAnswer> {
  const judged = (why: string, of: string) => io.err(harmless(`lbctl: ${why}; this host is judged by ${of}\n`));
  const without = (of: string) => whileWaiting(io, LIMIT_MS, () => examineWithout(of), 'the host is examined');
  if (file !== undefined) {
    const why = await whyAbsent(socket);
    if (why !== undefined) judged(why, file);
    return without(file);
  }
  try {
    return await examineWith(socket, io);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    judged(error.message, DEFAULT_CONFIG);
    return without(DEFAULT_CONFIG);
  }
}
