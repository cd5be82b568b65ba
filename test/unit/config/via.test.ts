/** `via: vip`, `probe_marks` and `suspicion`: what is understood, and what is refused at its place. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import type { CheckConfig, Config } from '../../../src/config/types.js';
import { checkSpec, describeCheckFully } from '../../../src/health/key.js';
import { BAD_OPTIONS, refuses, service } from '../../fake/bad-config.js';

/** A virtual server with one real server and one check; `@` may be anywhere. */
const web = (check: string, rs = 'address: "10.0.0.21:80"', own = 'forward: dr', address = 'address: 192.0.2.10:80') =>
  `virtual_servers:\n  - name: web\n    ${address}\n    ${own}\n    checks: [ { ${check} } ]\n    real_servers: [ { ${rs} } ]\n`;
const VIA = 'type: tcp, via: vip';
const AT_RS = 'address: @"10.0.0.21:80"';

refuses('via: vip where it means nothing', [
  [web('type: tcp, via: @vpi'), /"vpi" is no way of a probe; did you mean "vip"/],
  [web('type: icmp, via: @vip').replace('via: @', '@via: '), /"via" means nothing to a check of type icmp/],
  [web('type: file, path: /x, @via: vip'), /"via" means nothing to a check of type file/],
  [web('type: script, command: [ /x ], @via: vip'), /"via" means nothing to a check of type script/],
  [web(`${VIA}, @interface: eth0`), /"interface" does not go with via: vip/],
  [web(`${VIA}, @fwmark: 7`), /"fwmark" does not go with via: vip/],
  [web(`${VIA}, @netns: blue`), /"netns" does not go with via: vip/],
  [web(VIA, AT_RS, 'forward: nat'), /tcp check of 10\.0\.0\.21:80: via: vip means nothing with nat/],
  [web(`${VIA}, address: 192.0.2.99`, AT_RS), /192\.0\.2\.99 is no address of the virtual server/],
  [web(`${VIA}, address: "2001:db8::1"`, AT_RS), /2001:db8::1 is not of the virtual server's address family/],
  [web(`${VIA}, source: 192.0.2.10`, AT_RS), /cannot leave from 192\.0\.2\.10, the address that it goes to/],
  [web(VIA, 'address: @10.0.0.21', 'forward: dr', 'fwmark: 7'), /needs the "address" to go to/],
  [
    web(`${VIA}, address: 192.0.2.10`, 'address: @10.0.0.21', 'forward: dr', 'fwmark: 7'),
    /the tcp check of 10\.0\.0\.21 has no port: give the check a port/,
  ],
  [
    web('type: tcp', `address: "10.0.0.21:80", checks: @[ { ${VIA}, address: 192.0.2.99 } ]`),
    /192\.0\.2\.99 is no address of the virtual server/,
  ],
]);

refuses('probe_marks and suspicion', [
  [`global: { probe_marks: @7 }\n${service('')}`, /probe_marks: "7" is no range of marks: write 0x/],
  [`global: { probe_marks: @9-7 }\n${service('')}`, /9-7 ends before it begins/],
  [`global: { probe_marks: @0-7 }\n${service('')}`, /"0" is no firewall mark/],
  [
    `global: { probe_marks: 5-9 }\n${web('type: icmp', 'address: 10.0.0.21', 'forward: dr', 'fwmark: @7')}`,
    /the mark 7 \(0x7\) is one of probe_marks \(0x5-0x9\)/,
  ],
  [
    `global: { probe_marks: 5-9 }\n${web('type: icmp, fwmark: 9').replace('name: web', 'name: @web')}`,
    /a check of web: the mark 9 \(0x9\) is one of probe_marks/,
  ],
  [
    `global: { probe_marks: @5-5 }\n${web(VIA, 'address: 10.0.0.21 }, { address: 10.0.0.22')}`,
    /probe_marks \(0x5-0x5\) are 1, and the checks via: vip need 2/,
  ],
  [`global: { suspicion: @on }\n${service('')}`, /suspicion is off, or a mapping such as/],
  [`global: { suspicion: { share: @100% } }\n${service('')}`, /"100%" is no share: write 1% to 99%/],
  [`global: { suspicion: { min_targets: @1 } }\n${service('')}`, /min_targets is a whole number from 2/],
  [`global: { suspicion: { hold: @1h } }\n${service('')}`, /hold: 1h is outside/],
  [`global: { suspicion: { reference: [ @gateway ] } }\n${service('')}`, /reference: "gateway" is no IP address/],
  [`global: { suspicion: { yield: @maybe } }\n${service('')}`, /yield is true or false/],
]);

function parse(text: string): Config {
  const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
  assert.ok(config, JSON.stringify(problems));
  return config;
}

const checksOf = (config: Config): readonly CheckConfig[] =>
  config.virtualServers.flatMap(({ realServers }) => realServers.flatMap(({ checks }) => checks));

describe('where a check via: vip goes', () => {
  const CASES: readonly (readonly [what: string, text: string, said: string])[] = [
    [
      'to the address and port of its virtual server',
      web(VIA),
      'tcp connect to 10.0.0.21 via VIP 192.0.2.10:80, forwarded by dr',
    ],
    [
      'to the first of many addresses with the port of the real server',
      web(VIA, 'address: "10.0.0.21:443"', 'forward: dr', 'address: [ "192.0.2.10-12:80", "192.0.2.11-12:443" ]'),
      'tcp connect to 10.0.0.21 via VIP 192.0.2.11:443, forwarded by dr',
    ],
    [
      'to another address and port where it says so',
      web(`${VIA}, address: 192.0.2.12, port: 8080, source: 192.0.2.2`, undefined, undefined, 'address: [ "192.0.2.10-12:80" ]'),
      'tcp connect to 10.0.0.21 via VIP 192.0.2.12:8080, from 192.0.2.2, forwarded by dr',
    ],
    [
      'to the address that it says, behind a mark',
      web(`${VIA}, address: 192.0.2.12, port: 80`, 'address: 10.0.0.21', 'forward: dr', 'fwmark: 7'),
      'tcp connect to 10.0.0.21 via VIP 192.0.2.12:80, forwarded by dr',
    ],
    [
      'through a tunnel that carries another family',
      web('type: http, via: vip', 'address: "[2001:db8::21]:80"', 'forward: tun'),
      'http GET / on 2001:db8::21 via VIP 192.0.2.10:80, status 200-299, forwarded by tun',
    ],
  ];
  for (const [what, text, said] of CASES)
    test(what, () => {
      const [check] = checksOf(parse(text));
      assert.ok(check);
      const described = describeCheckFully(checkSpec(check, '10.0.0.21', 80));
      assert.equal(described, `${said}, every 2s, timeout 1s, fall 2`);
    });

  test('two real servers never share one: the way is part of what a check is', () => {
    const keys = checksOf(parse(web(VIA, 'address: 10.0.0.21 }, { address: 10.0.0.22'))).map((one) => checkSpec(one, '', 0).key);
    assert.equal(new Set(keys).size, 2);
  });
});

test('what nobody says of marks and suspicion', () => {
  const { checking } = parse(service(''));
  assert.deepEqual(checking, {
    probeMarks: { first: 0x4c420000, last: 0x4c42ffff },
    suspicion: { share: 0.6, minTargets: 5, hold: undefined, references: [], yields: false },
  });
});

test('what the file says of them', () => {
  const said =
    'probe_marks: 0x100-0x1ff, suspicion: { share: 75%, min_targets: 3, hold: 4s, reference: [ 192.0.2.1 ], yield: true }';
  assert.deepEqual(parse(`global: { ${said} }\n${service('')}`).checking, {
    probeMarks: { first: 0x100, last: 0x1ff },
    suspicion: { share: 0.75, minTargets: 3, hold: 4000, references: ['192.0.2.1'], yields: true },
  });
  const yielding = parseConfig('f.yaml', `global: { suspicion: { yield: true } }\n${service('')}`).problems;
  assert.ok(yielding.some((one) => one.message === 'yield means nothing here: there is no VRRP instance'));
  assert.equal(parse(`global: { suspicion: off }\n${service('')}`).checking.suspicion, undefined);
});
