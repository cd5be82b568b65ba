/**
 * Addresses, routes, rules and virtual MACs: keepalived on a file of the corpus, and lbd on its import, end up in the same states, and the
 * kernel has the same of both. What is known to be another is in NOTED, with the note of the import that says so.
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
const LANES = 8;

interface Noted {
  /** What one of the two has alone. */
  readonly what: RegExp;
  /** Of the import. */
  readonly note: RegExp;
}

const NOTED: Readonly<Record<string, readonly Noted[]>> = {
  'vrrp-ipv6.conf': [{ what: /^address fd09::162\/64 /, note: /"fd09::162\/64 -nodad"/ }],
  'vrrp-routes.conf': [
    { what: /^address 10\.8\.0\.[78]\//, note: /not carried over: "static_ipaddress"/ },
    { what: /dst 10\.7[78]\.0\.0\/16/, note: /not carried over: "static_ipaddress".*"static_routes"/ },
    { what: /^priority 900 /, note: /not carried over: "static_ipaddress"/ },
    { what: /^dst 10\.78\.0\.0 .*table 88$/, note: /not carried over: "static_ipaddress"/ },
    { what: /type blackhole$/, note: /not carried over: "blackhole 172\.22\.0\.0\/16"/ },
  ],
  // With the brace that ends the misspelt block the instance ends, too, for keepalived: it has no address then.
  'vrrp-sloppy.conf': [{ what: /^address 10\.9\.0\.251\/24 /, note: /not carried over: "virtual_adress"/ }],
  // Of another mode (vepa, not private), and without a link-local address of its own.
  'vrrp-vmac.conf': [{ what: /\bvrrp(40|6?\.41)\b/, note: /changed: "use_vmac vrrp40": the interface is one of lbd/ }],
};

const files = readdirSync(CORPUS)
  .filter((name) => /^(vip|vrrp)-.*\.conf$/.test(name) && !REFUSED.includes(name))
  .sort();

type States = Readonly<Record<string, string>>;

interface Outcome {
  readonly states: States;
  readonly held: Held;
}

const isSettled = (states: States): boolean =>
  Object.keys(states).length > 0 && Object.values(states).every((state) => state === 'master' || state === 'fault');

/** Twice the same, so that nothing is under way. */
async function settledHeld(host: StageHost): Promise<Held> {
  let last = '';
  return until('what is held stays as it is', async () => {
    const held = await heldBy(host);
    const text = JSON.stringify(held);
    const same = text === last;
    last = text;
    return same && held;
  });
}

async function lbdOn(yaml: string): Promise<Outcome> {
  const host = makeHost('l');
  try {
    const file = join(host.folder, 'lbd.yaml');
    writeFileSync(file, yaml);
    const { lines } = host.lbd(file);
    let states: States = {};
    const look = async () => {
      const { instances } = await host.status();
      states = Object.fromEntries(instances.map(({ name, state }) => [name, state]));
      return isSettled(states);
    };
    await until('lbd has settled', () => look().catch(() => false), LIMIT_MS).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(states)}\n${lines.slice(-15).join('\n')}`);
    });
    return { states, held: await settledHeld(host) };
  } finally {
    await host.destroy();
  }
}

/**
 * The last state that keepalived logged of each instance. It names none that is in FAULT from the start, for a script: only the script, then,
 * that has failed.
 */
function statesOf({ lines }: Running, names: readonly string[]): States {
  const states: Record<string, string> = {};
  if (lines.some((line) => /VRRP_Script\(\S+\) failed/.test(line))) for (const name of names) states[name] = 'fault';
  for (const line of lines) {
    const [, name, state] = /\((\S+)\) Entering (\S+) STATE/.exec(line) ?? [];
    if (name && state) states[name] = state.toLowerCase();
  }
  return states;
}

async function keepalivedOn(file: string, names: readonly string[]): Promise<Outcome> {
  const host = makeHost('k');
  try {
    const running = host.keepalived(join(CORPUS, file));
    const look = () => {
      const found = statesOf(running, names);
      return names.every((name) => name in found) && isSettled(found) && found;
    };
    const states = await until(`keepalived has settled on ${file}`, look, LIMIT_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${running.lines.slice(-15).join('\n')}`);
    });
    return { states, held: await settledHeld(host) };
  } finally {
    await host.destroy();
  }
}

const all = ({ addresses, routes, rules, links }: Held): string[] => [...addresses, ...routes, ...rules, ...links];

/** The names of instances, of all files that the import has read. */
const namesIn = (yaml: string): string[] => {
  const [, instances = ''] = /^vrrp_instances:\n([\s\S]*?)(?=^\S|(?![\s\S]))/m.exec(yaml) ?? [];
  return [...instances.matchAll(/^ {2}- (?:\{ )?name: (\S+?),?$/gm)].map(([, name = '']) => name);
};

describe('what the import of a file holds', { concurrency: LANES }, () => {
  for (const file of files)
    test(file, { timeout: 2 * LIMIT_MS }, async () => {
      const { status, yaml, notes } = await importFile(join(CORPUS, file));
      assert.equal(status, 0, notes);
      const [old, now] = await Promise.all([keepalivedOn(file, namesIn(yaml)), lbdOn(yaml)]);
      assert.deepEqual(now.states, old.states);
      const noted = NOTED[file] ?? [];
      for (const { note } of noted) assert.match(notes, note);
      const told = (line: string) => noted.some(({ what }) => what.test(line));
      const [before, after] = [old, now].map(({ held }) => all(held));
      assert.deepEqual(
        after?.filter((line) => !told(line)),
        before?.filter((line) => !told(line)),
      );
      for (const { what } of noted) {
        const [here, there] = [before, after].map((lines) => lines?.filter((line) => what.test(line)));
        assert.notDeepEqual(there, here, `${what} is the same in both: no exception is needed`);
      }
    });
});
