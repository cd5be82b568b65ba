/**
 * The lab's network: one switch, every host a network namespace with one veth to it.
 *
 *   cli 192.0.2.100      d1 192.0.2.2      d2 192.0.2.3      rs1..rsN 192.0.2.21…      VIP 192.0.2.10 (and 2001:db8::…)
 *
 * Names carry the process id, so that scenarios may run side by side, and everything goes when `destroy` is called.
 */
import { runAll, tryAll } from './batch.js';
import { run } from './shell.js';

export const VIP = '192.0.2.10';
export const VIP6 = '2001:db8::10';

export interface Host {
  readonly name: string;
  /** Name of the network namespace. */
  readonly netns: string;
  readonly address: string;
  readonly address6: string;
}

export interface Network {
  host(name: string): Host;
  /** Cuts or restores the host's cable (at the switch's end: the host sees its carrier go). */
  cable(name: string, state: 'up' | 'down'): void;
  exec(name: string, line: string): string;
  /** Runs many, in their order: much faster than one by one. */
  execAll(name: string, lines: readonly string[]): string;
  destroy(): void;
}

const ADDRESSES: Readonly<Record<string, number>> = { cli: 100, d1: 2, d2: 3, d3: 4, rs1: 21, rs2: 22, rs3: 23, rs4: 24 };

let networks = 0;

export function buildNetwork(names: readonly string[]): Network {
  const tag = `${process.pid}x${++networks}`;
  const bridge = `sw${tag}`.slice(0, 15);
  const hosts = new Map<string, Plugged>();
  for (const name of names) hosts.set(name, describeHost(name, tag));
  const all = [...hosts.values()];
  const destroy = () =>
    tryAll([...all.map(({ port }) => `link del ${port}`), ...all.map(({ netns }) => `netns del ${netns}`), `link del ${bridge}`]);
  const makeSwitch = [`ip link add ${bridge} type bridge mcast_snooping 0`, `ip link set ${bridge} up`];
  try {
    runAll(undefined, [...makeSwitch, ...all.flatMap((one) => plug(one, bridge)), ...all.flatMap(address)]);
  } catch (error) {
    destroy();
    throw error;
  }
  const host = (name: string) => {
    const found = hosts.get(name);
    if (!found) throw new Error(`no host ${name} in this network`);
    return found;
  };
  return {
    host,
    cable: (name, state) => void run(`ip link set ${host(name).port} ${state}`),
    exec: (name, line) => run(`ip netns exec ${host(name).netns} ${line}`),
    execAll: (name, lines) => runAll(host(name).netns, lines),
    destroy,
  };
}

interface Plugged extends Host {
  /** The switch's end of its cable. */
  readonly port: string;
}

function describeHost(name: string, tag: string): Plugged {
  const number = ADDRESSES[name] ?? 200;
  const [address, address6] = [`192.0.2.${number}`, `2001:db8::${number}`];
  return { name, netns: `${name}-${tag}`, address, address6, port: `${name}p${tag}`.slice(0, 15) };
}

const plug = ({ netns, port }: Plugged, bridge: string): string[] => [
  `ip netns add ${netns}`,
  `ip link add ${port} type veth peer name eth0 netns ${netns}`,
  `ip link set ${port} master ${bridge} up`,
];

const address = ({ netns, address, address6 }: Plugged): string[] => [
  `ip -n ${netns} link set lo up`,
  `ip -n ${netns} link set eth0 up`,
  `ip -n ${netns} addr add ${address}/24 dev eth0`,
  `ip -n ${netns} addr add ${address6}/64 dev eth0 nodad`,
];

/** Makes a host a real server for direct routing: it has the VIP, and never answers ARP or NDP for it. `more`: what else it runs. */
export function giveVip(network: Network, name: string, more: readonly string[] = []): void {
  network.execAll(name, [
    'sysctl -qw net.ipv4.conf.all.arp_ignore=1',
    'sysctl -qw net.ipv4.conf.all.arp_announce=2',
    `ip addr add ${VIP}/32 dev lo`,
    `ip addr add ${VIP6}/128 dev lo nodad`,
    ...more,
  ]);
}
