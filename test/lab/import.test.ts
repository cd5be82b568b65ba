/**
 * keepalived on the services of test/golden/keepalived, and lbd on what `lbctl import` makes of the same text: when their checks have
 * settled, both kernels have the same table, also of what fails, and again when all of it is back.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CORPUS, importFile, makeHost, type Running, type StageHost } from '../netns/import-stage.js';
import { runAll } from './kit/batch.js';
import { type Program, start, until } from './kit/shell.js';

const ANSWERS = fileURLToPath(new URL('./kit/answers.js', import.meta.url));
const pem = (name: string) => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));

/** One is refused by name; the kernel takes real servers of the other family only where no sync daemon runs, and director.conf has one. */
const LEFT_OUT = ['lvs-bfd.conf', 'lvs-mixed.conf'];

/** Real servers that are not there at first. */
const DOWN = [
  '10.44.1.13',
  '10.44.2.13',
  '10.44.2.14',
  '10.44.3.13',
  '10.44.4.13',
  '10.44.4.14',
  '10.44.5.16',
  '10.44.5.17',
  '10.44.7.12',
  '10.44.11.13',
  '10.44.12.13',
  '10.44.14.15',
  '10.44.16.113',
  '10.44.19.13',
  '10.44.21.12',
  'fd44:17::13',
];
/** Their checks fail for good: a wrong page, no such page, a port of nobody, a program that says so. */
const FAILING = ['10.44.9.14:80', '10.44.9.16:80', '10.44.9.17:80', '10.44.10.13:443', '10.44.13.12:515', '10.44.14.13:3306'];
/** Where it is assumed to be down until a check has passed. */
const ALPHA = ['10.44.5.11:80', '10.44.5.15:80'];

/** Probed in the place of another: it is in no table. */
const NEVER = ['10.44.16.113'];

/**
 * Text for the lab: checks every few seconds, and patience, since all is slow there. With reload_check_config keepalived does not even start with
 * what it only warns of; there is one sync daemon in a kernel, that of director.conf; and its check of a host block ends in "Read timeout"
 * with a server that has answered.
 */
const hurried = (file: string): string =>
  readFileSync(join(CORPUS, file), 'utf8')
    .replace(/delay_loop \d+/g, 'delay_loop 6')
    .replace(/^ *host \{[^}]*\}/gm, '')
    .replace(/connect_timeout [\d.]+/g, 'connect_timeout 8')
    .replace(/^ *(reload_check_config|lvs_sync_daemon_interface .*)$/gm, '');

/** All files as one, by include, which costs one start of each daemon. */
function wholeCorpus(folder: string): string {
  const files = readdirSync(CORPUS).filter((name) => /^(lvs|director).*\.conf$/.test(name) && !LEFT_OUT.includes(name));
  for (const file of files) writeFileSync(join(folder, file), hurried(file));
  const whole = join(folder, 'keepalived.conf');
  writeFileSync(whole, files.map((file) => `include ${file}\n`).join(''));
  return whole;
}

const FARM = '10.9.0.254';

/** A director's two cables to the farm; no director hears another one. */
const cables = (number: number, farm: string): string[] => [
  'link set lo up',
  `link add eth0 type veth peer name c${number} netns ${farm}`,
  `link add eth1 type veth peer name s${number} netns ${farm}`,
  'link set eth0 up',
  'link set eth1 up',
  `address add 10.9.0.${number}/24 dev eth0`,
  `address add fd09::${number}/64 dev eth0 nodad`,
  `address add 10.8.0.${number}/24 dev eth1`,
  `route add default via ${FARM}`,
  'route add default via fd09::254',
];

const farmCables = (number: number): string[] => [
  `ip link set c${number} up`,
  `ip link set s${number} up`,
  `ip route add 10.9.0.${number} dev c${number} src ${FARM}`,
  `ip -6 route add fd09::${number} dev c${number}`,
  `ip -6 address add fd09::254/128 dev c${number} nodad`,
];

