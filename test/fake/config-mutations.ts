/**
 * The samples of conf/, each changed by what happens to files: lines that go, come twice or change places, another word, another
 * indentation, bytes that are no text, an end in the middle. Whatever comes of it is taken, and then means the same read as a whole and by
 * its items, or it is refused with a place; and nobody crashes, or hangs.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { checkConfigFile } from '../../src/cli/check-config.js';
import type { Before } from '../../src/config/reparse.js';
import type { ParsedConfig } from '../../src/config/types.js';
import { readHere } from '../../src/daemon/config-again.js';
import { readWhole } from '../../src/daemon/config-child.js';

/** The sources' folder; the compiled test lies in dist/. */
const FOLDER = fileURLToPath(new URL('../../../conf/', import.meta.url));

export const SAMPLES: readonly (readonly [name: string, text: string])[] = readdirSync(FOLDER)
  .filter((one) => one.endsWith('.yaml'))
  .map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]);

type Bytes = Buffer<ArrayBufferLike>;
type Mutation = (bytes: Bytes) => Bytes;

const ofLines =
  (change: (lines: string[]) => string[]): Mutation =>
  (bytes) =>
    Buffer.from(change(bytes.toString('utf8').split('\n')).join('\n'));

/** What may stand in the place of a word. */
const WORDS = [
  ...['0', '-1', '1', '255', '256', '65536', '1e999', '.nan', '0x7f', '99999999999999999999', '1.5', '""', '~', 'true', 'yes'],
  ...[
    '[]',
    '{}',
    '[ 1, 2 ]',
    '{ a: b }',
    '- x',
    '&a x',
    '*a',
    '!!int 3',
    '|',
    '>',
    '"',
    "'",
    '${X}',
    '${LBD_NOT_SET}',
    '$$',
    '<<: x',
  ],
  ...['wlc', 'sh', 'mh', 'dr', 'tun', 'udp', '10s', '5m', '0s', '50%', 'off', 'all', 'VI_1', 'web', 'gateway', 'hmac', 'vip'],
  ...[
    '192.0.2.10:80',
    '192.0.2.10',
    '[2001:db8::10]:80',
    '2001:db8::10/64',
    '10.0.0.0/8',
    '0.0.0.0',
    '224.0.0.18',
    '192.0.2.10-20:80',
  ],
  ...['__proto__', 'constructor', 'x'.repeat(300), '\u00fc', '\u{1f600}'],
] as const;
const JUNK = [
  [0],
  [9],
  [13],
  [0xff],
  [0xc3],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
  [0xe2, 0x80, 0xa8],
  [0x1b, 0x5b],
  [10],
  [58, 32],
  [45, 32],
  [35],
];

