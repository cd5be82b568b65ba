/** The kernel's IPVS: there, of what size, with which settings. */
import { finding, listNames, sysctl } from './host.js';
import type { Finding, HostFacts, KernelStatus, SettingStatus, Wanted } from './types.js';

/** The kernel's own idle timeout of TCP connections, seconds (ip_vs_proto_tcp.c). */
const KERNEL_TCP = 900;
/** What most systems wait before their first keepalive, seconds (net.ipv4.tcp_keepalive_time). */
const KEEPALIVE = 7200;
/** Buckets from which a table is no worry. */
const LARGE_TABLE = 65_536;
/** Entries a bucket that a lookup walks without being felt. */
const PER_BUCKET = 8;

function module(facts: HostFacts, wanted: Wanted): Finding[] {
  const { loaded, modules } = facts.ipvs;
  if (loaded)
    return [
      finding('ok', 'ipvs', `IPVS ${loaded.version} of kernel ${facts.kernel}, connection table of ${loaded.tableSize} buckets`),
    ];
  if (wanted.services.length === 0) return [finding('ok', 'ipvs', 'IPVS is not loaded, and no virtual server needs it')];
  if (modules?.includes('ip_vs')) return [finding('info', 'ipvs', 'the module ip_vs is not loaded: lbd loads it when it starts')];
  if (!modules) {
    const text = `IPVS is not loaded, and the modules of kernel ${facts.kernel} are not here (/lib/modules)`;
    return [finding('critical', 'ipvs', text, 'on the host, or after installing them: modprobe ip_vs')];
  }
  const text = `kernel ${facts.kernel} has no IPVS, and no module ip_vs for it is installed`;
  return [
    finding('critical', 'ipvs', text, `install a kernel with IPVS, or all modules of ${facts.kernel}, then: modprobe ip_vs`),
  ];
}

/** A kernel may have IPVS without all of its schedulers. Built-in ones are in the list too. */
function schedulers({ kernel, ipvs: { modules } }: HostFacts, { services }: Wanted): Finding[] {
  if (!modules?.includes('ip_vs')) return [];
  const wanted = new Set(services.map((one) => one.scheduler));
  return [...wanted]
    .filter((name) => !modules.includes(`ip_vs_${name}`))
    .map((name) => {
      const users = listNames(services.filter((one) => one.scheduler === name).map((one) => one.name));
      const text = `kernel ${kernel} does not have the scheduler ${name}, which ${users} asks for`;
      return finding('critical', 'ipvs', text, `choose another scheduler for ${users}`);
    });
}

function tableSize(facts: HostFacts, { services }: Wanted): Finding[] {
  const size = facts.ipvs.loaded?.tableSize;
  // Newer kernels let the table grow by themselves.
  if (size === undefined || services.length === 0 || sysctl(facts, 'net/ipv4/vs/conn_lfactor') !== undefined) return [];
  if (size >= LARGE_TABLE) return [];
  const text = `the connection table has ${size} buckets: beyond some ${size * PER_BUCKET} connections at a time each packet searches longer`;
  const cure = 'echo "options ip_vs conn_tab_bits=18" > /etc/modprobe.d/ip_vs.conf, and load the module anew (a reboot)';
  return [finding('info', 'conn_tab', text, cure)];
}

function timeouts({ services, director }: Wanted, { timeouts: found }: KernelStatus): Finding[] {
  if (!services.some((service) => service.ids.some((id) => id.kind === 'fwmark' || id.protocol === 'tcp'))) return [];
  const tcp = found?.tcp ?? (director.timeouts.tcp || KERNEL_TCP);
  if (tcp >= KEEPALIVE) return [finding('ok', 'timeouts', `idle TCP connections are forgotten after ${tcp} s`)];
  const text = `TCP connections that are idle for ${tcp} s are forgotten, before the keepalive of most clients and servers (${KEEPALIVE} s) comes`;
  const cure = `timeouts: { tcp: ${KEEPALIVE}s } in the configuration, or a keepalive below ${tcp} s at the clients`;
  return [finding('info', 'timeouts', text, cure)];
}

function setting({ name, wanted, found, why, problem }: SettingStatus): Finding {
  const key = `net.ipv4.vs.${name}`;
  const reason = why === '' ? '' : `: ${why}`;
  if (problem) return finding('warning', 'settings', `${key} cannot be set to ${wanted ?? '?'}: ${problem}`);
  if (wanted === undefined) return finding('ok', 'settings', `${key} is ${found ?? 'unknown'} and left alone${reason}`);
  if (found === undefined)
    return finding('info', 'settings', `this kernel has no ${key}, which lbd would set to ${wanted}${reason}`);
  if (found === wanted) return finding('ok', 'settings', `${key} is ${found}${reason}`);
  return finding('warning', 'settings', `${key} is ${found}, lbd wants ${wanted}${reason}`, `sysctl -w "${key}=${wanted}"`);
}

function sync({ sync: found }: KernelStatus): Finding[] {
  if (!found) return [];
  const { id, wanted, running, problem } = found;
  const what = `connection sync on ${found.interface} (id ${id})`;
  if (problem !== null) return [finding('warning', 'sync', `${what}: ${problem}`)];
  const missing = wanted.filter((one) => !running.includes(one));
  if (missing.length > 0) return [finding('warning', 'sync', `${what}: no ${missing.join(' and no ')} daemon runs`)];
  return [finding('ok', 'sync', `${what}: ${running.length === 0 ? 'none is wanted now' : `runs as ${running.join(' and ')}`}`)];
}

export function judgeIpvs(facts: HostFacts, wanted: Wanted, status: KernelStatus): Finding[] {
  return [
    ...module(facts, wanted),
    ...schedulers(facts, wanted),
    ...tableSize(facts, wanted),
    ...timeouts(wanted, status),
    ...status.settings.map(setting),
    ...sync(status),
  ];
}
