/**
 * Rulesets as the real nft lists them. Each NAME.json is made of NAME.nft by nft in a network namespace of its own: LBD_REGENERATE=1
 * makes them anew (root).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The sources' folder; the compiled test lies in dist/. */
const FOLDER = fileURLToPath(new URL('../../../../../test/unit/intent/doctor/rulesets/', import.meta.url));

function regenerate(name: string): void {
  const script = 'nft -f "$0" && nft -j -p list ruleset';
  const listed = execFileSync('unshare', ['-n', 'sh', '-c', script, join(FOLDER, `${name}.nft`)], { encoding: 'utf8' });
  const entries = (JSON.parse(listed) as { nftables: unknown[] }).nftables.map((one) => JSON.stringify(one));
  writeFileSync(join(FOLDER, `${name}.json`), `{"nftables":[\n${entries.join(',\n')}\n]}\n`);
}

export function rulesetJson(name: string): unknown {
  if (process.env.LBD_REGENERATE) regenerate(name);
  const file = join(FOLDER, `${name}.json`);
  if (!existsSync(file)) throw new Error(`${file} is missing: run as root with LBD_REGENERATE=1`);
  return JSON.parse(readFileSync(file, 'utf8'));
}
