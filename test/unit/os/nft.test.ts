/** The runner of nft against small programs that behave like it, or do not. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OsError } from '../../../src/base/errors.js';
import { createNft, type Nft } from '../../../src/os/nft.js';

/** `script` is run by sh in place of nft; in it, $OUT is a file that `out` reads. */
async function withProgram(
  script: string,
  run: (nft: Nft, out: () => string) => Promise<void>,
  deadline?: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lbd-nft-'));
  const program = join(folder, 'nft');
  const out = join(folder, 'out');
  writeFileSync(program, `#!/bin/sh\nOUT=${out}\n${script}\n`);
  chmodSync(program, 0o755);
  try {
    await run(createNft({ program, ...(deadline === undefined ? {} : { deadline }) }), () => readFileSync(out, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OsError);
  assert.match(error.message, message);
  return true;
};

const LARGE = 'add table inet x\n'.repeat(50_000);

test('the text is its standard input, whole, in the C locale', async () => {
  await withProgram('echo "$LC_ALL $*" >$OUT; wc -c >>$OUT', async (nft, out) => {
    await nft.apply(LARGE);
    assert.deepEqual(out().trim().split(/\s+/), ['C', '-f', '-', String(LARGE.length)]);
  });
});

test('a table is what it prints, and no table is undefined', async () => {
  await withProgram('echo "$*"; printf "%300000s" x', async (nft) => {
    const text = (await nft.list('inet lbd')) as string;
    assert.match(text, /^-n list table inet lbd\n/);
    assert.equal(text.length, 300_000 + '-n list table inet lbd\n'.length);
  });
  await withProgram('printf "Error: No such file or directory\\nlist table inet lbd\\n" >&2; exit 1', async (nft) => {
    assert.equal(await nft.list('inet lbd'), undefined);
  });
});

test('a refusal is what nft said and where', async () => {
  const said = '/dev/stdin:3:5-9: Error: Could not process rule: File exists\n  add chain a b\n      ^^^^^\n';
  await withProgram(`cat >/dev/null; printf '${said.replaceAll('\n', '\\n')}' >&2; exit 1`, async (nft) => {
    await assert.rejects(nft.apply('x'), refused(/^nftables: nft: Could not process rule: File exists: add chain a b$/));
    await assert.rejects(nft.list('inet lbd'), refused(/File exists/));
  });
  const line = 'x'.repeat(100_000);
  await withProgram(`echo 'Error: too long'; echo 'Error: too long' >&2; echo ${line} >&2; exit 1`, async (nft) => {
    await assert.rejects(nft.apply('x'), (error: Error) => error.message.length < 250);
  });
  await withProgram('exit 3', async (nft) => {
    await assert.rejects(nft.apply('x'), refused(/^nftables: nft: Command failed/));
  });
});

test('one that ends without reading breaks nothing', async () => {
  await withProgram('exit 0', (nft) => nft.apply(LARGE));
  await withProgram('echo "Error: not today" >&2; exit 1', async (nft) => {
    await assert.rejects(nft.apply(LARGE), refused(/not today/));
  });
});

test('one that does not end is ended', async () => {
  await withProgram(
    'exec sleep 1000',
    async (nft) => {
      await assert.rejects(nft.apply(LARGE), refused(/^nftables: nft did not end within 0\.2 s$/));
    },
    200,
  );
});

test('no program, no nf_tables: what is missing and the cure', async () => {
  const missing = createNft({ program: 'nft-that-is-not-there' });
  const cure = refused(/^nftables: the program nft is missing: apt-get install nftables$/);
  await assert.rejects(missing.apply(LARGE), cure);
  await assert.rejects(missing.list('inet lbd'), (error) => cure(error) && (error as OsError).code === 'ENOENT');
  const script = 'echo "src/mnl.c:60: Unable to initialize Netlink socket: Protocol not supported" >&2; exit 1';
  await withProgram(script, async (nft) => {
    await assert.rejects(
      nft.apply('x'),
      refused(/^nftables: this kernel has no nf_tables: modprobe nf_tables \(nft: .*Protocol not/),
    );
  });
});