const nat = fc.nat(1_000_000);
const within = (where: number, length: number): number => (length === 0 ? 0 : where % length);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc
    .tuple(nat, fc.integer({ min: 1, max: 4 }))
    .map(([where, count]) => ofLines((lines) => lines.toSpliced(within(where, lines.length), count))),
  fc.tuple(nat, nat, fc.integer({ min: 1, max: 6 })).map(([from, to, count]) =>
    ofLines((lines) => {
      const start = within(from, lines.length);
      return lines.toSpliced(within(to, lines.length), 0, ...lines.slice(start, start + count));
    }),
  ),
  fc.tuple(nat, nat).map(([one, other]) =>
    ofLines((lines) => {
      const [a, b] = [within(one, lines.length), within(other, lines.length)];
      return lines.with(a, lines[b] as string).with(b, lines[a] as string);
    }),
  ),
  fc.tuple(nat, fc.constantFrom(...WORDS)).map(
    ([where, word]): Mutation =>
      (bytes) => {
        const text = bytes.toString('utf8');
        const scalars = [...text.matchAll(/(?<=: |- |\[ |, )[^\s,[\]{}#]+/g)];
        const found = scalars[within(where, scalars.length)];
        return found ? Buffer.from(text.slice(0, found.index) + word + text.slice(found.index + found[0].length)) : bytes;
      },
  ),
  fc.tuple(nat, fc.integer({ min: 1, max: 8 }), fc.integer({ min: -4, max: 4 })).map(([where, count, by]) =>
    ofLines((lines) => {
      const start = within(where, lines.length);
      const moved = (line: string) => (by > 0 ? ' '.repeat(by) + line : line.replace(new RegExp(`^ {0,${-by}}`), ''));
      return lines.map((line, i) => (i >= start && i < start + count ? moved(line) : line));
    }),
  ),
  fc.tuple(nat, fc.constantFrom(...JUNK)).map(
    ([where, junk]): Mutation =>
      (bytes) => {
        const at = within(where, bytes.length);
        return Buffer.concat([bytes.subarray(0, at), Buffer.from(junk), bytes.subarray(at)]);
      },
  ),
  fc.tuple(nat, fc.nat(40)).map(
    ([where, count]): Mutation =>
      (bytes) => {
        const at = within(where, bytes.length);
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
      },
  ),
  fc.tuple(nat).map(
    ([where]): Mutation =>
      (bytes) =>
        bytes.subarray(0, within(where, bytes.length)),
  ),
  fc.tuple(fc.nat(SAMPLES.length - 1), nat, nat, fc.nat(400)).map(
    ([sample, from, to, count]): Mutation =>
      (bytes) => {
        const other = Buffer.from((SAMPLES[sample] as (typeof SAMPLES)[number])[1]);
        const start = within(from, other.length);
        const at = within(to, bytes.length);
        return Buffer.concat([bytes.subarray(0, at), other.subarray(start, start + count), bytes.subarray(at)]);
      },
  ),
  fc.constant<Mutation>((bytes) => Buffer.from(bytes.toString('utf8').replaceAll('\n', '\r\n'))),
);

const mutant = fc
  .tuple(fc.nat(SAMPLES.length - 1), fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([sample, changes]) => {
    const bytes = Buffer.from((SAMPLES[sample] as (typeof SAMPLES)[number])[1]);
    return { sample, bytes: changes.reduce<Bytes>((before, change) => change(before), bytes) };
  });

/** As it comes from the parser's process. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const result = ({ config, problems }: ParsedConfig): unknown => plain({ config, problems });

/** Longer than any reading takes on a machine that does a lot else. */
const HANGS_MS = 20_000;

/** Somebody is told what is wrong, and where. */
function checkRefusal({ problems }: ParsedConfig, text: string): void {
  const errors = problems.filter((one) => one.severity === 'error');
  const lines = text.split('\n');
  assert.ok(errors.length > 0, 'refused without an error');
  for (const { message, line, column } of problems) {
    assert.ok(message.length > 0 && !/[\x00-\x1f]/.test(message), JSON.stringify(message));
    if (line === 0) assert.match(message, /^nothing to do|^and \d+ more errors$/);
    else
      assert.ok(
        line <= lines.length && column >= 1 && column <= (lines[line - 1] as string).length + 1,
        `${line}:${column}: ${message}`,
      );
  }
}

export interface Outcome {
  taken: number;
  refused: number;
  /** Of those taken: by the short way of a reload. */
  byItems: number;
}

/** `folder`: for the file that is read. */
export async function tryMutations(folder: string, numRuns: number, seed: number): Promise<Outcome> {
  const file = join(folder, 'lbd.yaml');
  const originals = await Promise.all(
    SAMPLES.map(async ([name, text]): Promise<Before> => {
      writeFileSync(file, text);
      const { config, record } = await readWholePlain(file);
      assert.ok(config && record, name);
      return { config, record };
    }),
  );
  const outcome: Outcome = { taken: 0, refused: 0, byItems: 0 };
  await fc.assert(
    fc.asyncProperty(mutant, async ({ sample, bytes }) => {
      writeFileSync(file, bytes);
      const began = performance.now();
      const whole = await readWholePlain(file);
      assert.ok(performance.now() - began < HANGS_MS, 'it hangs');
      const checked = checkConfigFile(file);
      assert.deepEqual(plain(checked.problems), whole.problems, 'check-config');
      assert.equal(checked.valid, whole.config !== undefined);
      const again = await readHere(file, originals[sample] as Before);
      if (!whole.config || !whole.record) {
        outcome.refused++;
        assert.equal(again, undefined, 'refused, and taken by a reload');
        checkRefusal(whole, bytes.toString('utf8'));
        return;
      }
      outcome.taken++;
      if (again) outcome.byItems++;
      if (again) assert.deepEqual(result(again), result(whole), 'by items, after the sample');
      const same = await readHere(file, { config: whole.config, record: whole.record });
      assert.ok(same, 'what is the same is read by its items');
      assert.deepEqual(result(same), result(whole), 'by items, after itself');
    }),
    { numRuns, seed, endOnFailure: process.env.LBD_FUZZ !== undefined },
  );
  return outcome;
}

const readWholePlain = async (file: string): Promise<ParsedConfig> => plain(await readWhole(file));