/** Whoever is in the sets is not there: a connection is reset, and so on. */
const AWAY = [
  'nft add table inet farm',
  'nft add set inet farm away4 { type ipv4_addr ; }',
  'nft add set inet farm away6 { type ipv6_addr ; }',
  'nft add chain inet farm in { type filter hook input priority 0 ; }',
  ...['ip daddr @away4', 'ip6 daddr @away6'].flatMap((to) => [
    `nft add rule inet farm in ${to} meta l4proto tcp reject with tcp reset`,
    `nft add rule inet farm in ${to} reject`,
  ]),
  ...DOWN.map((address) => `nft add element inet farm ${address.includes(':') ? 'away6' : 'away4'} { ${address} }`),
];

/** HTTP, HTTPS, and the other ports to which connections are enough. */
const NGINX = (folder: string): string => `
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 0;
  default_type text/plain;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  ssl_certificate ${pem('server.pem')};
  ssl_certificate_key ${pem('server.key')};
  server {
    ${[53, 80, 3306, 8080].map((port) => `listen ${port}; listen [::]:${port};`).join(' ')}
    listen 443 ssl; listen [::]:443 ssl;
    location = /page { return 200 "lbd answers\\n"; }
    location = /missing { return 404; }
    location / { return 200 ok; }
  }
}
`;

/** To look often is more work for the lab's machine than all else that is done here. */
const LOOK_MS = 1500;

/** Services and destinations, each with what it belongs to, sorted. */
async function tableOf(host: StageHost): Promise<string[]> {
  await setTimeout(LOOK_MS);
  return (await host.exec('ipvsadm -Sn')).trim().split('\n').sort();
}

/** The real servers with a weight, by the word after -r. */
const serving = (table: readonly string[]): string[] =>
  table.flatMap((line) => / -r \[?([^\]\s]+?)\]?:\d+ .* -w [1-9]/.exec(line)?.[1] ?? []);
const endpoints = (table: readonly string[]): string[] => table.flatMap((line) => / -r (\S+) .* -w [1-9]/.exec(line)?.[1] ?? []);

/** What else the kernel has of IPVS: ipvsadm's words, and the lines that say something. */
const BESIDES: Readonly<Record<string, RegExp>> = {
  '-Ln --thresholds': /^ {2}-> \S+ +[1-9]\d* /,
  '-l --daemon': /sync daemon/,
  '-l --timeout': /^Timeout/,
};

interface Noted {
  /** Of a line of `ipvsadm -Sn` that one of the two has alone. */
  readonly what: RegExp;
  /** Of the import. */
  readonly note: RegExp;
}

/** What is known to be another, with the note of the import that says so. */
const NOTED: readonly Noted[] = [
  // One real server of several that stays with weight 0.
  { what: /^-a -t 10\.40\.(2\.10|4\.12):80 .* -w 0$/, note: /not carried over: "inhibit_on_failure"/ },
  { what: /^-a -t 10\.40\.4\.12:80 -r 10\.44\.4\.99:80 .* -w 0$/, note: /changed: "sorry_server_inhibit"/ },
  // With their flags, and those that fail.
  { what: /^-A .* -s [sm]h( -b |$)/, note: /changed: "(lvs_sched|lb_algo) [sm]h": a failed real server keeps its place/ },
  {
    what: /^-a -t 10\.40\.19\.16:80 .* -w 0$/,
    note: /changed: "(lvs_sched|lb_algo) [sm]h": a failed real server keeps its place/,
  },
];

const compared = (table: readonly string[]): string[] => table.filter((line) => !NOTED.some(({ what }) => what.test(line)));

/** What is in one table alone. */
const difference = (before: readonly string[], now: readonly string[]): string =>
  [
    ...compared(before)
      .filter((line) => !now.includes(line))
      .map((line) => `keepalived alone: ${line}`),
    ...compared(now)
      .filter((line) => !before.includes(line))
      .map((line) => `lbd alone: ${line}`),
  ].join('\n');

