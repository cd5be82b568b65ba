/**
 * lbctl doctor against the host's own kernel: what it says of rules is what the kernel does with packets, and the cures that it prints
 * are run as they are printed, until nothing is left.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiDoctor, ApiFinding } from '../../src/control/api.js';
import { obstacles } from '../../src/intent/doctor/firewall.js';
import type { Packet } from '../../src/intent/doctor/packet.js';
import { readRuleset } from '../../src/intent/doctor/ruleset.js';
import { makeNetns, type Netns, type Program } from './netns.js';
import { until } from './vrrp-harness.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RULESETS = join(ROOT, 'test/unit/intent/doctor/rulesets');
const CHILD = new URL('./doctor-child.js', import.meta.url);

interface Pair {
  readonly director: Netns;
  readonly other: Netns;
  destroy(): void;
}

/** What is still standing when the tests end early. */
const standing = new Set<() => void>();
process.on('exit', () => {
  for (const destroy of [...standing]) destroy();
});

/** Two namespaces on one cable: the director 10.9.0.1, the other 10.9.0.2, and the service 192.0.2.10 at the director. */
function buildPair(): Pair {
  const director = makeNetns('doctor-d');
  const other = makeNetns('doctor-o');
  const destroy = () => {
    if (!standing.delete(destroy)) return;
    other.destroy();
    director.destroy();
  };
  standing.add(destroy);
  director.exec(`ip link add eth0 type veth peer name eth0 netns ${other.name}`);
  for (const [i, one] of [director, other].entries()) {
    one.exec('sysctl -qw net.ipv6.conf.eth0.accept_dad=0');
    one.exec('ip link set eth0 up');
    one.exec(`ip addr add 10.9.0.${i + 1}/24 dev eth0`);
  }
  director.exec('ip addr add 192.0.2.10/32 dev eth0');
  other.exec('ip route add 192.0.2.10/32 via 10.9.0.1');
  other.exec('ip route add 224.0.0.0/4 dev eth0');
  return { director, other, destroy };
}

