/** lbctl within a test: what it prints and how it ends, beside the texts of test/unit/cli/expected. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Io, lbctl } from '../../src/cli/lbctl.js';

/** The sources' folder; the compiled test lies in dist/. LBD_REGENERATE=1 writes the texts anew. */
const EXPECTED = fileURLToPath(new URL('../../../test/unit/cli/expected/', import.meta.url));

export interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function run(argv: readonly string[], changes: Partial<Io> = {}): Promise<Run> {
  let out = '';
  let err = '';
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    terminal: undefined,
    ...changes,
  };
  const status = await lbctl(argv, io);
  return { status, out, err };
}

export function expectText(name: string, text: string): void {
  const file = join(EXPECTED, `${name}.txt`);
  if (process.env.LBD_REGENERATE) writeFileSync(file, text);
  assert.ok(existsSync(file), `${file} is missing: run with LBD_REGENERATE=1 and read what it wrote`);
  assert.equal(text, readFileSync(file, 'utf8'));
}
