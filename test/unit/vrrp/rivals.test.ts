import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../src/config/types.js';
import {
  hearRival,
  NO_RIVALS,
  type Rivals,
  reviewRivals,
  rivalsDeadline,
  type Standing,
  standingRivals,
} from '../../../src/vrrp/rivals.js';
import type { Received } from '../../../src/vrrp/types.js';
import { decodeAdvert, encodeAdvert, NO_AUTH, passwordData, VRRP_GROUP } from '../../../src/wire/vrrp.js';
import { conf as instance } from '../../fake/directors.js';

const OTHER = '192.0.2.7';
const MASTER: Standing = { phase: 'master', since: 0 };
const BACKUP: Standing = { phase: 'backup', since: 0 };
const conf = instance(3, 1000, 150, true);
const old = instance(2, 1000, 150, true);

interface Said {
  readonly from?: string;
  readonly version?: 2 | 3;
  readonly priority?: number;
  readonly interval?: number;
  readonly addresses?: readonly string[];
  readonly password?: string;
  readonly ttl?: number;
  readonly destination?: string;
  readonly cut?: number;
}

function advert({
  from = OTHER,
  version = 3,
  priority = 100,
  interval = 1000,
  addresses = ['192.0.2.10'],
  ...rest
}: Said): Received {
  const { password, ttl = 255, destination = VRRP_GROUP[4], cut } = rest;
  const flow = { source: from, destination: VRRP_GROUP[4] };
  const auth = password === undefined ? { authType: 0, authData: NO_AUTH } : { authType: 1, authData: passwordData(password) };
  const bytes = encodeAdvert({ version, vrid: 51, priority, interval, addresses, ...auth }, flow, 'pseudo');
  return { source: from, destination, ttl, decoded: decodeAdvert(bytes.subarray(0, cut), flow) };
}

/** Heard at 5 s, 6 s and so on; what is told on the way. */
function play(
  own: VrrpInstanceConfig,
  standing: Standing,
  adverts: readonly Said[],
): { rivals: Rivals; told: string[]; now: number } {
  let rivals = NO_RIVALS;
  let now = 4000;
  const told: string[] = [];
  for (const said of adverts) {
    now += 1000;
    rivals = hearRival(own, rivals, advert(said), standing, now);
    const review = reviewRivals(own, rivals, standing, now);
    rivals = review.rivals;
    if (review.begun !== undefined) told.push(review.begun);
    if (review.over !== undefined) told.push(`over: ${review.over}`);
  }
  return { rivals, told, now };
}

describe('the likely cause of two masters', () => {
  const causes: readonly (readonly [what: string, own: VrrpInstanceConfig, said: Said, times: number, text: RegExp])[] = [
    ['a master that goes on', conf, {}, 2, /^192\.0\.2\.7 \(priority 100\) is master too and does not hear this director/],
    ['the same with other addresses', conf, { addresses: ['192.0.2.10', '192.0.2.11'] }, 2, /its addresses are others/],
    [
      'no address in common',
      conf,
      { addresses: ['192.0.2.99'] },
      2,
      /uses VRID 51 on eth0 for other addresses \(192\.0\.2\.99\)/,
    ],
    ['the same, refused', old, { version: 2, password: 'x', addresses: ['192.0.2.99'] }, 2, /another group has the same/],
    ['another version', conf, { version: 2 }, 1, /refused: it speaks VRRPv2, this director VRRPv3$/],
    ['another password', { ...old, password: 'a' }, { version: 2, password: 'b' }, 1, /refused: it has another password$/],
    ['a password there', old, { version: 2, password: 'b' }, 1, /refused: it uses a password, this director none$/],
    ['a password here', { ...old, password: 'a' }, { version: 2 }, 1, /refused: it uses no password, this director does$/],
    [
      'another interval',
      old,
      { version: 2, interval: 3000 },
      1,
      /advertises every 3s, this director every 1s, and VRRPv2 wants them equal$/,
    ],
    ['unicast', conf, { destination: '192.0.2.1' }, 1, /refused: they are sent to 192\.0\.2\.1, not to the group/],
    ['two owners', { ...old, priority: 255 }, { version: 2, priority: 255 }, 1, /is there a second owner\?$/],
    ['a router between', conf, { ttl: 254 }, 2, /with TTL 254 instead of 255/],
    [
      'damage',
      conf,
      { cut: 9 },
      2,
      /^192\.0\.2\.7 is master too, and its adverts are refused: they make no sense \(truncated\)$/,
    ],
  ];
  for (const [what, own, said, times, text] of causes) {
    test(what, () => {
      const adverts = Array.from({ length: times }, () => said);
      assert.deepEqual(play(own, MASTER, adverts.slice(1)).told, [], 'not before');
      const { told, rivals } = play(own, MASTER, adverts);
      assert.equal(told.length, 1, told.join());
      assert.match(told[0] as string, text);
      assert.equal(standingRivals(own, rivals, 'master').length, 1);
    });
  }
});

test('it is told once, and over when the other is silent, resigns, or this director gives way', () => {
  const { rivals, told, now } = play(conf, MASTER, [{}, {}, {}, {}]);
  assert.equal(told.length, 1);
  const until = rivalsDeadline(rivals);
  assert.equal(until, now + 4000);
  assert.equal(reviewRivals(conf, rivals, MASTER, until - 1).over, undefined);
  assert.equal(reviewRivals(conf, rivals, MASTER, until).over, 'no other master is heard any more');
  assert.equal(reviewRivals(conf, rivals, { phase: 'backup', since: now }, now).over, 'this director is backup');
  const resigned = hearRival(conf, rivals, advert({ priority: 0 }), MASTER, now);
  assert.match(reviewRivals(conf, resigned, MASTER, now).over ?? '', /no other master/);
});

test('the last word of the master before is no rival, nor is one advert that our answer ends', () => {
  assert.deepEqual(play(conf, { phase: 'master', since: 4500 }, [{}]).rivals, NO_RIVALS);
  assert.deepEqual(play(conf, MASTER, [{}]).told, []);
  assert.deepEqual(play(conf, BACKUP, [{}, {}]).rivals, NO_RIVALS);
});

test('whose VRID somebody else has is told one that is free', () => {
  const heard = (free?: number) =>
    hearRival(conf, NO_RIVALS, advert({ addresses: ['192.0.2.99'] }), MASTER, 9000, free).list[0]?.text;
  assert.match(heard(52) ?? '', /the same virtual_router_id; nobody was heard with 52 there$/);
  assert.match(heard() ?? '', /the same virtual_router_id$/);
});

test('a backup tells of a master that has other addresses, and remembers one that it refuses for when it is master', () => {
  assert.match(play(conf, BACKUP, [{ addresses: ['192.0.2.99'] }, { addresses: ['192.0.2.99'] }]).told.join(), /another group/);
  const { rivals, told, now } = play(conf, BACKUP, [{ version: 2 }]);
  assert.deepEqual(told, []);
  assert.match(reviewRivals(conf, rivals, { phase: 'master', since: now }, now + 20_000).begun ?? '', /VRRPv2/);
});

test('a flood of senders does not grow', () => {
  const flood = Array.from({ length: 500 }, (_, i) => ({ from: `192.0.${2 + Math.floor(i / 250)}.${1 + (i % 250)}`, ttl: 3 }));
  const { rivals, told } = play(conf, MASTER, flood);
  assert.equal(rivals.list.length, 4, 'those of the last four seconds');
  assert.deepEqual(told, []);
  const sudden = flood.reduce((all, said) => hearRival(conf, all, advert(said), MASTER, 9000), NO_RIVALS);
  assert.equal(sudden.list.length, 8);
});
