/** Administrative states of real servers and hosts: what they become, which one counts, and how they end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/config/parse.js';
import type { Config } from '../../../src/config/types.js';
import { type ChangeRequest, decideChange } from '../../../src/intent/change.js';
import { nextEnd, removeDrained, settle } from '../../../src/intent/expiry.js';
import { buildIntent } from '../../../src/intent/merge.js';
import { outOfService } from '../../../src/intent/out-of-service.js';
import { followRenames } from '../../../src/intent/rename.js';
import { chooseSettings } from '../../../src/intent/settings.js';
import { brokenPromise } from '../../../src/intent/sticky.js';
import type { Override } from '../../../src/intent/types.js';

function config(text: string): Config {
  const parsed = parseConfig('f.yaml', text, { env: {} });
  assert.ok(parsed.config, JSON.stringify(parsed.problems));
  return parsed.config;
}

const service = (name: string, address: string, servers: string, own = '') =>
  `  - { name: ${name}, address: "${address}", real_servers: [ ${servers} ]${own} }\n`;
const BOTH = '{ address: 10.0.0.1, weight: 10 }, { address: 10.0.0.2, weight: 10 }';
const STICKY = ', persistence: { timeout: 600s }';
const file = (more = '', own = '') =>
  config(
    `${own}virtual_servers:\n${service('web', '192.0.2.10:80', BOTH)}${service('shop', '192.0.2.10:443', BOTH, STICKY)}${service('dns', '192.0.2.10:53', BOTH, ', protocol: udp')}${more}`,
  );
const FILE = file();

const NOW = Date.parse('2026-01-01T00:00:00Z');
let id = 0;
const provenance = () => ({ id: ++id, who: 'ann', when: new Date(NOW).toISOString(), why: '' });

const rs = (state: string, more: object = {}, name = 'web', host = '10.0.0.1'): ChangeRequest => ({
  kind: 'set-state',
  service: name,
  rs: host,
  state,
  ...more,
});
const onHost = (state: string, more: object = {}, host = '10.0.0.1'): ChangeRequest => ({
  kind: 'set-host',
  host,
  state,
  ...more,
});
const away = (more: object = {}, name = 'web'): ChangeRequest => ({
  kind: 'del-rs',
  service: name,
  rs: '10.0.0.1',
  drain: true,
  ...more,
});

function decide(from: Config, overrides: readonly Override[], request: ChangeRequest) {
  const decision = decideChange(from, overrides, request, provenance());
  assert.ok('overrides' in decision, JSON.stringify(decision));
  return decision;
}

const made = (from: Config, ...requests: ChangeRequest[]): readonly Override[] =>
  requests.reduce<readonly Override[]>((overrides, one) => decide(from, overrides, one).overrides, []);

function refusal(request: ChangeRequest, overrides: readonly Override[] = [], from = FILE): string {
  const decision = decideChange(from, overrides, request, provenance());
  return 'refused' in decision ? decision.refused : `not refused: ${decision.text}`;
}

/** `web 10.0.0.1:80 drain+60` of everything that is not ready; seconds from now. */
function states(overrides: readonly Override[], from = FILE): string[] {
  const { intent, dropped } = buildIntent(from, overrides, 1);
  assert.deepEqual(dropped, []);
  return intent.services.flatMap(({ name, realServers }) =>
    realServers.flatMap(({ key, admin }) => {
      if (!admin) return [];
      const until = admin.until === undefined ? '' : `+${(admin.until - NOW) / 1000}`;
      return [`${name} ${key} ${admin.state}${until}${admin.host ? ' host' : ''}`];
    }),
  );
}

