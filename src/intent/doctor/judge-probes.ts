/** What checks via: vip need of the host: that it takes answers which come from an address that it may have itself. */
import { familyOf, type Ip } from '../../base/ip.js';
import { type AnswerFault, answerFault } from '../../base/own-source.js';
import type { IpvsProtocol } from '../../base/service-id.js';
import type { CheckConfig } from '../../config/types.js';
import { passageOf } from '../../config/via.js';
import type { ServiceIntent } from '../types.js';
import { finding, interfaceTowards, listNames, sysctl } from './host.js';
import type { Finding, HostFacts, Wanted } from './types.js';

interface ViaTarget {
  readonly vip: Ip;
  readonly port: number;
  readonly protocol: IpvsProtocol;
  /** Real server. */
  readonly server: Ip;
  /** Where the check leaves from; undefined: lbd chooses. */
  readonly source: Ip | undefined;
}

const isDatagram = ({ type }: CheckConfig): boolean => type === 'udp' || type === 'dns';

/** Where the checks via: vip of a service go. */
export function* viaTargets(service: ServiceIntent): Generator<ViaTarget> {
  for (const server of service.realServers)
    for (const check of server.checks) {
      if (!passageOf(check) || !('connect' in check) || check.connect === undefined) continue;
      const { connect: vip, port = 0, source } = check;
      yield { vip, port, protocol: isDatagram(check) ? 'udp' : 'tcp', server: server.address, source };
    }
}

/** The interface that has the address, or gets it with its VRRP instance; undefined: this host never has it. */
function holderOf(facts: HostFacts, wanted: Wanted, vip: Ip): { readonly link: string; readonly now: boolean } | undefined {
  const held = facts.interfaces.find((one) => one.addresses.some(({ address }) => address === vip));
  if (held) return { link: held.name, now: true };
  const carrier = wanted.instances.find((one) => one.addresses.some(({ address }) => address === vip));
  return carrier && { link: carrier.interface, now: false };
}

interface Found {
  readonly fault: AnswerFault;
  readonly vip: Ip;
  readonly now: boolean;
  readonly names: string[];
}

function faultsOf(facts: HostFacts, wanted: Wanted): { readonly found: Map<string, Found>; readonly fine: Set<string> } {
  const found = new Map<string, Found>();
  const fine = new Set<string>();
  const conf = (link: string, name: string) => sysctl(facts, `net/ipv4/conf/${link}/${name}`);
  for (const service of wanted.services)
    for (const { vip, server, source } of viaTargets(service)) {
      const holder = familyOf(vip) === 4 ? holderOf(facts, wanted, vip) : undefined;
      const arrives = interfaceTowards(facts, source ?? server) ?? interfaceTowards(facts, vip);
      if (!holder || !arrives) continue;
      const fault = answerFault(conf, arrives.name, holder.link);
      if (!fault) {
        fine.add(service.name);
        continue;
      }
      const key = [fault.link, fault.name, holder.now].join(' ');
      const one = found.get(key) ?? { fault, vip, now: holder.now, names: [] };
      one.names.push(service.name);
      found.set(key, one);
    }
  return { found, fine };
}

export function judgeProbes(facts: HostFacts, wanted: Wanted): Finding[] {
  const { found, fine } = faultsOf(facts, wanted);
  const faults = [...found.values()].map(({ fault: { link, name, found: value, needed }, vip, now, names }) => {
    const key = `net.ipv4.conf.${link.replaceAll('.', '/')}.${name}`;
    const when = now ? `this host has ${vip}` : `once this host has ${vip}`;
    const text = `${key} is ${value}: ${when}, it drops the answers to checks via: vip of ${listNames(names)}, and these real servers are not checked`;
    return finding(now ? 'critical' : 'warning', name, text, `sysctl -w ${key}=${needed}`);
  });
  if (faults.length > 0 || fine.size === 0) return faults;
  return [finding('ok', 'accept_local', `answers to checks via: vip of ${listNames([...fine])} are let in`)];
}
