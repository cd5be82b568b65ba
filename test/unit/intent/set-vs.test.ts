/** set-vs: what it makes of a virtual server, by the rules of the file, and what becomes of it when the file is another one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/config/parse.js';
import { SETTINGS, settingText } from '../../../src/config/settable.js';
import type { Config } from '../../../src/config/types.js';
import { type ChangeRequest, type Decision, decideChange } from '../../../src/intent/change.js';
import { buildIntent } from '../../../src/intent/merge.js';
import { followRenames } from '../../../src/intent/rename.js';
import type { SetVsWords } from '../../../src/intent/set-vs.js';
import type { Override, ServiceIntent } from '../../../src/intent/types.js';

const config = (text: string): Config => {
  const parsed = parseConfig('f.yaml', text, { env: {} });
  assert.ok(parsed.config, JSON.stringify(parsed.problems));
  return parsed.config;
};

const TEXT = `
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    real_servers: [ { address: 10.0.0.1, weight: 10 }, { address: 10.0.0.2, weight: 10 } ]
  - { name: slow, address: "192.0.2.10:84", real_servers: [ { address: 10.0.0.1, weight: 10 }, { address: 10.0.0.2, weight: 10, slow_start: 5s } ] }
  - { name: mixed, address: "192.0.2.10:81", real_servers: [ { address: 10.0.0.1 }, { address: 10.0.0.2, backup: true } ] }
  - { name: every, address: "192.0.2.11:0", forward: dr, persistence: 5m, real_servers: [ { address: 10.0.0.1 } ] }
  - { name: marked, fwmark: 7, real_servers: [ { address: "10.0.0.1:80" } ] }
  - { name: sorry, address: "192.0.2.10:82", min_healthy: 1, below: sorry, sorry_server: { address: "10.0.0.9:82" }, real_servers: [ { address: 10.0.0.1 } ] }
  - { name: hashed, address: "192.0.2.10:83", scheduler: mh, real_servers: [ { address: 10.0.0.1 } ] }
`;
const FILE = config(TEXT);

let id = 0;
const provenance = (who = 'root') => ({ id: ++id, who, when: '2026-01-01T00:00:00Z', why: '' });
const wish = (words: SetVsWords, service = 'web'): ChangeRequest => ({ kind: 'set-vs', service, ...words });

const decide = (request: ChangeRequest, before: readonly Override[] = [], who?: string): Decision =>
  decideChange(FILE, before, request, provenance(who));

function done(request: ChangeRequest, before: readonly Override[] = [], who?: string): Exclude<Decision, { refused: string }> {
  const decision = decide(request, before, who);
  assert.ok('overrides' in decision, JSON.stringify(decision));
  return decision;
}

const made = (...requests: ChangeRequest[]): readonly Override[] =>
  requests.reduce<readonly Override[]>((before, request) => done(request, before).overrides, []);

function serviceIn(overrides: readonly Override[], name = 'web', file = FILE): ServiceIntent {
  const found = buildIntent(file, overrides, 1).intent.services.find((one) => one.name === name);
  assert.ok(found);
  return found;
}

const textsIn = (overrides: readonly Override[], name = 'web', file = FILE) =>
  Object.fromEntries(SETTINGS.map((one) => [one, settingText(serviceIn(overrides, name, file), one)]));

describe('set-vs', () => {
  test('sets what is named, and says what was before', () => {
    const { text, overrides, notes } = done(wish({ scheduler: 'wrr', quorum: 12, hysteresis: 2 }));
    assert.equal(text, 'web: scheduler wlc -> wrr, quorum 1 -> 12, hysteresis 0 -> 2');
    assert.deepEqual(notes, [
      'while the kernel changes the scheduler, some milliseconds, it refuses new connections; those that there are stay',
    ]);
    const { scheduler, quorum, hysteresis, changed } = serviceIn(overrides);
    assert.deepEqual([scheduler, quorum, hysteresis], ['wrr', 12, 2]);
    assert.deepEqual(
      changed?.map(({ setting, value, before }) => [setting, value, before]),
      [
        ['scheduler', 'wrr', 'wlc'],
        ['quorum', '12', '1'],
        ['hysteresis', '2', '0'],
      ],
    );
  });

  test('everything that can be set, at once', () => {
    const overrides = made(
      wish({
        scheduler: 'wrr',
        persistence: 600,
        persistence_prefix: 24,
        quorum: 5,
        hysteresis: 1,
        on_failure: 'quiesce',
        slow_start: 30,
        sorry_server: '10.0.0.99:80',
      }),
    );
    assert.deepEqual(textsIn(overrides), {
      scheduler: 'wrr',
      scheduler_flags: 'none',
      persistence: '10m',
      persistence_prefix: '24',
      quorum: '5',
      hysteresis: '1',
      on_failure: 'quiesce',
      slow_start: '30s',
      sorry_server: '10.0.0.99:80',
    });
    assert.equal(serviceIn(overrides).sorry?.key, '10.0.0.99:80');
  });

  test('of a setting the last word counts, the others keep who set them', () => {
    const first = done(wish({ scheduler: 'wrr', quorum: 2 }), [], 'ann').overrides;
    const second = done(wish({ quorum: 3 }), first, 'bob').overrides;
    assert.deepEqual(
      serviceIn(second).changed?.map(({ setting, value, before, source }) => [
        setting,
        value,
        before,
        source.kind === 'override' && source.override.who,
      ]),
      [
        ['scheduler', 'wrr', 'wlc', 'ann'],
        ['quorum', '3', '1', 'bob'],
      ],
    );
    assert.equal(second.length, 2);
    assert.equal(done(wish({ scheduler: 'rr', quorum: 4 }), second, 'cid').overrides.length, 1);
  });

  test('unset gives back what the file says; the rest stays', () => {
    const overrides = made(wish({ scheduler: 'wrr', quorum: 2 }));
    const { text, overrides: left } = done(wish({ unset: 'scheduler' }), overrides);
    assert.equal(text, 'web: scheduler wrr -> wlc');
    assert.deepEqual([serviceIn(left).scheduler, serviceIn(left).quorum], ['wlc', 2]);
    const none = done(wish({ unset: 'all' }), left).overrides;
    assert.deepEqual(none, []);
    assert.equal(serviceIn(none), serviceIn([]), 'the same object as if nothing had been');
  });

  test('what the file says by itself is no override', () => {
    const overrides = made(wish({ scheduler: 'wrr' }));
    const { overrides: left, text } = done(wish({ scheduler: 'wlc' }), overrides);
    assert.deepEqual([left, text], [[], 'web: scheduler wrr -> wlc']);
    assert.equal(done(wish({ quorum: 1 })).text, 'web is as it was: nothing is other than before');
  });

  test('a scheduler takes its flags and its reaction to failures along', () => {
    const hashed = made(wish({ scheduler: 'sh', scheduler_flags: 'sh-port,sh-fallback' }));
    assert.deepEqual(textsIn(hashed), {
      ...textsIn([]),
      scheduler: 'sh',
      scheduler_flags: 'sh-port,sh-fallback',
      on_failure: 'quiesce',
    });
    const other = done(wish({ scheduler: 'mh' }), hashed).overrides;
    assert.deepEqual(serviceIn(other).schedulerFlags, ['mh-fallback']);
    assert.deepEqual(textsIn(done(wish({ scheduler: 'rr' }), hashed).overrides), { ...textsIn([]), scheduler: 'rr' });
    assert.deepEqual(textsIn(done(wish({ unset: 'scheduler' }), hashed).overrides), textsIn([]));
  });

  test('flags alone, and none at all, are told of', () => {
    const { notes } = done(wish({ scheduler: 'sh', scheduler_flags: 'none' }));
    assert.match(notes.join('\n'), /without sh-fallback the clients of a failed real server are refused/);
    assert.deepEqual(serviceIn(made(wish({ scheduler: 'sh', scheduler_flags: 'none' }))).schedulerFlags, []);
  });

  test('persistence that ends takes its prefix along', () => {
    const overrides = made(wish({ persistence: 60, persistence_prefix: 24 }));
    assert.equal(serviceIn(done(wish({ persistence: 0 }), overrides).overrides).persistence, undefined);
    assert.deepEqual(done(wish({ unset: 'persistence' }), overrides).overrides, []);
  });

  test('slow_start holds for those that start as the service does; a time of one’s own stays', () => {
    const overrides = made(wish({ slow_start: 60 }, 'slow'), { kind: 'add-rs', service: 'slow', rs: '10.0.0.3' });
    assert.deepEqual(
      serviceIn(overrides, 'slow').realServers.map((one) => one.slowStart),
      [60_000, 5000, 60_000],
    );
    const back = done(wish({ slow_start: 0 }, 'slow'), overrides).overrides;
    assert.deepEqual(
      serviceIn(back, 'slow').realServers.map((one) => one.slowStart),
      [undefined, 5000, undefined],
    );
  });

  test('a virtual server that was added at run time can be set, and takes that along when it goes', () => {
    const add: ChangeRequest = { kind: 'add-vs', name: 'new', address: '192.0.2.99:80' };
    const overrides = made(add, wish({ scheduler: 'rr' }, 'new'));
    assert.equal(serviceIn(overrides, 'new').scheduler, 'rr');
    assert.deepEqual(made(add, wish({ scheduler: 'rr' }, 'new'), { kind: 'del-vs', service: 'new' }), []);
    const hidden = made(wish({ scheduler: 'rr' }), { kind: 'del-vs', service: 'web' });
    assert.deepEqual(
      hidden.map(({ change }) => change.kind),
      ['del-vs'],
    );
  });

  test('what breaks for whom is said', () => {
    const notes = (request: ChangeRequest, ...before: ChangeRequest[]) => done(request, made(...before)).notes.join('\n');
    assert.match(notes(wish({ scheduler: 'mh' })), /the next connection of a client may go to another real server/);
    assert.match(notes(wish({ persistence: 0 }), wish({ persistence: 60 })), /kept by persistence may go to another/);
    assert.match(notes(wish({ persistence_prefix: 24 }), wish({ persistence: 60 })), /known by another prefix now/);
    assert.match(notes(wish({ on_failure: 'remove' }), wish({ on_failure: 'quiesce' })), /have failed leave the table now/);
    assert.match(
      notes(wish({ sorry_server: 'none' }), wish({ sorry_server: '10.0.0.99:80' })),
      /10\.0\.0\.99:80 leaves the table/,
    );
    assert.match(notes(wish({ slow_start: 60 })), /come up from now on/);
    assert.match(notes(wish({ quorum: 30 })), /quorum 30 is more than all weights together \(20\)/);
    assert.equal(notes(wish({ quorum: 2 })), '');
  });
});

const REFUSED: readonly (readonly [ChangeRequest, RegExp])[] = [
  [wish({ scheduler: 'rr' }, 'wbe'), /unknown service "wbe"; did you mean "web"/],
  [wish({}), /nothing to set: name one of scheduler, scheduler_flags/],
  [wish({ scheduler: 'wlcc' }), /"wlcc" is no scheduler; did you mean "wlc"/],
  [wish({ scheduler_flags: 'sh-port' }), /sh-port means nothing to the scheduler wlc: the kernel would ignore it/],
  [wish({ scheduler_flags: 'sh-prot', scheduler: 'sh' }), /"sh-prot" is no scheduler flag; did you mean "sh-port"/],
  [wish({ persistence: 2_147_484 }), /persistence is a whole number from 0 to 2147483 seconds/],
  [wish({ persistence_prefix: 24 }), /persistence_prefix means nothing: web has no persistence/],
  [wish({ persistence: 60, persistence_prefix: 64 }), /an IPv4 address has 32 bits, not 64/],
  [wish({ persistence: 0 }, 'every'), /a virtual server of every port \(port 0\) needs persistence/],
  [wish({ persistence: 60 }, 'marked'), /keeps the port that the client named, and never uses port 80/],
  [wish({ quorum: 0 }), /quorum is a whole number from 1 to/],
  [wish({ hysteresis: 1 }), /hysteresis \(1\) must be below the quorum \(1\)/],
  [wish({ on_failure: 'inhibit' }), /"inhibit" is no reaction to failure/],
  [wish({ scheduler: 'sh', on_failure: 'remove' }), /on_failure: remove does not go with sh/],
  [wish({ on_failure: 'remove' }, 'hashed'), /on_failure: remove does not go with mh/],
  [wish({ slow_start: 3601 }), /slow_start is a whole number from 0 to 3600 seconds/],
  [wish({ slow_start: 30, scheduler: 'rr' }), /slow_start means nothing to the scheduler rr/],
  [wish({ scheduler: 'rr' }, 'slow'), /slow_start means nothing to the scheduler rr/],
  [wish({ scheduler: 'sh' }, 'mixed'), /a backup does not go with sh/],
  [wish({ sorry_server: '10.0.0.1:80' }), /the sorry server must be another one/],
  [wish({ sorry_server: '10.0.0.99' }), /has no port/],
  [wish({ sorry_server: '[2001:db8::9]:80' }), /2001:db8::9 is IPv6, the virtual server web IPv4/],
  [wish({ sorry_server: 'none' }, 'sorry'), /below: sorry needs a sorry_server/],
  [wish({ scheduler: 'sh', scheduler_flags: 'none' }, 'sorry'), /a sorry server with sh needs sh-fallback/],
  [wish({ unset: 'sheduler' }), /"sheduler" is no setting of set-vs; did you mean "scheduler"/],
  [wish({ unset: 'scheduler' }), /scheduler of web was not set at run time: it is wlc without that/],
  [wish({ unset: 'quorum', quorum: 2 }), /quorum is both set and unset/],
];

for (const [request, message] of REFUSED) {
  test(`set-vs refused: ${message.source.slice(0, 60)}`, () => {
    const decision = decide(request);
    assert.ok('refused' in decision, JSON.stringify(decision));
    assert.match(decision.refused, message);
    assert.ok(!decision.refused.includes('\n'));
  });
}

test('what was set earlier and does not go with the new word is told, not dropped', () => {
  const before = made(wish({ quorum: 5, hysteresis: 3 }));
  const decision = decide(wish({ unset: 'quorum' }), before);
  assert.ok('refused' in decision);
  assert.match(decision.refused, /does not go with that: hysteresis \(3\) must be below the quorum \(1\)/);
});

describe('a file that is another one', () => {
  const overrides = made(wish({ scheduler: 'wrr', quorum: 4 }));
  const reread = (text: string, list = overrides) => {
    const file = config(text);
    const renamed = followRenames(FILE, file, list);
    const { kept, dropped, intent } = buildIntent(file, renamed.overrides, 1);
    return { kept, reasons: dropped.map(({ reason }) => reason), services: intent.services };
  };
  const web = (lines: string) => TEXT.replace('    address: 192.0.2.10:80\n', `    address: 192.0.2.10:80\n${lines}`);

  test('keeps what it does not say', () => {
    const { kept, services } = reread(web('    hysteresis: 0\n    quorum: 2\n'));
    assert.deepEqual([kept.length, services[0]?.scheduler, services[0]?.quorum], [1, 'wrr', 4]);
    assert.deepEqual(
      services[0]?.changed?.map(({ before }) => before),
      ['wlc', '2'],
    );
  });

  test('drops what it says too', () => {
    const { kept, reasons, services } = reread(web('    scheduler: wrr\n    quorum: 4\n'));
    assert.deepEqual([kept, reasons], [[], ['the file says the same of web now']]);
    assert.equal(services[0]?.changed, undefined);
  });

  test('drops it with its service, and with the reason', () => {
    const { reasons } = reread(TEXT.replace('name: web', 'name: other').replace('192.0.2.10:80', '192.0.2.77:80'));
    assert.deepEqual(reasons, ['there is no virtual server web any more']);
  });

  test('has it follow a service that has another name', () => {
    const { kept, services } = reread(TEXT.replace('name: web', 'name: www'));
    assert.deepEqual([kept.length, services[0]?.name, services[0]?.scheduler], [1, 'www', 'wrr']);
  });

  test('drops what its rules refuse together with it', () => {
    const { kept, reasons } = reread(web('    quorum: 7\n    hysteresis: 5\n'));
    assert.deepEqual([kept, reasons], [[], ['hysteresis (5) must be below the quorum (4): it would never be lost']]);
  });

  test('what follows from a setting is not what the file is compared by', () => {
    const hashed = made(wish({ scheduler: 'sh' }));
    const { kept, services } = reread(web('    on_failure: quiesce\n'), hashed);
    assert.deepEqual([kept.length, services[0]?.scheduler], [1, 'sh']);
  });
});

test('whatever is set and unset, what is in force is valid, and all unset is the file', () => {
  const values: { readonly [K in keyof SetVsWords]-?: readonly NonNullable<SetVsWords[K]>[] } = {
    scheduler: ['rr', 'wrr', 'wlc', 'sh', 'mh', 'fo'],
    scheduler_flags: ['none', 'sh-port', 'mh-fallback,mh-port', 'sh-fallback'],
    persistence: [0, 60, 300],
    persistence_prefix: [24, 32, 64],
    quorum: [1, 2, 4],
    hysteresis: [0, 1, 3],
    on_failure: ['remove', 'quiesce'],
    slow_start: [0, 30],
    sorry_server: ['none', '10.0.0.99:80', '10.0.0.1:80'],
    unset: ['all', 'scheduler', 'quorum', 'persistence', 'sorry-server,hysteresis'],
  };
  const word = fc.oneof(
    ...Object.entries(values).map(([name, all]) => fc.constantFrom<string | number>(...all).map((one) => ({ [name]: one }))),
  );
  const words: fc.Arbitrary<SetVsWords> = fc
    .tuple(word, fc.option(word, { nil: {} }))
    .map(([one, other]) => ({ ...one, ...other }));
  let taken = 0;
  fc.assert(
    fc.property(fc.array(words, { maxLength: 8 }), fc.constantFrom('web', 'mixed', 'sorry', 'hashed'), (wishes, name) => {
      let overrides: readonly Override[] = [];
      for (const one of wishes) {
        const decision = decide(wish(one, name), overrides);
        if ('refused' in decision) continue;
        taken++;
        ({ overrides } = decision);
        const { dropped, kept } = buildIntent(FILE, overrides, 1);
        assert.deepEqual([dropped, kept.length], [[], overrides.length]);
        const set = overrides.flatMap(({ change }) => (change.kind === 'set-vs' ? Object.keys(change.set) : []));
        assert.equal(new Set(set).size, set.length, 'one word for each setting');
      }
      assert.equal(serviceIn(done(wish({ unset: 'all' }, name), overrides).overrides, name), serviceIn([], name));
    }),
    { numRuns: 300 },
  );
  assert.ok(taken > 300, `${taken} were taken`);
});
