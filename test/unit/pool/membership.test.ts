import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CheckConfig } from '../../../src/config/types.js';
import { checkKey } from '../../../src/health/key.js';
import type { Verdict } from '../../../src/health/types.js';
import type { RealServerIntent, ServiceIntent } from '../../../src/intent/types.js';
import type { Service } from '../../../src/ipvs/types.js';
import {
  adoptedMembership,
  allChecks,
  checksOf,
  type Membership,
  membership,
  memberVerdict,
  servingChecks,
  wanted,
  weightOf,
} from '../../../src/pool/membership.js';
import { begin, decide } from '../../../src/pool/state.js';
import { makeServer, makeService } from '../../fake/intent.js';

const tcp: CheckConfig = { type: 'tcp', port: undefined, interval: 2000, timeout: 1000, rise: 1, fall: 2 };
const icmp: CheckConfig = { type: 'icmp', interval: 2000, timeout: 1000, rise: 1, fall: 2 };

const server = (host: number, own: Partial<RealServerIntent> = {}) => makeServer(host, { forward: 'dr', checks: [tcp], ...own });
const service = (servers: RealServerIntent[], own: Partial<ServiceIntent> = {}) =>
  makeService(servers, { forward: 'dr', ...own });
/** The only service that the virtual server is in the kernel. */
const only = (...of: Parameters<typeof wanted>): Service => wanted(...of)[0] as Service;

const verdict = fc.constantFrom<Verdict>('up', 'down', 'unknown');

describe('the verdict on a member', () => {
  test('all must pass', () => {
    fc.assert(
      fc.property(fc.array(verdict, { minLength: 1, maxLength: 5 }), (all) => {
        const expected = all.some((one) => one === 'down') ? 'down' : all.every((one) => one === 'up') ? 'up' : 'unknown';
        assert.equal(memberVerdict(all), expected);
      }),
    );
    assert.equal(memberVerdict([]), 'unchecked');
  });

  test('so many are enough: what is open decides nothing that it could still change', () => {
    fc.assert(
      fc.property(fc.array(verdict, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 5 }), (all, more) => {
        const needed = Math.min(more, all.length);
        const best = all.filter((one) => one !== 'down').length >= needed;
        const worst = all.filter((one) => one === 'up').length >= needed;
        assert.equal(memberVerdict(all, needed), best === worst ? (best ? 'up' : 'down') : 'unknown');
      }),
    );
  });
});

describe('the rule of membership', () => {
  const all: Membership[] = ['in', 'quiesced', 'out'];
  test('a verdict decides, no verdict changes nothing', () => {
    for (const before of all) {
      assert.equal(membership('up', 'remove', before), 'in');
      assert.equal(membership('unchecked', 'quiesce', before), 'in');
      assert.equal(membership('down', 'remove', before), 'out');
      assert.equal(membership('down', 'quiesce', before), 'quiesced');
      assert.equal(membership('unknown', 'remove', before), before);
    }
  });

  test('adoption reads the table', () => {
    const ready = { weight: 10 };
    assert.equal(adoptedMembership(undefined, ready), 'out');
    assert.equal(adoptedMembership({ weight: 0 }, ready), 'quiesced');
    assert.equal(adoptedMembership({ weight: 0 }, { weight: 10, admin: { state: 'drain', source: { kind: 'file' } } }), 'in');
    assert.equal(adoptedMembership({ weight: 0 }, { weight: 0 }), 'in');
    assert.equal(adoptedMembership({ weight: 1 }, ready), 'in');
  });

  test('a server that nobody knows is out until its first success', () => {
    const web = service([server(1), server(2, { checks: [] })]);
    const unknown = { now: 0, verdictOf: () => 'unknown' as const, shareOf: () => undefined, sinceOf: () => 0 };
    const { members } = decide(web, begin(web, new Map(), {}, 0), unknown);
    assert.deepEqual(
      [...members],
      [
        ['10.0.0.1:80', 'out'],
        ['10.0.0.2:80', 'in'],
      ],
    );
  });
});

