import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/config/parse.js';
import type { Config } from '../../../src/config/types.js';
import { type ChangeRequest, decideChange } from '../../../src/intent/change.js';
import { describeDifference } from '../../../src/intent/describe.js';
import { buildIntent } from '../../../src/intent/merge.js';
import type { Override } from '../../../src/intent/types.js';

const config = (text: string): Config => {
  const parsed = parseConfig('f.yaml', text, { env: {} });
  assert.ok(parsed.config, JSON.stringify(parsed.problems));
  return parsed.config;
};

const FILE = config(`
defaults: { checks: [ { type: tcp } ] }
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    real_servers: [ { address: "10.0.0.1:80", weight: 10 }, { address: "10.0.0.2:80", weight: 10 }, { address: "10.0.0.2:81" } ]
  - name: direct
    address: 192.0.2.10:443
    forward: dr
    real_servers: [ { address: "10.0.0.1:443" } ]
`);

let id = 0;
const provenance = () => ({ id: ++id, who: 'root', when: '2026-01-01T00:00:00Z', why: '' });

function made(file: Config, ...requests: ChangeRequest[]): readonly Override[] {
  let overrides: readonly Override[] = [];
  for (const request of requests) {
    const decision = decideChange(file, overrides, request, provenance());
    assert.ok('overrides' in decision, JSON.stringify(decision));
    overrides = decision.overrides;
  }
  return overrides;
}

const weights = (file: Config, overrides: readonly Override[], name = 'web') =>
  buildIntent(file, overrides, 1)
    .intent.services.find((one) => one.name === name)
    ?.realServers.map((one) => `${one.key}=${one.weight}`);

const refusal = (request: ChangeRequest, overrides: readonly Override[] = []): string => {
  const decision = decideChange(FILE, overrides, request, provenance());
  assert.ok('refused' in decision, `not refused: ${JSON.stringify(decision)}`);
  return decision.refused;
};