describe('UDP has a deadline of its own', () => {
  test('the idle timeout of the kernel, or of the file; never where that is said; not where it comes back before', () => {
    const drain = rs('drain', {}, 'dns');
    assert.deepEqual(states(made(FILE, drain)), ['dns 10.0.0.1:53 drain+300']);
    assert.match(decide(FILE, [], drain).text, /UDP that is left after 5m is cut.*--deadline never/);
    const idle = file('', 'timeouts: { udp: 60s }\n');
    assert.deepEqual(states(made(idle, drain), idle), ['dns 10.0.0.1:53 drain+60']);
    assert.deepEqual(states(made(FILE, rs('drain', { no_deadline: true }, 'dns'))), ['dns 10.0.0.1:53 drain']);
    assert.deepEqual(states(made(FILE, rs('drain', { deadline: 7 }, 'dns'))), ['dns 10.0.0.1:53 drain+7']);
    assert.deepEqual(states(made(FILE, rs('drain', { for: 300 }, 'dns'))), ['dns 10.0.0.1:53 drain']);
    assert.deepEqual(states(made(FILE, rs('drain'))), ['web 10.0.0.1:80 drain']);
  });

  test('every datagram by itself leaves nothing behind', () => {
    const single = file(service('log', '192.0.2.10:514', BOTH, ', protocol: udp, one_packet: true, forward: dr'));
    assert.deepEqual(states(made(single, rs('drain', {}, 'log')), single), ['log 10.0.0.1:514 drain']);
  });
});

describe('a host', () => {
  test('drains in every service, UDP with its own deadline, and what comes to it later too', () => {
    const one = made(FILE, onHost('drain'), { kind: 'add-rs', service: 'web', rs: '10.0.0.1:81' });
    assert.deepEqual(states(one), [
      'web 10.0.0.1:80 drain host',
      'web 10.0.0.1:81 drain host',
      'shop 10.0.0.1:443 drain host',
      'dns 10.0.0.1:53 drain+300 host',
    ]);
    const later = file(service('mail', '192.0.2.10:25', BOTH));
    assert.ok(states(one, later).includes('mail 10.0.0.1:25 drain host'));
    const elsewhere = config(`virtual_servers:\n${service('web', '192.0.2.10:80', '{ address: 10.0.0.2 }')}`);
    const { kept, dropped } = buildIntent(elsewhere, made(FILE, onHost('drain')), 1);
    assert.deepEqual([kept.length, dropped], [1, []], 'a host that has no real server at present is still being serviced');
  });

  test('the answer names the services, and the command that ends it ends it', () => {
    const drain = decide(FILE, [], onHost('drain', { deadline: 60 }));
    assert.equal(
      drain.text,
      'host 10.0.0.1 drains: no new connections to 3 real servers (web, shop, dns); what is left after 1m is cut',
    );
    const end = decide(FILE, drain.overrides, onHost('undrain'));
    assert.deepEqual([end.overrides, end.text], [[], 'host 10.0.0.1 is ready again: 3 real servers (web, shop, dns)']);
    assert.deepEqual(made(FILE, onHost('drain'), onHost('disable')).length, 1, 'the last word about it stays');
  });

  test('a server is out by its own word or by its host’s; of both the one that takes more away counts', () => {
    const own = rs('drain', { deadline: 100 });
    const counts = (...requests: ChangeRequest[]) => states(made(FILE, ...requests)).filter((one) => one.startsWith('web'));
    assert.deepEqual(counts(own, onHost('drain', { deadline: 60 })), ['web 10.0.0.1:80 drain+60 host']);
    assert.deepEqual(counts(onHost('drain', { deadline: 200 }), own), ['web 10.0.0.1:80 drain+100']);
    assert.deepEqual(counts(onHost('disable'), own), ['web 10.0.0.1:80 disabled host']);
    assert.deepEqual(counts(own, onHost('disable'), onHost('enable')), ['web 10.0.0.1:80 drain+100']);
    assert.deepEqual(counts(own, onHost('drain'), rs('undrain')), ['web 10.0.0.1:80 drain host']);
    assert.match(
      decide(FILE, made(FILE, own, onHost('drain')), rs('undrain')).text,
      /no more draining by itself, but its host 10\.0\.0\.1 is draining \(by ann\)/,
    );
    assert.match(
      refusal(rs('undrain'), made(FILE, onHost('drain'))),
      /is draining with its host: lbctl undrain --host 10\.0\.0\.1 ends that/,
    );
    const notes = decide(FILE, made(FILE, own, onHost('drain')), onHost('undrain')).notes.join('\n');
    assert.match(notes, /by words of their own: web\/10\.0\.0\.1:80 is draining \(by ann\)/);
  });

  test('it is ready again when the last word has ended', () => {
    const ends = (...requests: ChangeRequest[]) => {
      const { services } = buildIntent(FILE, made(FILE, ...requests), 1).intent;
      const end = services[0]?.realServers[0]?.admin?.expires;
      return end === undefined ? undefined : (end - NOW) / 1000;
    };
    assert.equal(ends(rs('drain', { for: 600 })), 600);
    assert.equal(ends(rs('drain', { for: 600 }), onHost('drain')), undefined);
    assert.equal(ends(rs('disable', { for: 600 }), onHost('drain')), undefined);
    assert.equal(ends(rs('disable', { for: 600 }), onHost('drain', { for: 900 })), 900);
  });

  test('who comes to it takes no traffic, and the answer says so', () => {
    const add: ChangeRequest = { kind: 'add-rs', service: 'web', rs: '10.0.0.1:81' };
    assert.match(decide(FILE, made(FILE, onHost('drain')), add).text, /; its host 10\.0\.0\.1 is draining: it takes no traffic/);
    assert.doesNotMatch(decide(FILE, [], add).text, /its host/);
  });

  test('it may stay a sorry server, and that is said', () => {
    const sorry = file(service('mail', '192.0.2.10:25', '{ address: 10.0.0.2 }', ', sorry_server: { address: 10.0.0.1 }'));
    assert.match(decide(sorry, [], onHost('drain')).notes.join('\n'), /it stays the sorry server of mail/);
  });

  test('only what is concerned is another object than before', () => {
    const before = buildIntent(FILE, [], 1).intent.services;
    const after = buildIntent(FILE, made(FILE, onHost('drain', {}, '10.0.0.2')), 2).intent.services;
    assert.ok(after.every((one, i) => one !== before[i]));
    const alone = file(service('mail', '192.0.2.10:25', '{ address: 10.0.0.9 }'));
    const overrides = made(alone, onHost('drain', {}, '10.0.0.9'));
    const plain = buildIntent(alone, [], 1).intent.services;
    const drained = buildIntent(alone, overrides, 2).intent.services;
    assert.deepEqual(
      drained.map((one, i) => one === plain[i]),
      [true, true, true, false],
    );
    assert.deepEqual(buildIntent(alone, overrides, 3).intent.services, drained);
  });
});

