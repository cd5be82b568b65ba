import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describePlace, type Hook, type Obstacle, obstacles } from '../../../../src/intent/doctor/firewall.js';
import type { Packet } from '../../../../src/intent/doctor/packet.js';
import { readRuleset } from '../../../../src/intent/doctor/ruleset.js';
import { rulesetJson } from './rulesets.js';

function load(name: string) {
  const ruleset = readRuleset(rulesetJson(name));
  assert.ok(ruleset);
  return ruleset;
}

const NEAR = [{ address: '10.9.0.1', length: 24 }];
const LINK = { inputs: ['eth0'], outputs: [] } as const;
const VRRP: Packet = {
  ...LINK,
  family: 4,
  protocol: 112,
  sources: NEAR,
  destination: '224.0.0.18',
  hops: 255,
  state: 'new',
};
const VRRP6: Packet = { ...VRRP, family: 6, sources: [{ address: 'fe80::', length: 10 }], destination: 'ff02::12' };
const SYNC: Packet = { ...VRRP, protocol: 17, destination: '224.0.0.81', destinationPort: 8848, hops: 1 };
const MLD: Packet = { ...VRRP6, protocol: 58, icmpType: 130, destination: 'ff02::1', hops: 1, state: 'untracked' };
/** From anywhere, by either of two interfaces. */
const CLIENT: Packet = {
  family: 4,
  protocol: 6,
  sources: undefined,
  destination: '192.0.2.10',
  destinationPort: 80,
  inputs: ['eth0', 'eth1'],
  outputs: [],
  state: 'invalid',
};
const PACKETS = [VRRP, SYNC, CLIENT, VRRP6, MLD] as const;
const INPUT: readonly Hook[] = [{ name: 'input' }];

/** Of VRRP, sync, a client's packet, VRRP by IPv6, MLD: y matches, n does not, ? depends. */
const MATCHES: Readonly<Record<string, string>> = {
  'ip-protocol': 'ynnnn',
  'ip-protocol-set': 'ynnnn',
  'ip-protocol-named': 'ynynn',
  'ip6-nexthdr': 'nnnyn',
  l4proto: 'ynnyn',
  daddr: 'ynnnn',
  'daddr-prefix': 'yynnn',
  'daddr-range': 'ynnnn',
  'daddr-set': 'ynnnn',
  'daddr-named': 'yynnn',
  'daddr-not': 'yyynn',
  'ip6-daddr': 'nnnyn',
  'saddr-wide': 'yy?nn',
  'saddr-elsewhere': 'nn?nn',
  'saddr-host': '???nn',
  'saddr-named': 'yy?nn',
  saddr6: 'nnnyy',
  iifname: 'yy?yy',
  'iifname-star': 'yyyyy',
  'iifname-named': 'yy?yy',
  'iifname-not': 'yyyyy',
  iif: 'nnnnn',
  dport: 'nynnn',
  'dport-set': 'nynnn',
  'dport-above': 'nynnn',
  'dport-not': 'nnynn',
  'th-dport': 'nnynn',
  pairs: 'nnynn',
  'state-new': 'yynyn',
  'state-list': 'nnnnn',
  'state-set': 'yynyy',
  'state-not': 'yynyy',
  'state-vmap': 'yynyn',
  pkttype: 'yynyy',
  'pkttype-set': 'nnynn',
  nfproto: 'yyynn',
  mark: 'yyyyy',
  ttl: 'yn?nn',
  fragment: 'yyynn',
  'fib-type': 'yy?yy',
  'fib-missing': 'yy?yy',
  mld: 'nnnny',
  'named-vmap': 'yy?yy',
  'routing-header': 'nnnnn',
  limit: '?????',
  length: '???nn',
};

describe('matches', () => {
  const ruleset = load('matches');
  const letter = (found: Obstacle | undefined) => (found ? (found.verdict === 'dropped' ? 'n' : '?') : 'y');
  const verdicts = PACKETS.map((packet) => new Map(obstacles(ruleset, packet, INPUT).map((one) => [one.base.name, one])));
  for (const chain of ruleset.chains) {
    const name = chain.name.replace(/^t-/, '');
    test(name, () => assert.equal(verdicts.map((of) => letter(of.get(chain.name))).join(''), MATCHES[name]));
  }
  test('every match of the table is in the ruleset', () => {
    assert.deepEqual(ruleset.chains.map((one) => one.name.replace(/^t-/, '')).sort(), Object.keys(MATCHES).sort());
  });
  test('what it depends on is named', () => {
    const doubts = new Map(obstacles(ruleset, CLIENT, INPUT).map((one) => [one.base.name, one.doubt]));
    assert.equal(doubts.get('t-saddr-host'), 'a match on ip saddr');
    assert.equal(doubts.get('t-fib-type'), 'a match on fib type');
    assert.equal(doubts.get('t-limit'), '"limit"');
    assert.equal(doubts.get('t-named-vmap'), 'a verdict map of meta iifname');
  });
});