describe('the evaluator and the kernel agree', () => {
  const NEAR = [{ address: '10.9.0.1', length: 24 }];
  const link = { inputs: ['eth0'], outputs: [], state: 'new' } as const;
  const six = { ...link, family: 6, sources: [{ address: 'fe80::', length: 10 }] } as const;
  const PACKETS: Readonly<Record<string, Packet>> = {
    vrrp: { ...link, family: 4, protocol: 112, sources: NEAR, destination: '224.0.0.18', hops: 255 },
    sync: { ...link, family: 4, protocol: 17, sources: NEAR, destination: '224.0.0.81', destinationPort: 8848, hops: 1 },
    client: {
      ...link,
      family: 4,
      protocol: 6,
      sources: undefined,
      destination: '192.0.2.10',
      destinationPort: 80,
      state: 'invalid',
    },
    vrrp6: { ...six, protocol: 112, destination: 'ff02::12', hops: 255 },
    mld: { ...six, protocol: 58, icmpType: 130, destination: 'ff02::1', hops: 1, state: 'untracked' },
  };
  const COUNTED: Readonly<Record<string, string>> = {
    vrrp: 'ip daddr 224.0.0.18',
    sync: 'ip daddr 224.0.0.81',
    client: 'ip daddr 192.0.2.10 tcp dport 80',
    vrrp6: 'ip6 daddr ff02::12',
    mld: 'icmpv6 type mld-listener-query',
  };
  /** Counts what arrives before every other rule, and what is left after them. */
  const counting = (chain: string, hook: string): string =>
    `chain ${chain} { type filter hook ${hook}; policy accept;\n${Object.values(COUNTED)
      .map((match) => `${match} counter`)
      .join('\n')}\n}`;
  const ORACLE = `table inet oracle {
    ${counting('arrived', 'prerouting priority -500')}
    ${counting('passed', 'input priority 1000')}
  }`;

  let pair: Pair;
  let sender: Program<never>;
  before(async () => {
    pair = buildPair();
    await pair.director.start<never>(CHILD).call('join', '10.9.0.1');
    sender = pair.other.start<never>(CHILD);
  });
  after(() => pair?.destroy());

  const listed = () => JSON.parse(pair.director.exec('nft -j -p list ruleset')) as { nftables: readonly unknown[] };

  /** Packets that a counting chain has seen, by kind. */
  function counts(chain: string): Record<string, number> {
    const rules = listed().nftables.flatMap((one) => {
      const { rule } = one as { rule?: { table: string; chain: string; expr: readonly { counter?: { packets: number } }[] } };
      return rule?.table === 'oracle' && rule.chain === chain ? [rule] : [];
    });
    const packets = rules.map((rule) => rule.expr.find((one) => one.counter)?.counter?.packets ?? 0);
    return Object.fromEntries(Object.keys(COUNTED).map((kind, i) => [kind, packets[i] ?? 0]));
  }

  /** The file's table with one of its base chains, and all that is no base chain. */
  function alone(lines: readonly string[], base: string): string {
    return lines.filter((line) => line === base || !line.includes(' hook ')).join('\n');
  }

  /** The line of a ruleset's source file, with the kernel's answer and ours. */
  async function compare(text: string): Promise<Record<string, string>> {
    pair.director.exec('nft -f -', `flush ruleset\n${ORACLE}\n${text}\n`);
    const scope = Number(pair.other.exec('cat /sys/class/net/eth0/ifindex'));
    await sender.call('sendAll', '192.0.2.10', scope);
    await until('the packets are there', () => Object.values(counts('arrived')).every((count) => count > 0));
    const passed = counts('passed');
    const ruleset = readRuleset(listed());
    assert.ok(ruleset);
    const wrong: Record<string, string> = {};
    for (const [kind, packet] of Object.entries(PACKETS)) {
      const found = obstacles(ruleset, packet, [{ name: 'prerouting' }, { name: 'input' }]);
      if (found.some((one) => one.verdict === 'unknown')) continue;
      judged++;
      const [ours, kernel] = [found.length === 0, (passed[kind] ?? 0) > 0];
      if (ours !== kernel) wrong[kind] = `lbd says ${ours ? 'accepted' : 'dropped'}, the kernel ${kernel ? 'accepts' : 'drops'}`;
    }
    return wrong;
  }
  let judged = 0;

  for (const name of ['matches', 'walk', 'conntrack']) {
    const lines = readFileSync(join(RULESETS, `${name}.nft`), 'utf8').split('\n');
    for (const base of lines.filter((line) => line.includes(' hook '))) {
      test(`${name}: ${base.trim()}`, async () => assert.deepEqual(await compare(alone(lines, base)), {}));
    }
  }
  for (const name of ['firewalld', 'closed', 'invalid', 'open', 'conntrack']) {
    test(`${name}, whole`, async () => assert.deepEqual(await compare(readFileSync(join(RULESETS, `${name}.nft`), 'utf8')), {}));
  }
  test('most of them were certain', () => assert.ok(judged > 200, `${judged} comparisons`));
});

