/** The pool's rules: what is inherited, and what does not go together. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import type { VirtualServerConfig } from '../../../src/config/types.js';
import { BAD_OPTIONS, refuses, server, service } from '../../fake/bad-config.js';

const two = '    real_servers: [ { address: "10.0.0.1:80", weight: 10 }, { address: "10.0.0.2:80", weight: 10 } ]\n';
const checked = (lines: string) => service(`    checks: [ { type: tcp }, { type: icmp } ]\n${lines}`);

refuses('rules of the pool', [
  [checked(`    mode: @some\n${two}`), /mode is all, any or \{ at_least: 2 \}, not "some"/],
  [checked('    mode: { at_least: @0 }\n'), /at_least is a whole number from 1 to 100, not 0/],
  [checked('    mode: { at_least: 1, @most: 2 }\n'), /unknown key "most" in mode/],
  [
    checked('    mode: @{ at_least: 3 }\n    real_servers: [ { address: "10.0.0.1:80" } ]\n'),
    /mode: at_least 3 can never be met: real servers without checks of their own have 2 checks/,
  ],
  [
    checked('    real_servers: [ { address: "10.0.0.1:80", mode: @{ at_least: 2 }, checks: [ { type: tcp } ] } ]\n'),
    /mode: at_least 2 can never be met: 10\.0\.0\.1:80 has one check/,
  ],
  [service('    slow_start: @2h\n'), /slow_start: 2h is outside 0ms to 3600s/],
  [
    service(`    scheduler: mh\n    slow_start: @30s\n${two}`),
    /slow_start does not go with mh: every step of the weight would send/,
  ],
  [service(`    scheduler: sh\n    slow_start: @30s\n${two}`), /slow_start does not go with sh/],
  [
    service(`    scheduler: rr\n    slow_start: @30s\n${two}`),
    /the scheduler rr, which does not look at weights: write wrr or wlc/,
  ],
  [service(`    scheduler: fo\n    slow_start: @30s\n${two}`), /fo, which takes the weight for a rank or a limit/],
  [
    service('    scheduler: lc\n    real_servers: [ { address: "10.0.0.1:80" }, { address: "10.0.0.2:80", slow_start: @5s } ]\n'),
    /slow_start means nothing to the scheduler lc/,
  ],
  [server('address: "10.0.0.1:80", backup: @9'), /backup is true, false, or a tier from 1 to 8, not 9/],
  [server('address: "10.0.0.1:80", backup: @maybe'), /backup is true, false, or a tier from 1 to 8, not "maybe"/],
  [
    server('address: "10.0.0.1:80", backup: @true'),
    /every real server of web is a backup: there is nobody whose place they take/,
  ],
  [
    service('    scheduler: mh\n    real_servers: [ { address: "10.0.0.1:80" }, { address: "10.0.0.2:80", backup: @2 } ]\n'),
    /a backup does not go with mh: it stands by with weight 0, and mh would still choose it/,
  ],
  [
    service('    scheduler: dh\n    real_servers: [ { address: "10.0.0.1:80" }, { address: "10.0.0.2:80", backup: @2 } ]\n'),
    /a backup does not go with dh/,
  ],
  [service(`    min_healthy: @101%\n${two}`), /min_healthy: "101%" is neither a share such as 50% nor a number of real servers/],
  [service(`    min_healthy: @3\n${two}`), /min_healthy 3 is more than there are real servers that are no backups \(2\)/],
  [service(`    min_healthy: 50%\n    below: @drop\n${two}`), /"drop" is no way below min_healthy/],
  [service(`    min_healthy: 50%\n    below: @sorry\n${two}`), /below: sorry needs a sorry_server/],
  [
    service(`    min_healthy: 50%\n    below: @withdraw\n    sorry_server: { address: "10.0.0.9:80" }\n${two}`),
    /below: withdraw does not go with a sorry server/,
  ],
  [service(`    min_healthy: 50%\n    max_ejected: @50%\n${two}`), /two views of one rule: write one of them/],
  [
    service(`    max_ejected: 50%\n    below: @all\n${two}`),
    /"below" is of min_healthy: with max_ejected those that failed last stay in/,
  ],
  [service(`    below: @all\n${two}`), /"below" says what happens below min_healthy: write that too/],
  [`defaults: { min_healthy: 50%, max_ejected: @50% }\n${service(two)}`, /two views of one rule/],
  [service(`    damping: @on\n${two}`), /damping is off or \{ half_life: 60s, suppress: 3, reuse: 1 \}, not "on"/],
  [service(`    damping: { suppress: @0 }\n${two}`), /suppress is a number above 0, up to 100, not 0/],
  [service(`    damping: { half_life: @10ms }\n${two}`), /half_life: 10ms is outside/],
  [service(`    damping: @{ suppress: 1 }\n${two}`), /damping: reuse \(1\) must be below suppress \(1\)/],
  [
    service('    checks: [ { type: script, command: [ /x ], @share: { max: 50% } } ]\n'),
    /share: the script says no weight: write weight: true/,
  ],
  [service('    checks: [ { type: agent, port: 9, share: { max: @2000% } } ]\n'), /max: "2000%" is no share of the weight/],
  [
    service('    checks: [ { type: agent, port: 9, share: @{ min: 50%, max: 20% } } ]\n'),
    /share: min \(50%\) is above max \(20%\)/,
  ],
  [service('    checks: [ { type: tcp, @share: { max: 20% } } ]\n'), /"share" means nothing to a check of type tcp/],
]);

function only(text: string): VirtualServerConfig {
  const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
  assert.deepEqual(
    problems.filter((one) => one.severity === 'error'),
    [],
  );
  return config?.virtualServers[0] as VirtualServerConfig;
}

const warnings = (text: string): string =>
  parseConfig('f.yaml', text, BAD_OPTIONS)
    .problems.map((one) => one.message)
    .join('\n');

describe('what is inherited', () => {
  const defaults =
    'defaults: { mode: any, slow_start: 30s, min_healthy: 50%, below: all, damping: {}, checks: [ { type: tcp }, { type: icmp } ] }\n';

  test('all of it, down to the real server, which may say otherwise', () => {
    const web = only(
      `${defaults}${service(`    real_servers: [ { address: "10.0.0.1:80" }, { address: "10.0.0.2:80", mode: all, slow_start: 0, backup: true } ]\n`)}`,
    );
    assert.deepEqual(web.floor, { of: 'min_healthy', amount: 50, unit: 'percent', below: 'all' });
    assert.deepEqual(web.damping, { halfLife: 60_000, suppress: 3, reuse: 1 });
    assert.deepEqual(
      web.realServers.map(({ needed, slowStart, tier }) => [needed, slowStart, tier]),
      [
        [1, 30_000, undefined],
        [undefined, undefined, 1],
      ],
    );
  });

  test('a service says otherwise', () => {
    const off = only(
      `${defaults}${service(`    mode: { at_least: 2 }\n    min_healthy: 0\n    damping: off\n    slow_start: 0\n${two}`)}`,
    );
    assert.deepEqual([off.needed, off.floor, off.damping, off.slowStart], [2, undefined, undefined, undefined]);
    const other = only(`${defaults}${service(`    max_ejected: 1\n${two}`)}`);
    assert.deepEqual(other.floor, { of: 'max_ejected', amount: 1, unit: 'servers', below: 'keep_last' });
    const below = only(`${defaults}${service(`    below: withdraw\n${two}`)}`);
    assert.deepEqual(below.floor, { of: 'min_healthy', amount: 50, unit: 'percent', below: 'withdraw' });
  });

  test('slow start of the defaults is for those services that can have it', () => {
    for (const scheduler of ['rr', 'lc', 'dh', 'sh', 'mh', 'fo', 'ovf'])
      assert.equal(only(`${defaults}${service(`    scheduler: ${scheduler}\n${two}`)}`).realServers[0]?.slowStart, undefined);
    for (const scheduler of ['wrr', 'wlc', 'sed', 'nq', 'lblc', 'lblcr', 'twos'])
      assert.equal(only(`${defaults}${service(`    scheduler: ${scheduler}\n${two}`)}`).realServers[0]?.slowStart, 30_000);
  });
});

test('what does little is warned of', () => {
  assert.match(
    warnings(service('    slow_start: 30s\n    real_servers: [ { address: "10.0.0.1:80" } ]\n')),
    /the weight 1 of 10\.0\.0\.1:80 has no share below it: slow_start does nothing; write larger weights for all/,
  );
  assert.match(warnings(service(`    max_ejected: 30%\n${two}`)), /max_ejected 30% of 2 real servers is none/);
  assert.doesNotMatch(warnings(service(`    slow_start: 30s\n    max_ejected: 50%\n${two}`)), /slow_start|max_ejected/);
});

test('bounds of what may be asked for, and a script that says the weight', () => {
  const web = only(
    service(
      `    checks: [ { type: script, command: [ /x ], weight: true, share: { min: 10% } }, { type: agent, port: 9, share: { max: 200% } } ]\n${two}`,
    ),
  );
  assert.deepEqual(
    web.checks.map((check) => 'share' in check && check.share),
    [
      { min: 10, max: 1000 },
      { min: 0, max: 200 },
    ],
  );
});