describe('the walk', () => {
  const ruleset = load('walk');
  const found = new Map(obstacles(ruleset, VRRP, INPUT).map((one) => [one.base.name, one]));
  const handleOf = (chain: string, kind: string): number | undefined =>
    ruleset.chains.find((one) => one.name === chain)?.rules.find((rule) => rule.statements.some((one) => kind in one))?.handle;

  test('chains that accept are no obstacles: after jumps and returns, where both ways end the same, by a mark', () => {
    for (const name of ['jumps', 'either-way', 'marked', 'maybe-jump']) assert.equal(found.get(name), undefined, name);
  });

  test('the policy drops after a goto and after a return', () => {
    for (const name of ['gone', 'policy-after-return']) {
      assert.deepEqual([found.get(name)?.verdict, found.get(name)?.place.handle], ['dropped', undefined], name);
    }
    const place = found.get('gone')?.place;
    assert.equal(place && describePlace(place), 'the policy of chain inet walk gone');
  });

  test('the rule that drops or rejects is named', () => {
    assert.equal(found.get('late-drop')?.place.handle, handleOf('late-drop', 'drop'));
    assert.equal(found.get('rejects')?.place.handle, handleOf('rejects', 'reject'));
    const place = found.get('late-drop')?.place;
    assert.equal(place && describePlace(place), `rule handle ${handleOf('late-drop', 'drop')} of chain inet walk late-drop`);
  });

  test('a rule that nobody can judge leaves it open, unless it makes no difference', () => {
    assert.deepEqual([found.get('unknown')?.verdict, found.get('unknown')?.doubt], ['unknown', '"limit"']);
    assert.equal(found.get('unknown')?.place.handle, handleOf('unknown', 'drop'));
    assert.equal(found.get('both-drop')?.verdict, 'dropped');
  });

  test('only tables of the packet’s family count, and a drop in any of them', () => {
    const tables = (packet: Packet) => obstacles(ruleset, packet, INPUT).map((one) => one.base.table);
    assert.ok(tables(VRRP).includes('walk4'));
    assert.ok(!tables(VRRP).includes('walk6') && !tables(VRRP).includes('arps'));
    assert.ok(tables(VRRP6).includes('walk6'));
    assert.ok(!tables(VRRP6).includes('walk4'));
  });

  test('chains behind the place where IPVS takes packets do not count', () => {
    const names = obstacles(ruleset, VRRP, [{ name: 'input', before: 3 }]).map((one) => one.base.name);
    assert.deepEqual(names, ['gone']);
  });
});

describe('connection tracking', () => {
  const ruleset = load('conntrack');
  const names = (packet: Packet) => obstacles(ruleset, packet, [{ name: 'prerouting' }]).map((one) => one.base.name);

  test('before it has seen a packet every state is invalid; untracked is for good', () => {
    assert.deepEqual(names(VRRP), ['early', 'late']);
    assert.deepEqual(names(SYNC), ['early']);
  });
});

describe('what is no ruleset', () => {
  test('is none', () => {
    for (const json of [undefined, null, 'x', {}, { nftables: 1 }]) assert.equal(readRuleset(json), undefined);
  });

  test('nonsense in a ruleset is not understood, and harms nobody', () => {
    const chain = { family: 'ip', table: 't', name: 'c', hook: 'input', prio: 0, policy: 'drop' };
    const rule = (expr: unknown, handle = 1) => ({ rule: { family: 'ip', table: 't', chain: 'c', handle, expr } });
    const exprs: unknown[] = [
      [{ match: { op: '~', left: 7, right: { range: [1] } } }, { accept: null }],
      [{ match: { op: '==', left: { payload: { protocol: 'ip', field: 'daddr' } }, right: { prefix: { addr: 'x', len: 99 } } } }],
      [{ vmap: { key: null, data: 5 } }],
      [{ jump: { target: 'nobody' } }],
      [{ xt: null }, { accept: null }],
      [{ xt: { type: 'target', name: 'LOG' } }],
      'x',
      [null, 5],
    ];
    const json = { nftables: [{ chain }, ...exprs.map((expr, i) => rule(expr, i)), null, 5, { set: {} }] };
    const ruleset = readRuleset(json);
    assert.ok(ruleset);
    const [found] = obstacles(ruleset, VRRP, INPUT);
    assert.deepEqual([found?.verdict, found?.doubt], ['unknown', 'a match on a value']);
  });

  test('a chain that jumps to itself ends', () => {
    const chain = { family: 'ip', table: 't', name: 'c', hook: 'input', prio: 0, policy: 'accept' };
    const rule = { family: 'ip', table: 't', chain: 'c', handle: 1, expr: [{ jump: { target: 'c' } }] };
    const ruleset = readRuleset({ nftables: [{ chain }, { rule }, { rule: { ...rule, handle: 2 } }] });
    assert.ok(ruleset);
    assert.equal(obstacles(ruleset, VRRP, INPUT)[0]?.verdict, 'unknown');
  });

  test('a sleeping table stops nothing', () => {
    const table = { family: 'ip', name: 't', flags: 'dormant' };
    const chain = { family: 'ip', table: 't', name: 'c', hook: 'input', prio: 0, policy: 'drop' };
    for (const flags of ['dormant', ['dormant']]) {
      const ruleset = readRuleset({ nftables: [{ table: { ...table, flags } }, { chain }] });
      assert.ok(ruleset);
      assert.deepEqual(obstacles(ruleset, VRRP, INPUT), []);
    }
  });

  test('a chain at ingress counts for its interface only; where nft does not name one, nobody knows', () => {
    const chain = { family: 'netdev', table: 't', name: 'c', hook: 'ingress', prio: 0, policy: 'drop' };
    const verdicts = [undefined, 'eth0', ['eth1', 'eth0'], 'eth1'].map((dev) => {
      const ruleset = readRuleset({ nftables: [{ chain: dev === undefined ? chain : { ...chain, dev } }] });
      assert.ok(ruleset);
      return obstacles(ruleset, VRRP, [{ name: 'ingress' }])[0]?.verdict;
    });
    assert.deepEqual(verdicts, ['unknown', 'dropped', 'dropped', undefined]);
  });
});