describe('changes', () => {
  test('add-rs gives the new server the checks and the method of its service', () => {
    const overrides = made(FILE, { kind: 'add-rs', service: 'direct', rs: '10.0.0.9', weight: 4 });
    const [, added] = buildIntent(FILE, overrides, 1).intent.services[1]?.realServers ?? [];
    assert.equal(added?.key, '10.0.0.9:443');
    assert.equal(added?.forward, 'dr');
    assert.deepEqual(
      added?.checks.map((one) => one.type),
      ['tcp'],
    );
    assert.equal(added?.source.kind, 'override');
  });

  test('set-rs takes a number or a share of the configured weight, and the last one counts', () => {
    const first: ChangeRequest = { kind: 'set-rs', service: 'web', rs: '10.0.0.1', weight: '3' };
    assert.deepEqual(weights(FILE, made(FILE, first)), ['10.0.0.1:80=3', '10.0.0.2:80=10', '10.0.0.2:81=1']);
    const overrides = made(FILE, first, { ...first, weight: '50%' });
    assert.equal(overrides.length, 1);
    assert.deepEqual(weights(FILE, overrides)?.[0], '10.0.0.1:80=5');
    assert.deepEqual(weights(FILE, made(FILE, { ...first, weight: '1%' }))?.[0], '10.0.0.1:80=1', 'a share stays positive');
    assert.deepEqual(weights(FILE, made(FILE, { ...first, weight: '0%' }))?.[0], '10.0.0.1:80=0');
  });

  test('del-rs of a server of the file hides it; add-rs brings it back as the file has it', () => {
    const hidden = made(FILE, { kind: 'del-rs', service: 'tcp/192.0.2.10:80', rs: '10.0.0.1:80' });
    assert.deepEqual(weights(FILE, hidden), ['10.0.0.2:80=10', '10.0.0.2:81=1']);
    const back = decideChange(FILE, hidden, { kind: 'add-rs', service: 'web', rs: '10.0.0.1:80' }, provenance());
    assert.ok('overrides' in back);
    assert.deepEqual(back.overrides, []);
  });

  test('what is said of a server that the file has differently is refused, not forgotten', () => {
    const hidden = made(FILE, { kind: 'del-rs', service: 'web', rs: '10.0.0.1:80' });
    const again: ChangeRequest = { kind: 'add-rs', service: 'web', rs: '10.0.0.1:80' };
    assert.match(refusal({ ...again, upper: 100 }, hidden), /the file has 10\.0\.0\.1:80 in web, hidden by del-rs, with upper 0/);
    assert.match(refusal({ ...again, forward: 'tun' }, hidden), /with forward nat/);
    assert.deepEqual(made(FILE, { kind: 'del-rs', service: 'web', rs: '10.0.0.1:80' }, { ...again, forward: 'nat' }), []);
  });

  test('add-vs has the defaults of the file, and follows them', () => {
    const file = config(`
defaults: { scheduler: mh, forward: dr, persistence: 5m, checks: [ { type: tcp } ] }
virtual_servers: [ { name: web, address: "192.0.2.10:80" } ]
`);
    const decision = decideChange(file, [], { kind: 'add-vs', name: 'new', address: '192.0.2.11:80' }, provenance());
    assert.ok('overrides' in decision);
    assert.equal(
      decision.text,
      'added the virtual server new (tcp/192.0.2.11:80, mh, dr, persistent for 300s; checks of the defaults: tcp)',
    );
    const overrides = [
      ...decision.overrides,
      ...made(file, { kind: 'add-vs', name: 'own', address: '192.0.2.12:80', scheduler: 'rr' }),
    ];
    const [, added, own] = buildIntent(file, overrides, 1).intent.services;
    assert.deepEqual(added?.schedulerFlags, ['mh-fallback']);
    assert.equal(added?.onFailure, 'quiesce');
    assert.deepEqual([own?.scheduler, own?.forward, own?.schedulerFlags], ['rr', 'dr', []]);
    const { defaults: _, ...rest } = file;
    assert.equal(
      buildIntent({ ...rest, defaults: undefined }, overrides, 1).intent.services[1]?.scheduler,
      'wlc',
      'after a reload',
    );
    assert.equal(buildIntent(file, overrides, 1).intent.services[1]?.scheduler, 'mh', 'and back');
  });

  const WIDE = config(`
connection_sync: { interface: eth1 }
defaults: { checks: [ { type: tcp } ] }
virtual_servers:
  - { name: ports, address: [ "192.0.2.10:80", "192.0.2.10:443" ] }
  - { name: direct, address: [ "192.0.2.11:80", "192.0.2.11:443" ], forward: dr, real_servers: [ { address: "10.0.0.1" } ] }
  - { name: sticky, fwmark: 7, persistence: 5m, checks: [ { type: tcp, port: 80 } ], real_servers: [ { address: "10.0.0.1" } ] }
  - { name: blind, fwmark: 8, real_servers: [ { address: "10.0.0.1:80" } ] }
`);
  const wide: readonly (readonly [service: string, rs: string, message: RegExp, forward?: string])[] = [
    ['ports', '10.0.0.9', /with nat every port \(80, 443\) goes to one port of 10\.0\.0\.9: say which/],
    ['direct', '10.0.0.1:443', /one real server to the kernel: dr does not change ports/],
    ['ports', '[2001:db8::1]:80', /connection_sync does not go with/, 'tun'],
    ['sticky', '10.0.0.9:80', /the kernel keeps the port that the client named, and never uses port 80/],
    ['blind', '10.0.0.9', /the tcp check of 10\.0\.0\.9 has no port: give the check a port, or write 10\.0\.0\.9:80/],
  ];
  for (const [service, rs, message, forward] of wide)
    test(`the rules of the file hold for ${service} ${rs}`, () => {
      const decision = decideChange(WIDE, [], { kind: 'add-rs', service, rs, forward }, provenance());
      assert.ok('refused' in decision, JSON.stringify(decision));
      assert.match(decision.refused, message);
    });

  test('del-rs of a server added at run time leaves nothing of it', () => {
    const overrides = made(
      FILE,
      { kind: 'add-rs', service: 'web', rs: '10.0.0.9:80' },
      { kind: 'set-rs', service: 'web', rs: '10.0.0.9:80', weight: '7' },
      { kind: 'del-rs', service: 'web', rs: '10.0.0.9:80' },
    );
    assert.deepEqual(overrides, []);
  });

  test('add-vs, add-rs to it, del-vs: nothing is left', () => {
    const overrides = made(
      FILE,
      { kind: 'add-vs', name: 'new', address: '192.0.2.11:80', scheduler: 'rr' },
      { kind: 'add-rs', service: 'new', rs: '10.0.0.9:80' },
    );
    assert.deepEqual(weights(FILE, overrides, 'new'), ['10.0.0.9:80=1']);
    const decision = decideChange(FILE, overrides, { kind: 'del-vs', service: 'new' }, provenance());
    assert.ok('overrides' in decision);
    assert.deepEqual(decision.overrides, []);
  });

  test('a service added under the name of a hidden one has nothing of the file’s', () => {
    const overrides = made(
      FILE,
      { kind: 'del-vs', service: 'web' },
      { kind: 'add-vs', name: 'web', address: '192.0.2.77:80' },
      { kind: 'add-rs', service: 'web', rs: '10.0.0.1:80', weight: 2 },
    );
    assert.deepEqual(weights(FILE, overrides), ['10.0.0.1:80=2']);
  });

  test('del-vs of a service of the file hides it', () => {
    const overrides = made(FILE, { kind: 'del-vs', service: 'web' });
    assert.deepEqual(
      buildIntent(FILE, overrides, 1).intent.services.map((one) => one.name),
      ['direct'],
    );
  });

  const refusals: readonly (readonly [ChangeRequest, RegExp])[] = [
    [{ kind: 'add-rs', service: 'wbe', rs: '10.0.0.9:80' }, /unknown service "wbe"; did you mean "web"/],
    [{ kind: 'add-rs', service: 'zzz', rs: '10.0.0.9:80' }, /unknown service "zzz"; there is web, direct/],
    [{ kind: 'add-rs', service: 'web', rs: '10.0.0.1:80' }, /10\.0\.0\.1:80 is a real server of web already/],
    [{ kind: 'add-rs', service: 'web', rs: '[2001:db8::1]:80' }, /2001:db8::1 is IPv6, the virtual server web IPv4/],
    [{ kind: 'add-rs', service: 'direct', rs: '10.0.0.9:80' }, /dr does not change ports: port 80 must be 443/],
    [{ kind: 'add-rs', service: 'web', rs: 'host:80' }, /"host:80" is a name: lbd looks none up/],
    [{ kind: 'add-rs', service: 'web', rs: '10.0.0.9:80', weight: 70_000 }, /weight 70000 is outside/],
    [{ kind: 'add-rs', service: 'web', rs: '10.0.0.9:80', lower: 3 }, /lower \(3\) is above upper/],
    [{ kind: 'add-rs', service: 'web', rs: '10.0.0.9:80', forward: 'nta' }, /did you mean "nat"/],
    [{ kind: 'set-rs', service: 'web', rs: '10.0.0.2', weight: '3' }, /port is ambiguous: 10\.0\.0\.2:80, 10\.0\.0\.2:81/],
    [
      { kind: 'set-rs', service: 'web', rs: '10.0.0.3:80', weight: '3' },
      /web has no real server 10\.0\.0\.3:80; it has 10\.0\.0\.1:80/,
    ],
    [{ kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: 'x' }, /is no weight/],
    [{ kind: 'del-vs', service: 'nope' }, /unknown service "nope"/],
    [{ kind: 'add-vs', name: 'web', address: '192.0.2.99:80' }, /named "web" already/],
    [{ kind: 'add-vs', name: 'x', address: '192.0.2.10:80' }, /is the address of "web" already/],
    [{ kind: 'add-vs', name: 'x', address: '192.0.2.99' }, /has no port/],
    [{ kind: 'add-vs', name: 'x', address: '192.0.2.99:53', one_packet: true }, /answers do not come from the service/],
    [{ kind: 'add-vs', name: 'x y', address: '192.0.2.99:80' }, /is no name/],
    [{ kind: 'add-vs', name: 'x', address: '192.0.2.99:0' }, /needs persistence/],
    [{ kind: 'add-vs', name: 'x', address: 'fwmark/9', protocol: 'udp' }, /leave --protocol out/],
    [
      { kind: 'add-vs', name: 'x', address: '192.0.2.99:80', protocol: 'tcp', one_packet: true, forward: 'dr' },
      /acts on UDP only/,
    ],
  ];
  for (const [request, message] of refusals) test(`refused: ${message.source}`, () => assert.match(refusal(request), message));
});

