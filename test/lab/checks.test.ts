/** Real servers that misbehave in every way (user pain 14): each is out with the reason that it has, and back when it behaves. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from './kit/director.js';
import { buildNetwork, type Network } from './kit/net.js';
import { type Program, start, until } from './kit/shell.js';

const NAUGHTY = fileURLToPath(new URL('./kit/naughty.js', import.meta.url));
const pem = (name: string) => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));
const CHECK = 'interval: 1s, timeout: 900ms';

const config = (folder: string, rs1: string) => `
defaults: { forward: dr, check: { ${CHECK}, interval_changing: 1s } }
virtual_servers:
  - name: http
    address: 198.51.100.9:80
    checks: [ { type: http } ]
    real_servers: [ { address: 192.0.2.21 } ]
  - name: https
    address: 198.51.100.9:443
    checks: [ { type: https, tls: { ca: ${pem('ca.pem')}, sni: web.test } } ]
    real_servers: [ { address: 192.0.2.21 } ]
  - name: agent
    address: 198.51.100.9:81
    checks: [ { type: agent, port: 9999 } ]
    real_servers: [ { address: 192.0.2.21, weight: 100 } ]
  - name: dns
    address: 198.51.100.9:53
    protocol: udp
    checks: [ { type: dns, name: web.test, answer: 192.0.2.7 } ]
    real_servers: [ { address: 192.0.2.21 } ]
  - name: grpc
    address: 198.51.100.9:83
    checks: [ { type: grpc, service: web, netns: ${rs1}, address: 127.0.0.1, port: 50051 } ]
    real_servers: [ { address: 192.0.2.21 } ]
  - name: script
    address: 198.51.100.9:82
    checks: [ { type: script, command: [ ${folder}/check, ${folder} ] } ]
    real_servers: [ { address: 192.0.2.21 } ]
`;

/** Says no, or ignores TERM and forks, as the mode has it. */
const SCRIPT = `#!/bin/sh
case $(cat $1/mode) in
  no) echo "says no to $LBD_ADDRESS"; exit 1 ;;
  stubborn) trap '' TERM; (trap '' TERM; sleep 1000) & wait ;;
esac
`;

const MODES: readonly (readonly [service: string, mode: string, reason: RegExp])[] = [
  ['http', 'reset', /connection reset/],
  ['http', 'hang', /no answer within 900ms/],
  ['http', 'drip', /no answer within 900ms|not an HTTP answer|HTTP/],
  ['http', 'status', /HTTP 503/],
  ['https', 'stall', /no answer within 900ms/],
  ['agent', 'maint #upgrade', /says maint \(upgrade\)/],
  ['dns', 'deaf', /no answer within 900ms/],
  ['dns', 'no-name', /DNS NXDOMAIN/],
  ['grpc', 'not-serving', /gRPC NOT_SERVING/],
  ['script', 'no', /exit status 1: "says no to 192\.0\.2\.21"/],
  ['script', 'stubborn', /no answer within 900ms/],
];

describe('real servers that misbehave', () => {
  let network: Network;
  let d1: Director;
  let server: Program;
  let folder = '';

  const be = (mode: string) => writeFileSync(join(folder, 'mode'), `${mode}\n`);
  const kernel = () => network.exec('d1', 'ipvsadm -Ln');
  const is = (name: string, up: number) =>
    d1.when(`${name} has ${up} up`, ({ services }) => services.some((one) => one.name === name && one.up === up && one.in_sync));
  /** Programs of the stubborn script that are left. */
  const left = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && /^sleep\s1000/.test(commandOf(pid))).length;

  before(async () => {
    network = buildNetwork(['d1', 'rs1']);
    d1 = createDirector(network.host('d1').netns, 'd1');
    folder = join(d1.folder, 'naughty');
    chmodSync(d1.folder, 0o755);
    mkdirSync(folder);
    be('ok');
    writeFileSync(join(folder, 'check'), SCRIPT, { mode: 0o755 });
    server = start(network.host('rs1').netns, [process.execPath, NAUGHTY, folder, pem('server.pem'), pem('server.key')]);
    await server.line(/listens/);
    d1.configure(config(folder, network.host('rs1').netns));
    await d1.start();
    for (const name of ['http', 'https', 'agent', 'dns', 'grpc', 'script']) await is(name, 1);
  });

  after(async () => {
    await d1?.destroy();
    await server?.kill();
    network?.destroy();
  });

  for (const [name, mode, reason] of MODES)
    test(`${name}: ${mode}`, async () => {
      be(mode);
      await is(name, 0);
      // On a slow machine the last answers before it may have come too late: those of this kind come now.
      let why = '';
      await until('its reason is told', () => {
        why = d1.ctl('why', name, '192.0.2.21').stdout;
        return reason.test(why);
      }).catch(() => assert.match(why, reason));
      be('ok');
      await is(name, 1);
    });

  test('an agent has its share of the weight, in the kernel too, and 0 takes nobody new', async () => {
    for (const [line, weight] of [
      ['25%', 25],
      ['drain', 0],
      ['ready', 100],
    ] as const) {
      be(line);
      await until(`weight ${weight}`, () => new RegExp(`192\\.0\\.2\\.21:81 +Route +${weight} `).test(kernel()));
      const why = d1.ctl('why', 'agent', '192.0.2.21').stdout;
      assert.match(
        why,
        weight === 100 ? /with weight 100/ : new RegExp(`weight ${weight} of 100 \\(agent at .* says ${line}\\)`),
      );
    }
  });

  test('a share outlives the daemon', async () => {
    be('40%');
    await until('weight 40', () => /192\.0\.2\.21:81 +Route +40 /.test(kernel()));
    // Verdicts are written soon after; what a second daemon reads is what the first one wrote at its end.
    await d1.stop();
    be('ok');
    await server.kill();
    await d1.start();
    await d1.when('it forwards', ({ services }) => services.some((one) => one.name === 'agent' && one.in_kernel));
    assert.doesNotMatch(kernel(), /192\.0\.2\.21:81 +Route +100 /);
  });

  test('nothing of a script is left that ignored its end', () => assert.equal(left(), 0));
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
