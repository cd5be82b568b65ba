/** The kernel's IPVS: there, of what size, with which settings. */
import type { Setting } from '../settings.js';
import { finding, listNames, settingsFor, sysctl } from './host.js';
import type { Finding, HostFacts, KernelStatus, SettingStatus, SyncStatus, Wanted } from './types.js';

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

function timeouts({ services, director }: Wanted, status: KernelStatus | undefined): Finding[] {
  const problem = status?.timeouts.problem ?? null;
  if (problem !== null) return [finding('warning', 'timeouts', `the idle timeouts cannot be set: ${problem}`)];
  if (!services.some((service) => service.ids.some((id) => id.kind === 'fwmark' || id.protocol === 'tcp'))) return [];
  const tcp = status?.timeouts.found?.tcp ?? (director.timeouts.tcp || KERNEL_TCP);
  if (tcp >= KEEPALIVE) return [finding('ok', 'timeouts', `idle TCP connections are forgotten after ${tcp} s`)];
  const text = `TCP connections that are idle for ${tcp} s are forgotten, before the keepalive of most clients and servers (${KEEPALIVE} s) comes`;
  const cure = `timeouts: { tcp: ${KEEPALIVE}s } in the configuration, or a keepalive below ${tcp} s at the clients`;
  return [finding('info', 'timeouts', text, cure)];
}

/** As the daemon keeps it. */
function kept({ name, wanted, found, why, state }: SettingStatus): Finding {
  const key = `net.ipv4.vs.${name}`;
  if (state === 'ok') return finding('ok', 'settings', `${key} is ${found ?? wanted}: ${why}`);
  if (state === 'absent')
    return finding('info', 'settings', `this kernel has no ${key}, which lbd would set to ${wanted}: ${why}`);
  return finding('warning', 'settings', `${key} is ${found ?? 'not known'} and should be ${wanted} (${why}): ${state}`);
}

/** As it will be when the daemon runs. */
function planned(facts: HostFacts, { name, value, why }: Setting): Finding {
  const found = sysctl(facts, `net/ipv4/vs/${name}`);
  const key = `net.ipv4.vs.${name}`;
  if (found === value) return finding('ok', 'settings', `${key} is ${found}: ${why}`);
  return finding('info', 'settings', `lbd will set ${key} to ${value}${found === undefined ? '' : `, it is ${found}`}: ${why}`);
}

function settings(facts: HostFacts, wanted: Wanted, status: KernelStatus | undefined): Finding[] {
  return status ? status.settings.map(kept) : settingsFor(facts, wanted).map((one) => planned(facts, one));
}

function sync(found: SyncStatus | null | undefined): Finding[] {
  if (!found) return [];
  const { id, wanted, running, problem } = found;
  const what = `connection sync on ${found.interface} (id ${id})`;
  if (problem !== null) return [finding('warning', 'sync', `${what}: ${problem}`)];
  const missing = wanted.filter((one) => !running.includes(one));
  if (missing.length > 0) return [finding('warning', 'sync', `${what}: no ${missing.join(' and no ')} daemon runs`)];
  return [finding('ok', 'sync', `${what}: ${running.length === 0 ? 'none is wanted now' : `runs as ${running.join(' and ')}`}`)];
}

export function judgeIpvs(facts: HostFacts, wanted: Wanted, status: KernelStatus | undefined): Finding[] {
  return [
    ...module(facts, wanted),
    ...schedulers(facts, wanted),
    ...tableSize(facts, wanted),
    ...timeouts(wanted, status),
    ...settings(facts, wanted, status),
    ...sync(status?.sync),
  ];
}