describe('a reload under overrides', () => {
  const overrides = made(
    FILE,
    { kind: 'add-rs', service: 'web', rs: '10.0.0.9:80' },
    { kind: 'set-rs', service: 'web', rs: '10.0.0.1:80', weight: '50%' },
    { kind: 'del-rs', service: 'web', rs: '10.0.0.2:81' },
  );

  test('what still has its target is kept, with the new configured weight', () => {
    const next: Config = {
      ...FILE,
      virtualServers: FILE.virtualServers.map((vs) => ({
        ...vs,
        realServers: vs.realServers.map((rs) => ({ ...rs, weight: 100 })),
      })),
    };
    assert.deepEqual(weights(next, overrides), ['10.0.0.1:80=50', '10.0.0.2:80=100', '10.0.0.9:80=1']);
    assert.equal(buildIntent(next, overrides, 1).dropped.length, 0);
  });

  test('what has lost its target is dropped, and says why', () => {
    const gone = config('virtual_servers: [ { name: other, address: "192.0.2.10:81", real_servers: [] } ]');
    const { kept, dropped } = buildIntent(gone, overrides, 1);
    assert.deepEqual(kept, []);
    assert.deepEqual(
      dropped.map((one) => one.reason),
      Array(3).fill('there is no virtual server web any more'),
    );
  });

  test('an added server that the file has now is the file’s', () => {
    const now: Config = {
      ...FILE,
      virtualServers: FILE.virtualServers.map((vs) => {
        const [first] = vs.realServers;
        return vs.name === 'web' && first ? { ...vs, realServers: [...vs.realServers, { ...first, address: '10.0.0.9' }] } : vs;
      }),
    };
    const { dropped } = buildIntent(now, overrides, 1);
    assert.deepEqual(
      dropped.map((one) => one.reason),
      ['the file has 10.0.0.9:80 in web now'],
    );
  });
});

