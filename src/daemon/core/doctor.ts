/** `lbctl doctor` in the running daemon: this host's facts and what the check process knows of the kernel, judged. */
import type { ApiDoctor } from '../../control/api.js';
import { diagnose } from '../../intent/doctor/diagnose.js';
import type { KernelStatus, Wanted } from '../../intent/doctor/types.js';
import { gatherHostFacts } from '../../os/host-facts.js';

/** A check process that does not answer is a finding among the others. */
export async function examine(wanted: Wanted, asked: Promise<KernelStatus | undefined>): Promise<ApiDoctor> {
  const [facts, status] = await Promise.all([gatherHostFacts(), asked.catch((error: Error) => error.message)]);
  if (typeof status !== 'string') return { findings: diagnose(facts, wanted, status) };
  const silent = {
    severity: 'critical',
    topic: 'lbd',
    text: `the kernel's settings are not known: ${status}`,
    cure: '',
  } as const;
  return { findings: [silent, ...diagnose(facts, wanted)] };
}