test('who drains is refused by a scheduler that chooses it all the same: that is told, with the way out', () => {
  const said = (own: string, request = rs('drain')) =>
    decide(config(`virtual_servers:\n${service('web', '192.0.2.10:80', BOTH, own)}`), [], request).notes.join('\n');
  assert.match(
    said(', scheduler: dh'),
    /^dh still chooses it: new clients .* are refused in web; lbctl disable gives them to others$/m,
  );
  assert.match(said(', scheduler: dh', onHost('drain')), /refused in web/);
  assert.match(said(', scheduler: dh', away()), /refused in web/);
  assert.match(said(', scheduler: sh, scheduler_flags: [ sh-port ]'), /^sh without sh-fallback still chooses it/m);
  for (const own of ['', ', scheduler: sh', ', scheduler: mh']) assert.doesNotMatch(said(own), /refused/);
});

describe('persistent clients', () => {
  const setting = (from: Config, overrides: readonly Override[], now = NOW) => {
    const { services, director } = buildIntent(from, overrides, 1).intent;
    const input = { services, paired: false, sync: undefined, config: director.kernel, kernel: '6.1.0', localServer: false, now };
    return chooseSettings(input).find((one) => one.name === 'expire_quiescent_template')?.value;
  };
  const drain = (sticky?: string, host = '10.0.0.1') => rs('drain', sticky ? { sticky } : {}, 'shop', host);

  test('break is the default; honour keeps them, until the deadline; the kernel is told', () => {
    assert.equal(setting(FILE, []), undefined);
    assert.equal(setting(FILE, made(FILE, drain())), '1');
    const honoured = made(FILE, rs('drain', { sticky: 'honour', deadline: 60 }, 'shop'));
    assert.deepEqual([setting(FILE, honoured), setting(FILE, honoured, NOW + 60_000)], ['0', '1']);
    assert.match(decide(FILE, [], drain()).notes.join(), /go to others with their next connection/);
    assert.match(
      decide(FILE, [], drain('honour')).notes.join('\n'),
      /each until 600s without a connection.*\n.*expire_quiescent_template is 0 for all services/,
    );
  });

  test('the kernel has one setting: what would break a promise is refused, with the way out', () => {
    const keeps = made(FILE, drain('honour'));
    const sends = made(FILE, drain('break'));
    assert.match(refusal(drain(undefined, '10.0.0.2'), keeps), /10\.0\.0\.1:443 in shop drains with --sticky honour/);
    assert.match(refusal(onHost('drain', {}, '10.0.0.2'), keeps), /--sticky break needs .* = 1 for all services/);
    assert.match(refusal(drain('honour', '10.0.0.2'), sends), /10\.0\.0\.1:443 in shop drains with --sticky break/);
    assert.deepEqual(states(made(FILE, drain('honour'), drain('honour', '10.0.0.2'))).length, 2);
    assert.deepEqual(made(FILE, drain('honour'), drain('break')).length, 1, 'its own word is replaced');
    assert.match(refusal(rs('drain', { sticky: 'honour' })), /web is not persistent: leave --sticky out/);
    assert.match(refusal(rs('disable', { sticky: 'honour' }, 'shop')), /belong to drain/);
    assert.match(refusal(drain('honor')), /did you mean "honour"/);
  });

  test('a real server that fails must not hold its clients: with on_failure: quiesce there is no honour', () => {
    const quiesces = file(service('old', '192.0.2.10:25', BOTH, `${STICKY}, on_failure: quiesce`));
    assert.match(refusal(drain('honour'), [], quiesces), /old \(persistent, on_failure: quiesce\) needs 1/);
    const overrides = made(FILE, drain('honour'));
    assert.equal(setting(quiesces, overrides), '1', 'a reload that brings it');
    const { services, director } = buildIntent(quiesces, overrides, 1).intent;
    assert.match(brokenPromise(services, director.kernel, NOW) ?? '', /^shop: .*--sticky honour, but old/);
    const before = buildIntent(FILE, overrides, 1).intent;
    assert.equal(brokenPromise(before.services, before.director.kernel, NOW), undefined);
  });

  test('what the file says of the setting decides', () => {
    const fixed = (value: string) => file('', `kernel_settings: { expire_quiescent_template: ${value} }\n`);
    const sticky = (from: Config, word?: string) =>
      made(from, drain(word)).map(({ change }) => (change.kind === 'set-state' ? change.sticky : ''));
    assert.deepEqual(sticky(fixed('0')), ['honour']);
    assert.deepEqual(sticky(fixed('1')), ['break']);
    assert.match(refusal(drain('honour'), [], fixed('1')), /kernel_settings says 1: change the file, or say --sticky break/);
    assert.deepEqual(sticky(fixed('keep')), [undefined]);
    assert.match(refusal(drain('break'), [], fixed('keep')), /kernel_settings leaves .* cannot be promised/);
  });
});