describe('the wanted service', () => {
  const web = service([
    server(3, { weight: 7, upper: 200, lower: 100, forward: 'nat' }),
    server(1, { weight: 0 }),
    server(2),
    server(4),
  ]);
  const members = new Map<string, Membership>([
    ['10.0.0.1:80', 'in'],
    ['10.0.0.2:80', 'quiesced'],
    ['10.0.0.3:80', 'in'],
    ['10.0.0.4:80', 'out'],
    ['10.0.0.9:80', 'in'],
  ]);

  test('holds its members in the order of the configuration, with what was configured', () => {
    const { destinations, ...attributes } = only(web, members);
    assert.deepEqual(attributes, { id: web.id, scheduler: 'wrr', flags: 0, timeout: 0, prefix: 32, pe: '' });
    assert.deepEqual(
      [...destinations].map(([key, one]) => [key, one.weight]),
      [
        ['10.0.0.3:80', 7],
        ['10.0.0.1:80', 0],
        ['10.0.0.2:80', 0],
      ],
    );
    assert.deepEqual(destinations.get('10.0.0.3:80'), {
      address: '10.0.0.3',
      port: 80,
      forward: 'nat',
      weight: 7,
      upper: 200,
      lower: 100,
      tunType: 0,
      tunPort: 0,
      tunFlags: 0,
    });
  });

  test('of mh remembers the place of those that have weight 0', () => {
    const servers = [server(1, { weight: 0, configuredWeight: 5 }), server(2), server(3), server(4, { weight: 0 })];
    const all = new Map<string, Membership>(servers.map(({ key }) => [key, key === '10.0.0.2:80' ? 'quiesced' : 'in']));
    const placesOf = (scheduler: string) =>
      [...only(service(servers, { scheduler }), all).destinations.values()].map(({ weight, place }) => [weight, place]);
    assert.deepEqual(placesOf('mh'), [
      [0, 5],
      [0, 10],
      [10, undefined],
      [0, undefined],
    ]);
    assert.ok(placesOf('sh').every(([, place]) => place === undefined));
  });

  test('of IPv6 groups clients by whole addresses too', () => {
    const id = { kind: 'fwmark', family: 6, fwmark: 7 } as const;
    assert.equal(only({ ...web, ids: [id] }, members).prefix, 128);
  });
});

describe('the kernel side of a virtual server', () => {
  const mark = { kind: 'fwmark', family: 4, fwmark: 7 } as const;
  const at = (host: number, port: number) =>
    ({ kind: 'address', family: 4, protocol: 'udp', address: `192.0.2.${host}`, port }) as const;

  test('has one service for each address, with the same real servers', () => {
    const web = service([server(1), server(2)], { ids: [at(1, 80), at(2, 80)] });
    const both = wanted(web, new Map([['10.0.0.1:80', 'in']]));
    assert.deepEqual(
      both.map((one) => [one.id, [...one.destinations.keys()]]),
      [
        [at(1, 80), ['10.0.0.1:80']],
        [at(2, 80), ['10.0.0.1:80']],
      ],
    );
  });

  test("dr and tun have the port of the service, none behind a mark; nat has the real server's", () => {
    const members = new Map<string, Membership>([['10.0.0.1:8080', 'in']]);
    const keyOf = (forward: 'nat' | 'dr' | 'tun', id: ServiceIntent['id']) =>
      [
        ...only(service([server(1, { key: '10.0.0.1:8080', port: 8080, forward })], { ids: [id] }), members).destinations.keys(),
      ][0];
    assert.equal(keyOf('dr', mark), '10.0.0.1:0');
    assert.equal(keyOf('tun', at(1, 0)), '10.0.0.1:0');
    assert.equal(keyOf('nat', mark), '10.0.0.1:8080');
    assert.equal(keyOf('dr', at(1, 53)), '10.0.0.1:53');
  });

  test("carries flags, persistence and tunnels in the kernel's numbers", () => {
    const tunnel = { type: 'gue', port: 6080, checksum: 'remcsum' } as const;
    const sip = service([server(1, { forward: 'tun', tunnel }), server(2, { forward: 'nat', tunnel })], {
      scheduler: 'mh',
      schedulerFlags: ['mh-fallback', 'mh-port'],
      persistence: { timeout: 300, prefix: 24, engine: 'sip' },
      onePacket: true,
    });
    const { flags, timeout, prefix, pe, destinations } = only(
      sip,
      new Map([
        ['10.0.0.1:80', 'in'],
        ['10.0.0.2:80', 'in'],
      ]),
    );
    assert.deepEqual([flags, timeout, prefix, pe], [0x1d, 300, 24, 'sip']);
    const tunnels = [...destinations.values()].map((one) => [one.tunType, one.tunPort, one.tunFlags]);
    assert.deepEqual(tunnels, [
      [1, 6080, 2],
      [0, 0, 0],
    ]);
  });
});

