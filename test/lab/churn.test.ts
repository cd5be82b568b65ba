/**
 * Thousands of changes by several clients at once: what the kernel has at the end is what the changes make of the file, in the order of their
 * revisions; what contradicts itself is refused whole; a core that is killed meanwhile goes on where it was; and whoever uses another
 * service notices nothing. LBD_CHANGES=10000 for more.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ApiChange, ApiHistory } from '../../src/control/api.js';
import { ApiRefusal, type Client, connect, Unreachable } from '../../src/control/client.js';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { serveIn } from './kit/several.js';
import { type Program, until } from './kit/shell.js';
import { monotonic, startTraffic, type Traffic } from './kit/traffic.js';

const CHANGES = Number(process.env.LBD_CHANGES ?? 400);
const CLIENTS = 8;
const SERVICES = 6;
const HOSTS = 5;
/** Told with a failure, and taken for the next run: LBD_SEED. */
const SEED = Number(process.env.LBD_SEED ?? Date.now() % 100_000);

/** Numerical Recipes' linear congruence: good enough to mix, the same on every machine. */
function createDice(seed: number): (sides: number) => number {
  let state = seed >>> 0;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const serviceName = (i: number): string => `s${i}`;
const rsOf = (host: number): string => `10.6.0.${host + 1}:80`;
/** Half of them are in the file. */
const IN_FILE = Math.ceil(HOSTS / 2);
const CONFIG = `
defaults: { scheduler: rr, forward: dr }
virtual_servers:
  - { name: web, address: "${VIP}:80", real_servers: [ { address: 192.0.2.21 }, { address: 192.0.2.22 } ] }
${Array.from({ length: SERVICES }, (_, i) => {
  const servers = Array.from({ length: IN_FILE }, (_one, host) => `{ address: "${rsOf(host)}", weight: 10 }`);
  return `  - { name: ${serviceName(i)}, address: "10.5.0.${i + 1}:80", real_servers: [ ${servers.join(', ')} ] }\n`;
}).join('')}`;

interface Entry {
  weight: number;
  state: 'ready' | 'drain' | 'disabled';
}
/** `s1/10.6.0.2:80` */
type Model = Map<string, Entry>;

const fileModel = (): Model => {
  const model: Model = new Map();
  for (let i = 0; i < SERVICES; i++)
    for (let host = 0; host < IN_FILE; host++) model.set(`${serviceName(i)}/${rsOf(host)}`, { weight: 10, state: 'ready' });
  return model;
};

const AFTER = { drain: 'drain', undrain: 'ready', disable: 'disabled', enable: 'ready' } as const;

function play(model: Model, { method, params }: ApiChange): void {
  const key = `${params.service}/${params.rs}`;
  const entry = model.get(key);
  if (method === 'add_rs') model.set(key, { weight: Number(params.weight), state: 'ready' });
  else if (method === 'del_rs') model.delete(key);
  else if (method === 'set_rs') model.set(key, { ...(entry as Entry), weight: Number(params.weight) });
  else model.set(key, { ...(entry as Entry), state: AFTER[params.state as keyof typeof AFTER] });
}

/** As /proc/net/ip_vs should have it: `10.5.0.1:80 10.6.0.2:80 7`. */
const tableOf = (model: Model): string[] =>
  [...model]
    .filter(([, { state }]) => state !== 'disabled')
    .map(([key, { weight, state }]) => {
      const [service = '', rs] = key.split('/');
      return `10.5.0.${Number(service.slice(1)) + 1}:80 ${rs} ${state === 'drain' ? 0 : weight}`;
    })
    .sort();

const KINDS = ['set_rs', 'set_rs', 'add_rs', 'del_rs', 'set_state'] as const;

function randomChange(dice: (sides: number) => number): ApiChange {
  const target = { service: serviceName(dice(SERVICES)), rs: rsOf(dice(HOSTS)) };
  const method = KINDS[dice(KINDS.length)] as (typeof KINDS)[number];
  if (method === 'set_rs') return { method, params: { ...target, weight: String(1 + dice(99)) } };
  if (method === 'add_rs') return { method, params: { ...target, weight: 1 + dice(99) } };
  if (method === 'set_state') return { method, params: { ...target, state: Object.keys(AFTER)[dice(4)] as string } };
  return { method, params: target };
}

/** Contradicts itself: nothing of it may be done. */
const poisoned = (changes: readonly ApiChange[]): ApiChange[] => [
  ...changes,
  { method: 'set_rs', params: { service: 'web', rs: '192.0.2.99:80', weight: '1' } },
];

let network: Network;
let d1: Director;
let traffic: Traffic;
const programs: Program[] = [];

/** By the number that goes with it as the reason. */
const orders = new Map<string, readonly ApiChange[]>();
/** What was acknowledged, by revision. */
const done = new Map<number, string>();
let asked = 0;
let refused = 0;
let killed = false;

const socket = () => join(d1.folder, 'run/lbd.sock');

/** One of the clients: connects again when core is gone. */
async function work(count: number, seed: number): Promise<void> {
  const dice = createDice(seed);
  let client: Client | undefined;
  for (let i = 0; i < count; i++) {
    const changes = Array.from({ length: 1 + dice(2) }, () => randomChange(dice));
    const isPoisoned = dice(10) === 0;
    const reason = `order ${++asked}`;
    orders.set(reason, changes);
    try {
      client ??= await connect(socket());
      const { revision } = await client.call('changes', { changes: isPoisoned ? poisoned(changes) : changes, reason }, 60_000);
      assert.ok(!isPoisoned, `${reason} was done`);
      // The history may have told it before its answer came.
      assert.equal(done.get(revision) ?? reason, reason, `revision ${revision} was given twice`);
      done.set(revision, reason);
    } catch (error) {
      if (error instanceof ApiRefusal) refused++;
      else if (error instanceof Unreachable && killed) {
        client?.close();
        client = undefined;
        await until('core is back', () => d1.status().catch(() => undefined));
      } else throw error;
    }
  }
  client?.close();
}

/** What was on its way when core was killed and had no answer: the history says whether it was done. */
async function addUnanswered(): Promise<void> {
  const history = JSON.parse(d1.ctl('history', '-o', 'json').stdout) as ApiHistory;
  for (const { revision, why } of history.revisions) if (orders.has(why)) done.set(revision, why);
}

const kernelTable = (): string[] => {
  const rules = network.exec('d1', 'ipvsadm -Sn').split('\n');
  return rules.flatMap((rule) => /^-a -t (10\.5\S+) -r (\S+) -g -w (\d+)/.exec(rule)?.slice(1).join(' ') ?? []).sort();
};

async function round(count: number, seed: number, meanwhile?: () => Promise<void>): Promise<void> {
  const share = Math.ceil(count / CLIENTS);
  const clients = Array.from({ length: CLIENTS }, (_, i) => work(share, seed * 100 + i));
  await meanwhile?.();
  await Promise.all(clients);
}

async function agree(): Promise<void> {
  await d1.when('all in sync', ({ services }) => services.length === SERVICES + 1 && services.every((one) => one.in_sync));
  const model = fileModel();
  for (const [, reason] of [...done].sort(([a], [b]) => a - b)) for (const one of orders.get(reason) ?? []) play(model, one);
  assert.deepEqual(kernelTable(), tableOf(model));
}

describe('many changes at once', () => {
  before(async () => {
    network = buildNetwork(['cli', 'd1', 'rs1', 'rs2']);
    network.execAll('d1', [`ip addr add ${VIP}/32 dev eth0`]);
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name);
      programs.push(await serveIn(network.host(name).netns, ['web', name, '80']));
    }
    d1 = createDirector(network.host('d1').netns, 'd1');
    d1.configure(CONFIG);
    await d1.start();
    await d1.when('in sync', ({ services }) => services.length === SERVICES + 1 && services.every((one) => one.in_sync));
    traffic = startTraffic(network.host('cli').netns, VIP, 80, 5, 10_000);
    await traffic.more(3);
  });

  after(async () => {
    await traffic?.stop();
    await d1?.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  test(`by ${CLIENTS} clients: the kernel has what they make of the file, and nobody else notices`, async (t) => {
    t.diagnostic(`LBD_SEED=${SEED}`);
    const since = monotonic();
    await round(CHANGES / 2, SEED);
    await agree();
    t.diagnostic(`${done.size} of ${asked} were done, ${refused} refused`);
    assert.ok(done.size > asked / 5 && refused > 0);
    await traffic.more(5);
    assert.deepEqual(
      traffic.between(since).filter(({ error }) => error !== null),
      [],
    );
  });

  test('core is killed in the middle: what was answered counts, what was not is there whole or not at all', async (t) => {
    const since = monotonic();
    const before = done.size;
    killed = true;
    await round(CHANGES / 2, SEED + 1, async () => {
      await until('some are done', () => done.size > before + 5);
      d1.program().signal('SIGKILL');
      await d1.program().ended;
      await d1.start();
      await addUnanswered();
    });
    await agree();
    t.diagnostic(`${done.size - before} more were done`);
    await traffic.more(5);
    assert.deepEqual(
      traffic.between(since).filter(({ error }) => error !== null),
      [],
    );
  });
});