test('any sequence of changes leaves an intent with unique keys, and building it again drops nothing', () => {
  const rs = fc.constantFrom('10.0.0.1:80', '10.0.0.2:80', '10.0.0.8:80', '10.0.0.9:80', '10.0.0.1:443');
  const service = fc.constantFrom('web', 'direct', 'x');
  const request: fc.Arbitrary<ChangeRequest> = fc.oneof(
    fc.record({ kind: fc.constant('add-rs' as const), service, rs, weight: fc.option(fc.nat(100), { nil: undefined }) }),
    fc.record({ kind: fc.constant('set-rs' as const), service, rs, weight: fc.constantFrom('0', '7', '50%') }),
    fc.record({ kind: fc.constant('del-rs' as const), service, rs }),
    fc.record({
      kind: fc.constant('add-vs' as const),
      name: fc.constantFrom('x', 'web'),
      address: fc.constantFrom('192.0.2.77:80', '192.0.2.10:80'),
    }),
    fc.record({ kind: fc.constant('del-vs' as const), service }),
  );
  fc.assert(
    fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
      let overrides: readonly Override[] = [];
      for (const one of requests) {
        const decision = decideChange(FILE, overrides, one, provenance());
        if ('overrides' in decision) overrides = decision.overrides;
        const { intent, dropped, kept } = buildIntent(FILE, overrides, 1);
        assert.deepEqual(dropped, [], JSON.stringify(requests));
        assert.equal(kept.length, overrides.length);
        const keys = intent.services.map((each) => each.key);
        assert.equal(new Set(keys).size, keys.length);
        for (const each of intent.services)
          assert.equal(new Set(each.realServers.map((s) => s.key)).size, each.realServers.length);
      }
    }),
  );
});

