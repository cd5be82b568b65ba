/** `lbctl doctor` in the running daemon: this host's facts, what the check process knows of the kernel and vrrp of the link, judged. */
import type { ApiDoctor, ApiInstance } from '../../control/api.js';
import { diagnose } from '../../intent/doctor/diagnose.js';
import type { Finding, KernelStatus, Wanted } from '../../intent/doctor/types.js';
import { gatherHostFacts } from '../../os/host-facts.js';

/** A VRID that somebody else has on the link. */
export function judgeVrids(instances: readonly ApiInstance[]): Finding[] {
  return instances.flatMap(({ name, rivals, free_virtual_router_id: free }) =>
    rivals
      .filter((one) => one.cause === 'group')
      .map(({ text }): Finding => {
        const id = free === null ? 'a virtual_router_id of its own' : `virtual_router_id: ${free}`;
        return {
          severity: 'critical',
          topic: 'vrrp',
          text: `${name}: ${text}`,
          cure: `${id} for ${name}, on each of its directors`,
        };
      }),
  );
}

/** A process that does not answer is a finding among the others. */
export async function examine(
  wanted: Wanted,
  asked: Promise<KernelStatus | undefined>,
  vrrp: Promise<readonly ApiInstance[]> = Promise.resolve([]),
): Promise<ApiDoctor> {
  const [facts, status, instances] = await Promise.all([
    gatherHostFacts(),
    asked.catch((error: Error) => error.message),
    vrrp.catch((error: Error) => error.message),
  ]);
  const silent = (text: string): Finding => ({ severity: 'critical', topic: 'lbd', text, cure: '' });
  const vrids = typeof instances === 'string' ? [silent(`what VRRP hears is not known: ${instances}`)] : judgeVrids(instances);
  if (typeof status !== 'string') return { findings: [...vrids, ...diagnose(facts, wanted, status)] };
  return { findings: [silent(`the kernel's settings are not known: ${status}`), ...vrids, ...diagnose(facts, wanted)] };
}
