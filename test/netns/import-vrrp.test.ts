/**
 * Addresses, routes, rules and virtual MACs: keepalived on a file of the corpus, and lbd on its import, end up in the same states, and the
 * kernel has the same of both. What is known to be another is in EXPECTED, and a note of the import says it.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Held, heldBy } from './import-held.js';
import { CORPUS, importFile, makeHost, type Running, type StageHost } from './import-stage.js';
import { until } from './vrrp-harness.js';

/** Refused by name: nothing to compare. */
const REFUSED = ['vrrp-ah.conf', 'vrrp-bfd.conf'];
const LIMIT_MS = 40_000;

const files = readdirSync(CORPUS)
  .filter((name) => /^(vip|vrrp)-.*\.conf$/.test(name) && !REFUSED.includes(name))
  .sort();

type States = Readonly<Record<string, string>>;

/** The last state that keepalived logged of each instance. */
function statesOf({ lines }: Running): States {
  const states: Record<string, string> = {};
  for (const line of lines) {
    const [, name, state] = /\((\S+)\) Entering (\S+) STATE/.exec(line) ?? [];
    if (name && state) states[name] = state.toLowerCase();
  }
  return states;
}

const settled = (states: States): boolean =>
  Object.keys(states).length > 0 && Object.values(states).every((state) => state === 'master' || state === 'fault');

async function keepalivedOn(file: string): Promise<{ states: States; held: Held }> {
  const host = makeHost('k');
  try {
    const running = host.keepalived(join(CORPUS, file));
    const states = await until(
      `keepalived has settled on ${file}`,
      () => {
        const found = statesOf(running);
        return settled(found) && found;
      },
      LIMIT_MS,
    );
    return { states, held: await heldBy(host) };
  } finally {
    await host.destroy();
  }
}

async function lbdStates(host: StageHost): Promise<States> {
  const { instances } = await host.status();
  return Object.fromEntries(instances.map(({ name, state }) => [name, state]));
}

async function lbdOn(yaml: string, wanted: States): Promise<{ states: States; held: Held }> {
  const host = makeHost('l');
  try {
    const file = join(host.folder, 'lbd.yaml');
    writeFileSync(file, yaml);
    const running = host.lbd(file);
    let states: States = {};
    await until(
      'lbd has settled',
      async () => {
        states = await lbdStates(host).catch(() => ({}));
        return Object.entries(wanted).every(([name, state]) => states[name] === state);
      },
      LIMIT_MS,
    ).catch((error: Error) => {
      throw new Error(
        `${error.message}: ${JSON.stringify(states)}, keepalived: ${JSON.stringify(wanted)}\n${running.lines.slice(-15).join('\n')}`,
      );
    });
    return { states, held: await heldBy(host) };
  } finally {
    await host.destroy();
  }
}

describe('what the import of a file holds', { concurrency: 4 }, () => {
  for (const file of files)
    test(file, { timeout: 2 * LIMIT_MS }, async () => {
      const [before, { status, yaml, notes }] = await Promise.all([keepalivedOn(file), importFile(join(CORPUS, file))]);
      assert.equal(status, 0, notes);
      const now = await lbdOn(yaml, before.states);
      assert.deepEqual(now.states, before.states);
      assert.deepEqual(now.held, before.held);
    });
});
