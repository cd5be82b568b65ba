/** A configuration of several files, changes made at run time, and what `lbctl save` makes of the files. */
import assert from 'node:assert/strict';
import { type ParseOptions, parseConfig } from '../../src/config/parse.js';
import { type SavedTexts, saveEdits } from '../../src/config/save.js';
import type { Config, ParsedConfig } from '../../src/config/types.js';
import { type ChangeRequest, decideChange } from '../../src/intent/change.js';
import { differences, remaining, withNumbers } from '../../src/intent/diff.js';
import { buildIntent } from '../../src/intent/merge.js';
import { firstDifference } from '../../src/intent/same.js';
import type { Override } from '../../src/intent/types.js';

/** By name; the first is `main`. */
export type Files = Readonly<Record<string, string>>;

export const optionsOf = (files: Files, env: NodeJS.ProcessEnv = {}): ParseOptions => ({
  env,
  hostname: 'd1',
  readInclude: (pattern) => {
    const found = Object.keys(files).filter((file) =>
      pattern.endsWith('*') ? file.startsWith(pattern.slice(0, -1)) : file === pattern,
    );
    return found.map((file) => ({ file, text: files[file] as string }));
  },
});

export const WHEN = '2026-02-03T09:15:00.000Z';

/** As it comes from the parser's process. */
export const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export function configOf(files: Files, env: NodeJS.ProcessEnv = {}): Config {
  const { config, problems } = plain(parseConfig('main', files.main as string, optionsOf(files, env))) as ParsedConfig;
  assert.ok(config, JSON.stringify(problems.filter(({ severity }) => severity === 'error')));
  return config;
}

/** One after the other; those that are refused change nothing when `strict` is not asked for. */
export function overridesOf(config: Config, requests: readonly ChangeRequest[], strict = true): readonly Override[] {
  let overrides: readonly Override[] = [];
  for (const [i, request] of requests.entries()) {
    const decision = decideChange(config, overrides, request, { id: i + 1, who: 'ann', when: WHEN, why: 'because' });
    if ('refused' in decision) assert.ok(!strict, `${JSON.stringify(request)}: ${decision.refused}`);
    else overrides = decision.overrides;
  }
  return overrides;
}

export function save(files: Files, requests: readonly ChangeRequest[], env: NodeJS.ProcessEnv = {}, strict = true) {
  const config = configOf(files, env);
  const overrides = overridesOf(config, requests, strict);
  const found = differences(config, overrides, Date.parse(WHEN));
  const edits = found.flatMap(({ edit }) => edit ?? []);
  const saved = saveEdits('main', files.main as string, optionsOf(files, env), edits);
  return { config, overrides, found, left: remaining(overrides, found), edits, saved };
}

/** The new texts, which say what is in force with the overrides that are left. */
export function savedFiles(files: Files, requests: readonly ChangeRequest[], env: NodeJS.ProcessEnv = {}, strict = true): Files {
  const { config, overrides, left, saved } = save(files, requests, env, strict);
  assert.deepEqual(saved.problems, []);
  assertSame(config, overrides, saved, left);
  return { ...files, ...Object.fromEntries(saved.files.map(({ file, text }) => [file, text])) };
}

export function assertSame(
  config: Config,
  overrides: readonly Override[],
  { next, files }: SavedTexts,
  left: readonly Override[],
): void {
  const errors = next?.problems.filter(({ severity }) => severity === 'error');
  assert.ok(next?.config, `${JSON.stringify(errors)}\n${files.map(({ text }) => text).join('\n---\n')}`);
  const now = buildIntent(config, overrides, 1);
  const after = buildIntent(plain(next.config), left, 1);
  assert.deepEqual(after.dropped, []);
  const texts = files.map(({ diff }) => diff).join('\n');
  assert.equal(firstDifference(plain(now.intent), plain(after.intent)), undefined, texts);
  // Where only some of it came to the disk: what the file has already is dropped, and the rest is as it was.
  const again = buildIntent(plain(next.config), withNumbers(config, overrides), 1);
  assert.equal(firstDifference(plain(now.intent), plain(again.intent)), undefined, `with all overrides\n${texts}`);
}