describe('states end by themselves', () => {
  const after = (seconds: number) => NOW + seconds * 1000;

  test('after --for, and not before', () => {
    const overrides = made(FILE, rs('disable', { for: 60 }), onHost('drain', { for: 120, deadline: 30 }, '10.0.0.2'));
    assert.equal(nextEnd(overrides), after(60));
    assert.equal(settle(FILE, overrides, after(59)).overrides, overrides);
    const first = settle(FILE, overrides, after(60));
    assert.deepEqual(
      first.ended.map(({ subject, text }) => `${subject}: ${text}`),
      ['web/10.0.0.1:80: ready again: being disabled has ended (by ann at 2026-01-01T00:00:00.000Z)'],
    );
    const second = settle(FILE, first.overrides, after(120));
    assert.deepEqual([second.overrides, second.ended[0]?.subject], [[], 'host 10.0.0.2']);
    assert.equal(nextEnd([]), undefined);
    assert.match(decide(FILE, [], rs('disable', { for: 7200 })).text, /; ready again after 2h$/);
  });

  test('what makes no sense is refused', () => {
    assert.match(
      refusal(rs('drain', { for: 60, deadline: 60 })),
      /the deadline \(1m\) would come after the end of the drain \(1m\)/,
    );
    assert.match(refusal(rs('undrain', { for: 60 })), /belongs to drain and disable/);
    assert.match(refusal(rs('drain', { for: 0 })), /for 0 is outside 1 to/);
    assert.match(refusal(rs('drain', { deadline: 1, no_deadline: true })), /both were said/);
    assert.match(refusal(onHost('drain', {}, '10.0.0.9')), /no real server has the address 10\.0\.0\.9/);
    assert.match(refusal(onHost('drain', {}, '10.0.0.1:80')), /no address of a host: give it without a port/);
    assert.match(refusal(onHost('undrain')), /host 10\.0\.0\.1 is not draining/);
    assert.match(refusal(onHost('enable'), made(FILE, onHost('drain'))), /not disabled: it is draining/);
  });

  test('del-rs --drain: gone at the deadline, or when it is empty; one of the file stays hidden', () => {
    const overrides = made(
      FILE,
      rs('drain'),
      { kind: 'set-rs', service: 'web', rs: '10.0.0.1', weight: '3' },
      away({ deadline: 60 }),
    );
    assert.deepEqual(states(overrides), ['web 10.0.0.1:80 drain+60']);
    assert.deepEqual([settle(FILE, overrides, after(59)).ended, nextEnd(overrides)], [[], after(60)]);
    const removal = overrides.at(-1) as Override;
    for (const over of [settle(FILE, overrides, after(60)), removeDrained(FILE, overrides, removal.id)]) {
      assert.deepEqual(
        over.overrides.map(({ id: number, change }) => [number, change.kind]),
        [[removal.id, 'del-rs']],
      );
      assert.match(over.ended[0]?.text ?? '', /: removed, as asked for by ann at /);
      assert.deepEqual(
        buildIntent(FILE, over.overrides, 1).intent.services[0]?.realServers.map((one) => one.key),
        ['10.0.0.2:80'],
      );
    }
    assert.deepEqual(removeDrained(FILE, overrides, 999_999), { overrides, ended: [] });
  });

  test('one that was added at run time leaves nothing, and undrain keeps it', () => {
    const add: ChangeRequest = { kind: 'add-rs', service: 'web', rs: '10.0.0.9:80' };
    const leaves: ChangeRequest = { ...(away({ deadline: 60 }) as object), rs: '10.0.0.9:80' } as ChangeRequest;
    assert.deepEqual(settle(FILE, made(FILE, add, leaves), after(60)).overrides, []);
    const kept = made(FILE, add, leaves, rs('undrain', {}, 'web', '10.0.0.9:80'));
    assert.deepEqual([kept.map(({ change }) => change.kind), nextEnd(kept)], [['add-rs'], undefined]);
    const plain = made(FILE, away({ deadline: 60 }), rs('drain'));
    assert.deepEqual([plain.length, nextEnd(plain)], [1, undefined], 'a drain said later is only a drain');
    assert.equal(nextEnd(made(FILE, away({ no_deadline: true }, 'dns'))), undefined);
  });
});