test('the difference is told object by object', () => {
  const before = buildIntent(FILE, [], 1).intent;
  assert.equal(describeDifference(before, buildIntent(FILE, [], 2).intent), 'nothing changed');
  const after = buildIntent(
    FILE,
    made(FILE, { kind: 'del-vs', service: 'direct' }, { kind: 'set-rs', service: 'web', rs: '10.0.0.1', weight: '1' }),
    2,
  ).intent;
  assert.equal(describeDifference(before, after), 'virtual server direct removed, virtual server web changed');
});

describe('administrative states', () => {
  const drain: ChangeRequest = { kind: 'set-state', service: 'web', rs: '10.0.0.1', state: 'drain', deadline: 60 };
  const stateOf = (overrides: readonly Override[]) =>
    buildIntent(FILE, overrides, 1).intent.services[0]?.realServers.map(({ admin }) => admin && [admin.state, admin.until]);
  const refusal = (overrides: readonly Override[], request: ChangeRequest): string => {
    const decision = decideChange(FILE, overrides, request, provenance());
    return 'refused' in decision ? decision.refused : '';
  };

  test('a drain has its deadline, a later one replaces it, undrain ends it', () => {
    const until = Date.parse('2026-01-01T00:01:00Z');
    const one = made(FILE, drain);
    assert.deepEqual(stateOf(one), [['drain', until], undefined, undefined]);
    const { deadline: _, ...endless } = drain as Extract<ChangeRequest, { kind: 'set-state' }>;
    assert.deepEqual(stateOf(made(FILE, drain, endless)), [['drain', undefined], undefined, undefined]);
    assert.deepEqual(made(FILE, drain, { ...endless, state: 'undrain' }), []);
    assert.deepEqual(stateOf(made(FILE, drain, { ...endless, state: 'disable' })), [
      ['disabled', undefined],
      undefined,
      undefined,
    ]);
  });

  test('a weight of its own stays through it, and del-rs ends it', () => {
    const weight: ChangeRequest = { kind: 'set-rs', service: 'web', rs: '10.0.0.1', weight: '3' };
    const [server] = buildIntent(FILE, made(FILE, weight, drain), 1).intent.services[0]?.realServers ?? [];
    assert.deepEqual([server?.weight, server?.admin?.state], [3, 'drain']);
    assert.deepEqual(
      made(FILE, weight, drain, { kind: 'del-rs', service: 'web', rs: '10.0.0.1' }).map((one) => one.change.kind),
      ['del-rs'],
    );
  });

  test('what cannot be is refused in words', () => {
    const word = (state: string): ChangeRequest => ({ kind: 'set-state', service: 'web', rs: '10.0.0.1', state });
    assert.equal(refusal([], word('undrain')), '10.0.0.1:80 in web is not draining');
    assert.equal(refusal(made(FILE, drain), word('enable')), '10.0.0.1:80 in web is not disabled: it is draining');
    assert.match(refusal([], word('drian')), /"drian" is no state; did you mean "drain"/);
    assert.match(refusal([], { kind: 'set-state', service: 'web', rs: '10.0.0.2', state: 'drain' }), /the port is ambiguous/);
  });

  test('one whose real server left the file is dropped with the reason', () => {
    const without = config(
      'virtual_servers: [ { name: web, address: "192.0.2.10:80", real_servers: [ { address: "10.0.0.2:80" } ] } ]\n',
    );
    assert.match(
      buildIntent(without, made(FILE, drain), 1).dropped[0]?.reason ?? '',
      /web has no real server 10\.0\.0\.1:80 any more/,
    );
  });
});
