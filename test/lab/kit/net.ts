/**
 * The lab's network: one switch, every host a network namespace with one veth to it.
 *
 *   cli 192.0.2.100      d1 192.0.2.2      d2 192.0.2.3      rs1..rsN 192.0.2.21…      VIP 192.0.2.10 (and 2001:db8::…)
 *
 * Names carry the process id, so that scenarios may run side by side, and everything goes when `destroy` is called.
 */
import { run, tryRun } from './shell.js';

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
  destroy(): void;
}

const ADDRESSES: Readonly<Record<string, number>> = { cli: 100, d1: 2, d2: 3, d3: 4, rs1: 21, rs2: 22, rs3: 23, rs4: 24 };

let networks = 0;

export function buildNetwork(names: readonly string[]): Network {
  const tag = `${process.pid}x${++networks}`;
  const bridge = `sw${tag}`.slice(0, 15);
  const hosts = new Map<string, Host & { readonly port: string }>();
  const destroy = () => {
    for (const host of hosts.values()) {
      tryRun(`ip link del ${host.port}`);
      tryRun(`ip netns del ${host.netns}`);
    }
    tryRun(`ip link del ${bridge}`);
  };
  try {
    run(`ip link add ${bridge} type bridge mcast_snooping 0`);
    run(`ip link set ${bridge} up`);
    for (const name of names) hosts.set(name, plug(name, tag, bridge));
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
    destroy,
  };
}

function plug(name: string, tag: string, bridge: string): Host & { port: string } {
  const netns = `${name}-${tag}`;
  const port = `${name}p${tag}`.slice(0, 15);
  const number = ADDRESSES[name] ?? 200;
  const address = `192.0.2.${number}`;
  const address6 = `2001:db8::${number}`;
  run(`ip netns add ${netns}`);
  run(`ip link add ${port} type veth peer name eth0 netns ${netns}`);
  run(`ip link set ${port} master ${bridge} up`);
  for (const line of [
    'ip link set lo up',
    'ip link set eth0 up',
    `ip addr add ${address}/24 dev eth0`,
    `ip -6 addr add ${address6}/64 dev eth0 nodad`,
  ]) {
    run(`ip netns exec ${netns} ${line}`);
  }
  return { name, netns, address, address6, port };
}

/** Makes a host a real server for direct routing: it has the VIP, and never answers ARP or NDP for it. */
export function giveVip(network: Network, name: string): void {
  for (const line of [
    'sysctl -qw net.ipv4.conf.all.arp_ignore=1',
    'sysctl -qw net.ipv4.conf.all.arp_announce=2',
    `ip addr add ${VIP}/32 dev lo`,
    `ip -6 addr add ${VIP6}/128 dev lo nodad`,
  ]) {
    network.exec(name, line);
  }
}
