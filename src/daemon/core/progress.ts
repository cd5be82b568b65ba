/** What somebody waits for who waits for an answer: a process that does not answer, or the work itself. */
import type { ApiProgress, MethodName } from '../../control/api.js';
import type { Supervisor } from './supervisor.js';

/** A question that is open for longer is what is waited for. Milliseconds. */
const LONG_MS = 500;

const WORK: Readonly<Partial<Record<MethodName, string>>> = {
  plan: 'the configuration is read and compared',
  diff: 'the configuration is read and compared',
  apply: 'the configuration is read and put in force',
  reload: 'the configuration is read and put in force',
  rollback: 'the revision is put in force',
  save: 'the files are written and read again',
  changes: 'the changes are made',
  failover: 'another director takes over',
  doctor: 'the host is examined',
};

export const createProgress =
  (children: Readonly<Record<'check' | 'vrrp', Pick<Supervisor, 'open'>>>) =>
  (method: MethodName): ApiProgress => {
    // A failover waits for what the vrrp process has to await itself.
    for (const role of method === 'failover' ? (['check'] as const) : (['check', 'vrrp'] as const)) {
      const open = children[role].open();
      if (open && open.for >= LONG_MS) return { text: `waits for the ${role} process`, limit_ms: open.limit };
    }
    return { text: WORK[method] ?? 'lbd works at it' };
  };