describe('checks', () => {
  test('are shared by all the servers that name them', () => {
    const one = service([server(1, { checks: [tcp, icmp] }), server(1, { port: 81, key: '10.0.0.1:81', checks: [tcp, icmp] })]);
    const two = service([server(1)], { name: 'other' });
    assert.deepEqual(
      allChecks([one, two]).map((spec) => [spec.check.type, spec.address, spec.port]),
      [
        ['tcp', '10.0.0.1', 80],
        ['icmp', '10.0.0.1', 0],
        ['tcp', '10.0.0.1', 81],
      ],
    );
  });

  test('are computed once for a server', () => {
    const one = server(1);
    assert.equal(checksOf(one), checksOf(one));
    assert.equal(checksOf(one)[0]?.key, checkKey(tcp, '10.0.0.1', 80));
  });

  test('of serving members are known as such', () => {
    const web = service([server(1), server(2)]);
    const members = new Map<string, Membership>([['10.0.0.2:80', 'in']]);
    assert.deepEqual([...servingChecks([web], () => members)], [checkKey(tcp, '10.0.0.2', 80)]);
  });
});

test('shares of the weight multiply, round up, and reach 0 only where 0 is asked for', () => {
  const agent: CheckConfig = { type: 'agent', port: 9, interval: 2000, timeout: 1000, rise: 1, fall: 2 };
  const one = server(1, { weight: 10, checks: [tcp, agent] });
  const [, key] = checksOf(one).map((spec) => spec.key);
  const at = (share: number | undefined) => weightOf(one, (asked) => (asked === key ? share : undefined));
  assert.deepEqual([at(undefined), at(100), at(55), at(1), at(0), at(200)], [10, 10, 6, 1, 0, 20]);
  assert.equal(
    weightOf(server(1, { weight: 0 }), () => undefined),
    0,
  );
  assert.equal(
    weightOf(server(1, { weight: 60_000, checks: [agent] }), () => 1000),
    65_535,
  );
  const web = service([one]);
  const [built] = wanted(web, new Map([['10.0.0.1:80', 'in']]), { weightNow: () => 5 });
  assert.equal(built?.destinations.get('10.0.0.1:80')?.weight, 5);
});

test('a check asks for more or less than it may: the bounds hold', () => {
  const agent: CheckConfig = {
    type: 'agent',
    port: 9,
    share: { min: 10, max: 200 },
    interval: 2000,
    timeout: 1000,
    rise: 1,
    fall: 2,
  };
  const at = (share: number | undefined) => weightOf(server(1, { weight: 50, checks: [agent] }), () => share);
  assert.deepEqual([at(undefined), at(0), at(10), at(55), at(200), at(1000)], [50, 5, 5, 28, 100, 100]);
});
