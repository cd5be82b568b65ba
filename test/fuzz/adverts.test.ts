/**
 * Adverts that nobody would send, by the hundred thousand: from golden ones with some bytes, the length or the checksum changed, and
 * from nothing. Through decode, admit and step: what is refused is refused for a declared reason and changes nothing, nothing throws,
 * and the machine stays one that can be.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromHex, viewOf } from '../../src/base/bytes.js';
import { checksum16 } from '../../src/base/checksum.js';
import type { Ip } from '../../src/base/ip.js';
import type { SigningConfig, VrrpInstanceConfig } from '../../src/config/types.js';
import { createSigner, type Signer } from '../../src/daemon/vrrp/signer.js';
import { deadline, initial, step } from '../../src/vrrp/machine.js';
import type { Received, Rejection, VrrpEffect, VrrpState } from '../../src/vrrp/types.js';
import {
  type Advert,
  decodeAdvert,
  encodeAdvert,
  encodeUnsigned,
  type Flow,
  sealAdvert,
  VRRP_GROUP,
} from '../../src/wire/vrrp.js';
import { signAdvert } from '../../src/wire/vrrp-trailer.js';
import { conf as instance } from '../fake/directors.js';
import { createFuzz, type Fuzz } from './seed.js';

interface Golden {
  readonly vrrp: readonly { readonly vrrp_payload_hex: string }[];
}
const GOLDEN = JSON.parse(readFileSync(new URL('../../../test/golden/wire-golden.json', import.meta.url), 'utf8')) as Golden;

/** Every reason there is; the compiler sees to it that none is missing. */
const REASONS: Readonly<Record<Rejection, true>> = {
  truncated: true,
  version: true,
  type: true,
  length: true,
  'no-addresses': true,
  checksum: true,
  'zero-interval': true,
  peer: true,
  ttl: true,
  destination: true,
  'auth-type': true,
  password: true,
  interval: true,
  owner: true,
  unsigned: true,
  signed: true,
  trailer: true,
  'key-id': true,
  signature: true,
  stale: true,
  replay: true,
};

/** Nobody's peer. */
const STRANGER = '192.0.2.99';

interface Case {
  readonly conf: VrrpInstanceConfig;
  readonly own: Ip;
  readonly other: Ip;
}

const base4 = instance(3, 1000, 100, true);
const v6: readonly { readonly address: Ip; readonly length: number }[] = [
  { address: 'fe80::5e:30', length: 128 },
  { address: '2001:db8:1::100', length: 64 },
];
const signing: SigningConfig = { keys: [{ id: 1, file: '/k' }], activeKey: 1, mode: 'enforce', antiReplay: 'time', window: 5 };
const KEY = new Uint8Array(32).fill(5);
/** Milliseconds since 1970 when the virtual time is 0. */
const BEGIN = 1_800_000_000_000;
const of4 = (more: Partial<VrrpInstanceConfig>): Case => ({ conf: { ...base4, ...more }, own: '192.0.2.1', other: '192.0.2.7' });
const CASES: readonly Case[] = [
  of4({}),
  of4({ v3Checksum: 'rfc9568', priority: 255 }),
  of4({ version: 2 }),
  of4({ version: 2, password: 's3cret' }),
  of4({ version: 2, priority: 255, preempt: false }),
  of4({ priority: 1, preempt: false, preemptDelay: 5000 }),
  of4({ unicast: { peers: [{ address: '192.0.2.7', minTtl: 200, maxTtl: 255 }] } }),
  of4({ signing }),
  of4({ signing: { ...signing, mode: 'permissive', antiReplay: 'monotonic' } }),
  of4({ version: 2, signing }),
  { conf: { ...base4, family: 6, addresses: v6, signing }, own: 'fe80::ff:fe00:101', other: 'fe80::ff:fe00:102' },
  { conf: { ...base4, family: 6, addresses: v6 }, own: 'fe80::ff:fe00:101', other: 'fe80::ff:fe00:102' },
];

const destinationOf = ({ conf, own }: Case): Ip => (conf.unicast ? own : VRRP_GROUP[conf.family]);

/** One that the instance would take, of any priority. */
function sound(fuzz: Fuzz, one: Case, utc: number): Uint8Array {
  const { conf, other } = one;
  const form = fuzz.pick(['pseudo', 'rfc9568'] as const);
  const flow = { source: other, destination: destinationOf(one) };
  const advert: Advert = {
    version: conf.version,
    vrid: conf.vrid,
    priority: fuzz.below(256),
    interval: fuzz.pick([conf.advertInterval, conf.advertInterval, 10, 40_950]),
    addresses: conf.addresses.slice(0, 1 + fuzz.below(2)).map((one) => one.address),
    authType: conf.password === undefined ? 0 : 1,
    authData: new TextEncoder().encode('s3cret\0\0'),
  };
  // Now and then one is not signed that should be, and one signed that should not.
  if ((conf.signing === undefined) !== (fuzz.below(20) === 0)) return encodeAdvert(advert, flow, form);
  return sign(fuzz, encodeUnsigned(advert, flow, form), flow, utc);
}

/** With the right key, another one, or one of an unknown number; at this time, an old one, or as often before. */
function sign(fuzz: Fuzz, bytes: Uint8Array, flow: Flow, utc: number): Uint8Array {
  const kind = fuzz.below(12);
  const key = kind === 0 ? new Uint8Array(32) : KEY;
  const time = BigInt(Math.floor(utc / 1000) + (kind === 1 ? fuzz.pick([-600, -6, 6, 600]) : 0));
  const signed = bytes.slice();
  signAdvert(signed, flow.source, kind === 2 ? 9 : 1, key, (time << 32n) | BigInt(kind === 3 ? 0 : (utc % 1000) * 65_536));
  if (kind === 4) signed[signed.length - 28 + fuzz.pick([0, 2, 3])] = 1 + fuzz.below(255);
  sealAdvert(bytes, flow, signed.subarray(signed.length - 28));
  return bytes;
}

