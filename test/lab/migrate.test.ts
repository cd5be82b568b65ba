/**
 * docs/migrate.md, line by line: a pair on keepalived, with an instance of version 2 and one of version 3, goes to lbd one director at a time
 * while clients ask through both addresses, and one of them goes back.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHost, type MigratingHost } from './kit/migrating.js';
import { buildNetwork, giveVip, type Network, VIP } from './kit/net.js';
import { type Program, start } from './kit/shell.js';
import { longestGap, monotonic, startTraffic, type Traffic } from './kit/traffic.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WEB = fileURLToPath(new URL('./kit/web.js', import.meta.url));
const SECOND_VIP = '192.0.2.11';
const RATE = 5;
/** Longest time without an answer, ms: a master that is lost and not handed over would cost more, and the guest stands still for a second at times. */
const SILENCE_MS = 3500;
/** Requests that were under way through the director that gives the addresses up, for each of the two. */
const CUT = 3;

const PRIORITY: Readonly<Record<string, number>> = { d1: 150, d2: 100 };

const service = (address: string, check: string): string => `
virtual_server ${address} 80 {
    delay_loop 2
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.0.2.21 80 {
        ${check}
    }
    real_server 192.0.2.22 80 {
        ${check}
    }
}
`;

const instance = (name: string, vrid: number, version: 2 | 3, address: string, priority: number): string => `
vrrp_instance ${name} {
    state BACKUP
    interface eth0
    virtual_router_id ${vrid}
    version ${version}
    priority ${priority}
    advert_int 1
${version === 2 ? '    authentication {\n        auth_type PASS\n        auth_pass s3cret\n    }\n' : ''}    virtual_ipaddress {
        ${address}/24
    }
}
`;

/** The pair as it was before. */
const keepalivedOf = (name: string): string => `# The pair in front of the web servers.
global_defs {
    router_id ${name}
    lvs_sync_daemon eth0 VI_1 id 51
}
vrrp_sync_group pair {
    group {
        VI_1
        VI_2
    }
}
${instance('VI_1', 51, 2, VIP, PRIORITY[name] as number)}${instance('VI_2', 52, 3, SECOND_VIP, PRIORITY[name] as number)}${service(
  VIP,
  'HTTP_GET {\n            url {\n                path /healthz\n                status_code 200\n            }\n        }',
)}${service(SECOND_VIP, 'TCP_CHECK {\n            connect_timeout 3\n        }')}`;

interface Section {
  readonly title: string;
  readonly commands: readonly { readonly host: string; readonly line: string }[];
}

/** Headings, and what stands behind a prompt below each. */
function sectionsOf(text: string): Section[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => ({
      title: part.slice(0, part.indexOf('\n')),
      commands: [...part.matchAll(/^ {4}(d1|d2|both)# (.+)$/gm)].map(([, host = '', line = '']) => ({ host, line })),
    }))
    .filter(({ commands }) => commands.length > 0);
}

/** Those in which the addresses move, and that they may lose what is under way. */
const MOVES = /switch-over|old priorities|way back/;

const sections = sectionsOf(readFileSync(join(ROOT, 'docs/migrate.md'), 'utf8'));

describe('docs/migrate.md', () => {
  let network: Network;
  const hosts = new Map<string, MigratingHost>();
  const programs: Program[] = [];
  const traffics: Traffic[] = [];

  const pair = (): MigratingHost[] => [...hosts.values()];
  const lastWords = () =>
    pair()
      .map((one) => `${one.name}:\n${one.lastLines().join('\n')}`)
      .join('\n');

  before(async () => {
    network = buildNetwork(['cli', 'd1', 'd2', 'rs1', 'rs2']);
    for (const name of ['rs1', 'rs2']) {
      giveVip(network, name, [`ip addr add ${SECOND_VIP}/32 dev lo`]);
      const web = start(network.host(name).netns, [process.execPath, WEB, name, '80']);
      programs.push(web);
      await web.line(/listens/);
    }
    for (const name of ['d1', 'd2']) {
      const host = await createHost(network.host(name).netns, name);
      hosts.set(name, host);
      writeFileSync(join(host.folder, 'keepalived/keepalived.conf'), keepalivedOf(name));
      await host.type('systemctl start keepalived');
    }
  });

  after(async () => {
    for (const traffic of traffics) await traffic.stop();
    for (const host of pair()) await host.destroy();
    for (const program of programs) await program.kill();
    network?.destroy();
  });

  /** The first section touches nothing: who only reads and writes files needs no witness. */
  async function startClients(): Promise<void> {
    for (const address of [VIP, SECOND_VIP]) {
      const traffic = startTraffic(network.host('cli').netns, address, 80, RATE, 10_000);
      traffics.push(traffic);
      await traffic.next((answer) => answer.error === null);
    }
  }

  /** What the clients of an address saw since then. */
  async function seen(traffic: Traffic, from: number): Promise<{ failed: number; gap: number }> {
    // What was asked until now is answered when so many more are.
    await traffic.more(RATE);
    const answers = traffic.between(from);
    return { failed: answers.filter(({ error }) => error !== null).length, gap: longestGap(traffic.between(from - 1000)) };
  }

  test('has sections with commands, and the two moves', () => {
    assert.deepEqual(
      sections.map(({ title }) => MOVES.test(title)),
      [false, false, true, false, true, true],
    );
  });

  for (const { title, commands } of sections)
    test(title, async (t) => {
      if (sections[1]?.title === title) await startClients();
      const from = monotonic();
      const before = pair().reduce((sum, one) => sum + one.becameMaster(), 0);
      for (const { host, line } of commands) {
        const those = host === 'both' ? pair() : [hosts.get(host) as MigratingHost];
        await Promise.all(
          those.map(async (one) => {
            const { status, output } = await one.type(line);
            assert.equal(status, 0, `${one.name}# ${line}\n${output}\n${lastWords()}`);
          }),
        );
      }
      for (const [i, traffic] of traffics.entries()) {
        const { failed, gap } = await seen(traffic, from);
        t.diagnostic(`version ${i + 2}: ${failed} requests failed, longest time without an answer ${Math.round(gap)} ms`);
        assert.ok(failed <= (MOVES.test(title) ? CUT : 0), `${failed} requests failed\n${lastWords()}`);
        assert.ok(gap < SILENCE_MS, `${gap} ms without an answer\n${lastWords()}`);
      }
      const moves = pair().reduce((sum, one) => sum + one.becameMaster(), 0) - before;
      t.diagnostic(`an instance became master ${moves} times`);
      // Both together; at first they are elected.
      if (sections[0]?.title !== title) assert.equal(moves, MOVES.test(title) ? 2 : 0, lastWords());
    });
});
