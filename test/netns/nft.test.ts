/** The rules as the kernel's nftables takes them, and the keeper of the table beside others who load firewalls. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { ServiceId } from '../../src/base/service-id.js';
import type { NetfilterStatus } from '../../src/daemon/check/netfilter.js';
import { netfilterRules, toNft } from '../../src/intent/netfilter.js';
import type { ServiceIntent } from '../../src/intent/types.js';
import { makeServer, makeService } from '../fake/intent.js';
import { makeNetns, type Netns, type Program } from './netns.js';

const CHILD = new URL('./nft-child.js', import.meta.url);
const TABLE = 'inet lbd';

const at = (address: string, port: number, protocol: 'tcp' | 'udp' | 'sctp' = 'tcp'): ServiceId => ({
  kind: 'address',
  family: address.includes(':') ? 6 : 4,
  protocol,
  address,
  port,
});
const mark = (fwmark: number, family: 4 | 6): ServiceId => ({ kind: 'fwmark', family, fwmark });

const of = (id: ServiceId, own: Partial<ServiceIntent>, ...ports: number[]): ServiceIntent => {
  const address = id.family === 4 ? '10.0.0.1' : 'fd00::1';
  return makeService(
    ports.map((port) => makeServer(1, { address, port })),
    { id, ids: [id], ...own },
  );
};
const snat = (id: ServiceId, ...ports: number[]) => of(id, { snat: true }, ...ports);
const tun = (id: ServiceId, mss: 'auto' | number = 'auto') => of(id, { forward: 'tun', mss });

/** Every form of a rule. */
const EVERYTHING = [
  snat(at('192.0.2.10', 80), 8080, 80),
  snat(at('192.0.2.10', 53, 'udp'), 53),
  snat(at('192.0.2.10', 3868, 'sctp'), 3868),
  snat(at('2001:db8::10', 80), 8080),
  snat(mark(7, 4), 0, 8080),
  snat(mark(8, 6), 0, 8080),
  snat(at('192.0.2.11', 0), 0),
  snat(at('2001:db8::11', 0, 'udp'), 5353),
  of(mark(9, 4), {}, 0),
  of(mark(9, 6), {}, 0),
  of(at('192.0.2.11', 443), {}, 443),
  tun(at('192.0.2.12', 80)),
  tun(at('192.0.2.13', 0), 1300),
  of(at('192.0.2.13', 443), {}, 443),
  tun(at('2001:db8::12', 80)),
  tun(mark(17, 4)),
  tun(mark(18, 6)),
];

let ns: Netns;
let child: Program<string>;
const nftText = (services: readonly ServiceIntent[]) => toNft(netfilterRules(services));
const listed = (table = TABLE) => child.call<string | undefined>('list', table);
const status = () => child.call<NetfilterStatus>('status');

before(() => {
  ns = makeNetns('nft');
  child = ns.start(CHILD);
});
after(async () => {
  await child?.end();
  ns?.destroy();
});

describe('the text', () => {
  afterEach(() => child.call('apply', 'flush ruleset'));

  test('every form of it is taken, and what is listed is the same each time', async () => {
    await child.call('apply', nftText(EVERYTHING));
    const first = await listed();
    assert.match(first ?? '', /masquerade/);
    assert.equal(first?.match(/chain /g)?.length, nftText(EVERYTHING).match(/chain /g)?.length);
    await child.call('apply', nftText(EVERYTHING));
    assert.equal(await listed(), first);
  });

  test('one replaces the other, nothing takes it away, and other tables stay', async () => {
    ns.exec('nft add table inet mine');
    await child.call('apply', nftText([tun(at('192.0.2.12', 80))]));
    await child.call('apply', nftText([snat(at('192.0.2.10', 80), 80)]));
    assert.doesNotMatch((await listed()) ?? '', /maxseg/);
    await child.call('apply', nftText([]));
    assert.equal(await listed(), undefined);
    await child.call('apply', nftText([]));
    assert.equal(ns.exec('nft list tables').trim(), 'table inet mine');
  });

  test('a refused one changes nothing, and says why', async () => {
    await child.call('apply', nftText([tun(at('192.0.2.12', 80))]));
    const before = await listed();
    const wrong = nftText([tun(at('192.0.2.13', 80))]).replace('goto mss_syn', 'goto nowhere');
    await assert.rejects(child.call('apply', wrong), /^OsError: nftables: nft: Could not process rule: .*goto nowhere/);
    assert.equal(await listed(), before);
  });

  test('thousands of services', async (t) => {
    const services = Array.from({ length: 5000 }, (_none, i) => {
      const address = `10.${1 + (i >> 8)}.${i & 255}.1`;
      return i % 2 ? snat(at(address, 80 + (i % 7)), 8080, 8081) : tun(at(address, 80));
    });
    const began = performance.now();
    const text = nftText(services);
    const made = performance.now();
    await child.call('apply', text);
    const applied = performance.now();
    assert.match((await listed()) ?? '', /10\.20\.135\.1 /);
    const done = performance.now();
    t.diagnostic(
      `5000 services: text ${Math.round(made - began)} ms, apply ${Math.round(applied - made)} ms, list ${Math.round(done - applied)} ms`,
    );
  });
});

describe('the keeper', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lbd-nft-'));
  });
  afterEach(async () => {
    await child.call('stop', false);
    ns.exec('nft flush ruleset');
    rmSync(folder, { recursive: true });
  });

  async function begin(services: readonly ServiceIntent[], onStop: 'keep' | 'remove' = 'keep'): Promise<void> {
    const from = child.events.length;
    await child.call('begin', folder, onStop);
    await child.call('want', services);
    await child.event((text) => text === 'netfilter rules applied', from);
  }

  for (const line of [
    'nft flush ruleset',
    'nft delete table inet lbd',
    'nft flush chain inet lbd mss_in',
    'nft add rule inet lbd snat_out accept',
    'nft add chain inet lbd mine',
    'nft -f -',
  ]) {
    test(`after: ${line}`, async () => {
      await begin(EVERYTHING);
      const own = await listed();
      ns.exec('nft add table ip mine');
      const from = child.events.length;
      ns.exec(line, line.endsWith('-f -') ? 'flush ruleset\ntable ip mine {}\n' : '');
      await child.call('reconcile');
      await child.event((text) => text === 'netfilter rules applied', from);
      assert.equal(await listed(), own);
      assert.deepEqual(child.events.slice(from, -1).length, 1, 'told with one line');
      assert.match(
        child.events.at(-2) ?? '',
        /^drift netfilter: nft table inet lbd was (gone|changed) by somebody else; healing/,
      );
      assert.equal(ns.exec('nft list tables').includes('table ip mine'), line !== 'nft flush ruleset');
    });
  }

  test('the next life goes on with what it wants, or takes the table away', async () => {
    await begin([tun(at('192.0.2.12', 80))]);
    await child.call('stop', true);
    assert.match((await listed()) ?? '', /mss_1440/);
    await begin([tun(at('192.0.2.12', 80), 1300)]);
    assert.match((await listed()) ?? '', /mss_1300/);
    assert.equal((await status()).drift.total, 0);
    await child.call('stop', false);
    await begin([]);
    assert.equal(await listed(), undefined);
    assert.equal((await status()).state, 'none');
  });

  test('on_stop: remove', async () => {
    await begin(EVERYTHING, 'remove');
    await child.call('stop', true);
    assert.equal(ns.exec('nft list ruleset'), '');
  });
});