test('two directors: the answer says that the other one does not know', () => {
  const pair = file(
    '',
    'vrrp_instances: [ { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.10/24 ] } ]\n',
  );
  for (const request of [rs('drain'), rs('disable'), onHost('drain'), away({ deadline: 1 })])
    assert.match(decide(pair, [], request).notes.join('\n'), /give the other one the same command/);
  assert.doesNotMatch(decide(FILE, [], rs('drain')).notes.join('\n'), /other one/);
});

test('a service that has another name in the new file keeps what was said of it', () => {
  const renamed = config(
    `virtual_servers:\n${service('www', '192.0.2.10:80', BOTH)}${service('shop', '192.0.2.10:443', BOTH, STICKY)}`,
  );
  const overrides = made(FILE, rs('drain', { deadline: 60 }), rs('drain', {}, 'shop'), rs('drain', {}, 'dns'), onHost('drain'));
  const { overrides: followed, names } = followRenames(FILE, renamed, overrides);
  assert.deepEqual([...names], [['web', 'www']]);
  const { intent, dropped } = buildIntent(renamed, followed, 1);
  assert.deepEqual(
    intent.services.map(({ name, realServers }) => [name, realServers[0]?.admin?.until]),
    [
      ['www', NOW + 60_000],
      ['shop', undefined],
    ],
  );
  assert.deepEqual(
    dropped.map((one) => one.reason),
    ['there is no virtual server dns any more'],
  );
  assert.equal(followRenames(FILE, FILE, overrides).overrides, overrides);
});

