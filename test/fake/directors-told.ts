/** What a daemon answers that has nothing to do, and one of which a part does not answer. */
import type { ApiStatus, MethodName, Methods } from '../../src/control/api.js';
import { CANNED, FakeRefusal } from './control.js';
import { STATS } from './statistics.js';

type Handlers = { readonly [M in MethodName]?: (params: Methods[M]['params']) => Methods[M]['result'] };

const HEALTHY = CANNED.status({}) as ApiStatus;
const unknown = (what: string) => (): never => {
  throw new FakeRefusal({ code: 'refused', message: `unknown ${what}` });
};
const away = (): never => {
  throw new FakeRefusal({ code: 'unavailable', message: 'the check process did not answer within 3s' });
};

/** Neither a service nor an instance, and nothing has happened yet. */
export const EMPTY: Handlers = {
  status: () => ({
    ...HEALTHY,
    connection_sync: null,
    probes: null,
    instances: [],
    services: [],
    foreign_services: [],
    admin_states: [],
    slow_starts: [],
    peers: [],
    recent: [],
    problems: [],
  }),
  list: ({ service }) => (service === undefined ? { revision: 7, services: [] } : unknown('service')()),
  stats: () => ({ ...STATS, services: [] }),
  show: unknown('service'),
  why: unknown('service'),
  vrrp: ({ instance }) => (instance === undefined ? { instances: [] } : unknown('instance')()),
  events: () => ({ events: [] }),
  doctor: () => ({ findings: [] }),
};

/** Core answers, and nobody else; its disk is full. */
export const BROKEN: Handlers = {
  status: () => ({
    ...(EMPTY.status?.({}) as ApiStatus),
    ipvs: { usable: false, text: 'unknown' },
    processes: HEALTHY.processes.map((one) => ({ ...one, pid: null, state: 'restarting' })),
    problems: ['the check process did not answer within 3s', 'events cannot be kept in /var/lib/lbd: ENOSPC'].map((text) => ({
      severity: 'critical',
      text,
    })),
  }),
  list: away,
  stats: away,
  show: away,
  why: away,
  vrrp: away,
  reload: away,
};