const noise = (fuzz: Fuzz, length: number): Uint8Array => Uint8Array.from({ length }, () => fuzz.below(256));

/** Some bytes others, or more or fewer of them. */
function mutate(fuzz: Fuzz, bytes: Uint8Array): Uint8Array {
  const kind = fuzz.below(5);
  // Fewer addresses, and no more bytes than they need.
  if (kind === 4) return bytes.slice(0, 8).map((byte, i) => (i === 3 ? 0 : byte));
  if (kind === 0) return bytes.slice(0, fuzz.below(bytes.length + 1));
  if (kind === 1) return Uint8Array.from([...bytes, ...noise(fuzz, 1 + fuzz.below(20))]);
  const changed = bytes.slice();
  for (let i = fuzz.below(3); i >= 0 && changed.length > 0; i--) {
    // The header decides most: half of the changes are there.
    const at = fuzz.below(fuzz.below(2) === 0 ? Math.min(8, changed.length) : changed.length);
    changed[at] = kind === 2 ? (changed[at] as number) ^ (1 << fuzz.below(8)) : fuzz.below(256);
  }
  return changed;
}

/** So that what comes after the checksum is reached too: the form without a pseudo-header, which version 2 and one form of 3 have. */
function rightChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 8) return bytes;
  const view = viewOf(bytes);
  view.setUint16(6, 0);
  view.setUint16(6, checksum16(bytes));
  return bytes;
}

function packet(fuzz: Fuzz, one: Case, utc: number): Uint8Array {
  const kind = fuzz.below(10);
  if (kind === 0) return noise(fuzz, fuzz.below(64));
  if (kind === 1) return sound(fuzz, one, utc);
  const golden = fromHex(fuzz.pick(GOLDEN.vrrp).vrrp_payload_hex);
  const changed = mutate(fuzz, kind < 6 ? golden : sound(fuzz, one, utc));
  return fuzz.below(2) === 0 ? rightChecksum(changed) : changed;
}

function receive(fuzz: Fuzz, one: Case, signer: Signer, utc: number): Received {
  const dice = fuzz.below(20);
  const source = dice === 0 ? one.own : dice === 1 && one.conf.unicast ? STRANGER : one.other;
  const destination = destinationOf(one);
  const payload = packet(fuzz, one, utc);
  const received = {
    source,
    destination: fuzz.below(20) === 0 ? fuzz.pick([one.own, VRRP_GROUP[one.conf.family]]) : destination,
    ttl: fuzz.below(20) === 0 ? fuzz.below(256) : 255,
    decoded: decodeAdvert(payload, { source, destination }),
  };
  return { ...received, signature: signer.judge(received, payload) };
}

function consistent(state: VrrpState): void {
  const { phase, holding, handover, downAt, advertAt, listenUntil } = state;
  assert.ok(['backup', 'master'].includes(phase), phase);
  const due = deadline(state);
  assert.ok(Number.isFinite(due), `${phase} would never wake again`);
  assert.equal(Number.isFinite(downAt), phase === 'backup');
  assert.equal(Number.isFinite(advertAt) || Number.isFinite(listenUntil), phase === 'master');
  assert.equal(holding.length > 0, phase === 'master' || handover !== undefined);
}

/** A refusal says why and who, and nothing of the machine is other than before. */
function judge(before: VrrpState, after: VrrpState, effects: readonly VrrpEffect[], source: Ip, seen: Set<Rejection>): void {
  const refused = effects.filter((one) => one.type === 'reject');
  for (const one of refused) {
    assert.ok(REASONS[one.rejection], `undeclared: ${one.rejection}`);
    assert.equal(one.source, source);
    assert.equal(after, before);
    assert.equal(effects.length, 1);
    seen.add(one.rejection);
  }
}

test('whatever comes, only declared refusals come out, and the machine goes on', (t) => {
  const fuzz = createFuzz(t, 100_000);
  const seen = new Set<Rejection>();
  let taken = 0;
  const share = Math.ceil(fuzz.rounds / CASES.length);
  for (const one of CASES) {
    const { conf, own } = one;
    let now = 1000;
    const signer = createSigner({ now: () => now, utc: () => BEGIN + now, key: () => KEY }, () => conf);
    const link = { usable: true as const, source: own };
    let [state] = step(conf, initial(now), { type: 'start', now, link, gate: { forwarding: 'ready', reason: '' } });
    for (let i = 0; i < share; i++) {
      // Mostly little time passes; now and then so much that timers fire or the process seems to have been stopped.
      now += fuzz.below(100) === 0 ? fuzz.below(20_000) : fuzz.below(20);
      const received = receive(fuzz, one, signer, BEGIN + now);
      const ready = step(conf, state, { type: 'tick', now })[0];
      const [next, effects] = step(conf, ready, { type: 'advert', now, received });
      judge(ready, next, effects, received.source, seen);
      if (next !== ready) taken++;
      consistent(next);
      state = next;
    }
  }
  t.diagnostic(`${taken} adverts changed something; refused: ${[...seen].sort().join(' ')}`);
  if (fuzz.rounds < 50_000) return;
  // A fuzz that never gets beyond the first check proves nothing.
  assert.deepEqual([...seen].sort(), Object.keys(REASONS).sort());
  assert.ok(taken > fuzz.rounds / 100);
});