test('who is out of service, since when and until when; a day without an end is forgotten', () => {
  const day = 86_400_000;
  const overrides = made(
    FILE,
    rs('drain', { deadline: 60 }),
    away({ deadline: 90 }, 'shop'),
    onHost('disable', { for: 7200 }, '10.0.0.2'),
  );
  const { services } = buildIntent(FILE, overrides, 1).intent;
  const at = (now: number) => outOfService(overrides, services, now).map((one) => `${one.target}: ${one.text}`);
  assert.deepEqual(at(NOW), [
    'host 10.0.0.2: disabled, ready again in 2h (3 real servers)',
    'web/10.0.0.1:80: draining, what is left is cut in 1m',
    'shop/10.0.0.1:443: draining, what is left is cut in 90s, then removed',
  ]);
  assert.equal(at(NOW + 61_000)[1], 'web/10.0.0.1:80: drained, its deadline has passed');
  const forgotten = (now: number) => outOfService(overrides, services, now).map((one) => one.forgotten);
  assert.deepEqual(forgotten(NOW + day + 59_000), [false, false, false]);
  assert.deepEqual(forgotten(NOW + day + 61_000), [false, true, false]);
});

test('any sequence of words leaves overrides that a restart drops nothing of, and a server is out while a word stands', () => {
  const more = fc.constantFrom<object>({}, { deadline: 5 }, { for: 9 }, { sticky: 'honour' }, { sticky: 'break' });
  const state = fc.constantFrom('drain', 'undrain', 'disable', 'enable');
  const name = fc.constantFrom('web', 'shop', 'dns');
  const host = fc.constantFrom('10.0.0.1', '10.0.0.2');
  const request: fc.Arbitrary<ChangeRequest> = fc.oneof(
    fc.tuple(state, more, name, host).map((args) => rs(...args)),
    fc.tuple(state, more, host).map((args) => onHost(...args)),
    fc.tuple(fc.constantFrom({ deadline: 5 }, { no_deadline: true }), name).map((args) => away(...args)),
    fc.record({ kind: fc.constant('del-rs' as const), service: name, rs: host }),
    fc.record({ kind: fc.constant('add-rs' as const), service: name, rs: fc.constant('10.0.0.1') }),
  );
  fc.assert(
    fc.property(fc.array(request, { maxLength: 15 }), fc.nat(20), (requests, seconds) => {
      let overrides: readonly Override[] = [];
      for (const one of requests) {
        const decision = decideChange(FILE, overrides, one, provenance());
        if ('overrides' in decision) overrides = decision.overrides;
      }
      const { intent, dropped } = buildIntent(FILE, overrides, 1);
      assert.deepEqual(dropped, []);
      for (const { name: at, realServers } of intent.services)
        for (const server of realServers) {
          const spoken = overrides.some(
            ({ change }) =>
              (change.kind === 'set-host' && change.address === server.address) ||
              (change.kind === 'set-state' &&
                change.service === at &&
                change.address === server.address &&
                change.port === server.port),
          );
          assert.equal(server.admin !== undefined, spoken);
        }
      const settled = settle(FILE, overrides, NOW + seconds * 1000);
      assert.deepEqual(buildIntent(FILE, settled.overrides, 1).dropped, []);
      assert.ok((nextEnd(settled.overrides) ?? Infinity) > NOW + seconds * 1000);
    }),
  );
});
