/** Drains that have a deadline: when it has come their services are programmed anew, without the server. */
import type { ApiEventChange } from '../../control/api.js';
import type { ServiceIntent } from '../../intent/types.js';
import { nextDeadline } from '../../pool/admin.js';
import { type Alarm, createAlarm } from '../alarm.js';

export interface DeadlinesOptions {
  readonly services: () => Iterable<ServiceIntent>;
  readonly event: (kind: string, subject: string, text: string, change?: ApiEventChange) => void;
  /** These have to be programmed anew. */
  readonly due: (services: readonly ServiceIntent[]) => void;
}

export function createDeadlines({ services, event, due }: DeadlinesOptions): Alarm {
  /** Up to here all that was due has been done. */
  let done = Date.now();
  function fire(): undefined {
    const [from, to] = [done, Date.now()];
    done = to;
    const concerned: ServiceIntent[] = [];
    for (const service of services()) {
      const cut = service.realServers.filter(
        ({ admin }) => admin?.until !== undefined && admin.until > from && admin.until <= to,
      );
      for (const { key } of cut)
        event('drain', `${service.name}/${key}`, 'the deadline has come: what is left is cut', { cause: 'its deadline' });
      if (cut.length > 0) concerned.push(service);
    }
    if (concerned.length > 0) due(concerned);
  }
  return createAlarm(() => {
    // The clock has been set back: what is to come is not done.
    done = Math.min(done, Date.now());
    return nextDeadline(services(), done);
  }, fire);
}