describe('services of keepalived, imported', () => {
  let farm: StageHost;
  const servers: Program[] = [];
  let old: StageHost;
  let lbd: StageHost;
  const running: Running[] = [];

  const last = () => running.map(({ lines }) => lines.slice(-25).join('\n')).join('\n--\n');
  /** Waits until keepalived's table is as `test` wants it, and lbd's the same. */
  async function alike(t: TestContext, what: string, settled: (table: readonly string[]) => boolean): Promise<void> {
    const before = await until(`keepalived: ${what}`, async () => {
      const table = await tableOf(old);
      return settled(table) && table;
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${(await tableOf(old)).join('\n')}\n${last()}`);
    });
    let now: string[] = [];
    await until('lbd has the same table', async () => {
      now = await tableOf(lbd);
      return difference(before, now) === '';
    }).catch(() => assert.fail(`${what}:\n${difference(before, now)}\n${last()}`));
    assert.deepEqual(compared(now), compared(await tableOf(old)));
    t.diagnostic(`${compared(now).length} lines of ipvsadm -Sn are the same`);
  }

  before(async () => {
    farm = makeHost('f', ['link set lo up', 'route add local 10.44.0.0/16 dev lo', 'route add local fd44::/16 dev lo']);
    old = makeHost('k', cables(1, farm.netns));
    lbd = makeHost('l', cables(2, farm.netns));
    runAll(farm.netns, [
      // What is unreachable is said to be each time: nobody waits for a timeout.
      'sysctl -qw net.ipv4.icmp_ratelimit=0',
      'sysctl -qw net.ipv6.icmp.ratelimit=0',
      `ip address add ${FARM}/32 dev lo`,
      ...farmCables(1),
      ...farmCables(2),
    ]);
    const nginx = join(farm.folder, 'nginx.conf');
    writeFileSync(nginx, NGINX(farm.folder));
    servers.push(start(farm.netns, ['nginx', '-e', join(farm.folder, 'error.log'), '-c', nginx]));
    const answers = start(farm.netns, [process.execPath, ANSWERS]);
    servers.push(answers);
    const file = wholeCorpus(old.folder);
    const [{ status, yaml, notes }] = await Promise.all([importFile(file), answers.line(/^answers$/)]);
    assert.equal(status, 0, notes);
    for (const { note } of NOTED) assert.match(notes, note);
    runAll(farm.netns, AWAY);
    running.push(old.keepalived(file));
    const own = join(lbd.folder, 'lbd.yaml');
    // The source of a check is an address of this host.
    writeFileSync(own, yaml.replaceAll('10.9.0.1', '10.9.0.2'));
    running.push(lbd.lbd(own));
  });

  after(async () => {
    for (const one of servers) {
      one.signal('SIGTERM');
      await one.ended;
    }
    for (const host of [old, lbd, farm]) await host?.destroy();
  });

  test('what fails is out, or has no weight, or a sorry server in its place', (t) =>
    alike(t, 'what fails is out', (table) => {
      const there = [...serving(table), ...endpoints(table)];
      return ![...DOWN, ...FAILING].some((one) => there.includes(one)) && ALPHA.every((one) => there.includes(one));
    }));

  test('what is back, is back', async (t) => {
    runAll(farm.netns, ['nft flush chain inet farm in']);
    const back = DOWN.filter((address) => !NEVER.includes(address));
    await alike(t, 'all is back', (table) => back.every((address) => serving(table).includes(address)));
    for (const [what, lines] of Object.entries(BESIDES)) {
      const [before, now] = await Promise.all([old, lbd].map((host) => host.exec(`ipvsadm ${what}`)));
      const [wanted, found] = [before, now].map((text) =>
        text
          ?.split('\n')
          .filter((line) => lines.test(line))
          .sort(),
      );
      assert.ok(wanted && wanted.length > 0, before);
      assert.deepEqual(found, wanted);
    }
  });
});
