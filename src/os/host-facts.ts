/**
 * What `lbctl doctor` looks at on this host: sysctls, interfaces, the kernel's IPVS, the firewall. Everything is read, nothing
 * changed; what cannot be read becomes a finding of its own. The network namespace is this process's.
 */
import { open, readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { Finding, HostFacts, HostInterface, IpvsFacts } from '../intent/doctor/types.js';
import { listRuleset } from './nft-ruleset.js';
import { openRtnetlink } from './rtnetlink.js';

/** Interfaces whose settings are read: a host with more has them alike. */
const MAX_INTERFACES = 256;
/** What is asked of each interface, below net/ipv4/conf. */
const PER_INTERFACE = ['rp_filter', 'send_redirects', 'forwarding', 'accept_local'] as const;
const GLOBAL = [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  'net/netfilter/nf_conntrack_tcp_loose',
  ...PER_INTERFACE.map((name) => `net/ipv4/conf/all/${name}`),
];
const IPVS_SETTINGS = 'net/ipv4/vs';
/** `IP Virtual Server version 1.2.1 (size=4096)` */
const IPVS_HEADER = /^IP Virtual Server version (\S+) \(size=(\d+)\)/;

type Note = (finding: Finding) => void;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    // What the kernel does not have is a fact too.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENODEV') return undefined;
    throw error;
  }
}

const unread = (topic: string, what: string, error: unknown, cure = ''): Finding => ({
  severity: 'warning',
  topic,
  text: `${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
  cure,
});

function readInterfaces(note: Note): readonly HostInterface[] {
  let socket: ReturnType<typeof openRtnetlink> | undefined;
  try {
    socket = openRtnetlink();
    const addresses = socket.addresses();
    return socket.links().map(({ index, name, up, loopback, mac }) => ({
      name,
      up,
      loopback,
      tunnel: mac === undefined && !loopback,
      addresses: addresses.filter((one) => one.index === index).map(({ address, length }) => ({ address, length })),
    }));
  } catch (error) {
    note(unread('interface', 'the list of interfaces', error));
    return [];
  } finally {
    socket?.close();
  }
}

async function vsSettings(): Promise<readonly string[]> {
  try {
    return (await readdir(`/proc/sys/${IPVS_SETTINGS}`)).map((name) => `${IPVS_SETTINGS}/${name}`);
  } catch {
    return [];
  }
}

async function readSysctls(interfaces: readonly HostInterface[], note: Note): Promise<Record<string, string>> {
  const names = interfaces.slice(0, MAX_INTERFACES).map((one) => one.name);
  const paths = [
    ...GLOBAL,
    ...names.flatMap((name) => PER_INTERFACE.map((setting) => `net/ipv4/conf/${name}/${setting}`)),
    ...(await vsSettings()),
  ];
  const found: Record<string, string> = {};
  await Promise.all(
    paths.map(async (path) => {
      try {
        const value = await readText(`/proc/sys/${path}`);
        if (value !== undefined) found[path] = value.replace(/\s+/g, ' ');
      } catch (error) {
        note(unread('sysctl', path.replaceAll('/', '.'), error));
      }
    }),
  );
  return found;
}

/** Names of IPVS's modules among the lines of modules.dep or modules.builtin (`kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: …`). */
const moduleNames = (text: string): string[] =>
  [...text.matchAll(/^[^:\n]*\/(ip_vs\w*)\.ko\b/gm)].map((match) => match[1] as string);

async function readModules(kernel: string): Promise<readonly string[] | undefined> {
  const folder = `/lib/modules/${kernel}`;
  const lists = ['modules.dep', 'modules.builtin'].map((name) => readText(`${folder}/${name}`).catch(() => undefined));
  const found = await Promise.all(lists);
  if (found.every((text) => text === undefined)) return undefined;
  return found.flatMap((text) => moduleNames(text ?? ''));
}

/** The header only: the rest of the file is the whole table. */
async function readIpvs(kernel: string, note: Note): Promise<IpvsFacts> {
  const modules = await readModules(kernel);
  try {
    const [, version, size] = IPVS_HEADER.exec(await firstLine('/proc/net/ip_vs')) ?? [];
    return { loaded: version === undefined ? undefined : { version, tableSize: Number(size) }, modules };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') note(unread('ipvs', '/proc/net/ip_vs', error, 'run it as root'));
    return { loaded: undefined, modules };
  }
}

async function firstLine(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, null);
    return buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0] as string;
  } finally {
    await file.close();
  }
}

/** The tables that the old iptables has loaded; the file is there with its module only. */
async function readLegacyTables(note: Note): Promise<readonly string[]> {
  const tables: string[] = [];
  for (const [file, program] of [
    ['ip_tables_names', 'iptables'],
    ['ip6_tables_names', 'ip6tables'],
  ]) {
    try {
      const names = (await readText(`/proc/net/${file}`))?.split('\n') ?? [];
      tables.push(...names.filter((name) => name !== '').map((name) => `${program} ${name}`));
    } catch (error) {
      note(unread('firewall', `/proc/net/${file}`, error, 'run it as root'));
    }
  }
  return tables;
}

async function readRuleset(note: Note): Promise<unknown> {
  const found = await listRuleset();
  if ('finding' in found) note(found.finding);
  return 'ruleset' in found ? found.ruleset : undefined;
}

/** Never rejects. */
export async function gatherHostFacts(): Promise<HostFacts> {
  const findings: Finding[] = [];
  const note: Note = (finding) => void findings.push(finding);
  const kernel = release();
  const interfaces = readInterfaces(note);
  const [sysctls, ipvs, nft, legacyTables] = await Promise.all([
    readSysctls(interfaces, note),
    readIpvs(kernel, note),
    readRuleset(note),
    readLegacyTables(note),
  ]);
  return { kernel, sysctls, interfaces, ipvs, nft, legacyTables, unread: findings };
}
