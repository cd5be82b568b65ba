/** `lbctl doctor`: what of this host is not as a director needs it, with the cure. Changes nothing. */
import { judgeAccept } from './judge-accept.js';
import { judgeFirewall } from './judge-firewall.js';
import { judgeIpvs } from './judge-ipvs.js';
import { judgeNetwork } from './judge-network.js';
import { judgeProbes } from './judge-probes.js';
import type { Finding, HostFacts, KernelStatus, Severity, Wanted } from './types.js';

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2, ok: 3 };

/** Worst first; in the order of the judges otherwise. `status`: undefined where no daemon runs, or none is needed. */
export function diagnose(facts: HostFacts, wanted: Wanted, status?: KernelStatus): Finding[] {
  const found = [
    ...facts.unread,
    ...judgeIpvs(facts, wanted, status),
    ...judgeNetwork(facts, wanted),
    ...judgeProbes(facts, wanted),
    ...judgeFirewall(facts, wanted),
    ...judgeAccept(facts, wanted),
  ];
  return found.sort((a, b) => RANK[a.severity] - RANK[b.severity]);
}