describe('the cures, run as printed', () => {
  const CONFIG = `
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    forward: nat
    real_servers: [ { address: 10.9.0.2:8080 }, { address: 10.9.0.3:8080 } ]
  - name: dns
    address: 192.0.2.10:53
    protocol: udp
    forward: dr
    real_servers: [ { address: 10.9.0.2:53 } ]
vrrp_instances:
  - { name: VI_1, interface: eth0, virtual_router_id: 51, virtual_addresses: [ 192.0.2.10/24 ] }
  - { name: VI_6, interface: eth0, virtual_router_id: 51, virtual_addresses: [ "fe80::9:100/128" ] }
connection_sync: { interface: eth0, follow: VI_1, id: 51 }
`;
  let pair: Pair;
  let folder: string;
  let file: string;
  before(() => {
    pair = buildPair();
    folder = mkdtempSync(join(tmpdir(), 'lbd-doctor-'));
    file = join(folder, 'lbd.yaml');
    chmodSync(folder, 0o755);
    writeFileSync(file, CONFIG);
  });
  after(() => {
    pair?.destroy();
    if (folder) rmSync(folder, { recursive: true });
  });

  function doctor(...words: string[]) {
    const lbctl = [join(ROOT, 'bin/lbctl'), 'doctor', file, '--socket', join(folder, 'none.sock'), ...words];
    return spawnSync('ip', ['netns', 'exec', pair.director.name, process.execPath, ...lbctl], { encoding: 'utf8' });
  }

  function findings(): readonly ApiFinding[] {
    const { stdout, stderr, status } = doctor('-o', 'json');
    assert.ok(status === 0 || status === 1, stderr);
    return (JSON.parse(stdout) as ApiDoctor).findings;
  }

  const load = (text: string) => pair.director.exec('nft -f -', `flush ruleset\n${text}`);
  const run = (cure: string) => execFileSync('ip', ['netns', 'exec', pair.director.name, 'sh', '-ec', cure], { stdio: 'pipe' });
  const commands = (found: readonly ApiFinding[]) => found.map((one) => one.cure).filter((cure) => /^(nft|sysctl) /.test(cure));

  test('a rule that drops adverts is named by its handle; its cure makes the finding go', () => {
    load('table inet mine { chain guard { type filter hook input priority 0; policy accept; ip protocol vrrp drop; }\n }');
    const handle = /ip protocol 112 drop # handle (\d+)/.exec(pair.director.exec('nft -a -p list chain inet mine guard'))?.[1];
    const about = () => findings().filter((one) => one.topic === 'firewall' && one.severity !== 'ok');
    const [found, ...more] = about();
    assert.deepEqual(more, []);
    assert.equal(
      found?.text,
      `incoming VRRP adverts (protocol 112 to 224.0.0.18) for VI_1 are dropped by rule handle ${handle} of chain inet mine guard: this director does not hear the other one and becomes master beside it`,
    );
    assert.equal(found?.cure, 'nft insert rule inet mine guard ip protocol 112 ip daddr 224.0.0.18 accept');
    run(found?.cure as string);
    assert.deepEqual(about(), []);
  });

  for (const name of ['closed', 'firewalld', 'invalid']) {
    test(`${name}: every cure is run once, and none is left`, () => {
      run('sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.eth0.send_redirects=1');
      load(readFileSync(join(RULESETS, `${name}.nft`), 'utf8'));
      const cures = commands(findings());
      assert.ok(cures.length >= 4, cures.join('\n'));
      assert.ok(cures.includes('sysctl -w net.ipv4.ip_forward=1'), cures.join('\n'));
      for (const cure of cures) run(cure);
      assert.deepEqual(commands(findings()), []);
    });
  }

  test('it changes nothing', () => {
    load(readFileSync(join(RULESETS, 'closed.nft'), 'utf8'));
    run('sysctl -qw net.ipv4.ip_forward=0');
    const state = () => pair.director.exec('nft -a list ruleset') + pair.director.exec('sysctl -a -r net.ipv4');
    const before = state();
    assert.equal(doctor().status, 1);
    assert.equal(state(), before);
  });

  test('who is not root hears what could not be read, and the rest', () => {
    load(readFileSync(join(RULESETS, 'closed.nft'), 'utf8'));
    const { stdout, status, stderr } = spawnSync(
      'ip',
      [
        'netns',
        'exec',
        pair.director.name,
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
      ].concat(join(ROOT, 'bin/lbd'), '--doctor', file),
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    const { findings } = JSON.parse(stdout) as ApiDoctor;
    const unread = findings.find((one) => one.text.startsWith("the firewall's rules cannot be read"));
    assert.deepEqual([unread?.severity, unread?.cure], ['warning', 'run it as root']);
    assert.ok(findings.some((one) => one.topic === 'ip_forward'));
  });
});
