/** Drains that have a deadline: when it has come their services are programmed anew, without the server. */
import type { ServiceIntent } from '../../intent/types.js';
import { nextDeadline } from '../../pool/admin.js';

export interface DeadlinesOptions {
  readonly services: () => Iterable<ServiceIntent>;
  readonly event: (kind: string, subject: string, text: string) => void;
  readonly due: (service: ServiceIntent) => void;
}

export interface Deadlines {
  /** The services are others. */
  arm(): void;
  close(): void;
}

/** The wall clock may be set: it is looked at again after this time at the latest. */
const LONGEST_MS = 10_000;

export function createDeadlines({ services, event, due }: DeadlinesOptions): Deadlines {
  let timer: NodeJS.Timeout | undefined;
  /** Up to here all that was due has been done. */
  let done = Date.now();
  function fire(): void {
    const [from, to] = [done, Date.now()];
    done = to;
    for (const service of services()) {
      const cut = service.realServers.filter(
        ({ admin }) => admin?.until !== undefined && admin.until > from && admin.until <= to,
      );
      for (const { key } of cut) event('drain', `${service.name}/${key}`, 'the deadline has come: what is left is cut');
      if (cut.length > 0) due(service);
    }
    arm();
  }
  function arm(): void {
    clearTimeout(timer);
    const next = nextDeadline(services(), done);
    timer = next === undefined ? undefined : setTimeout(fire, Math.min(LONGEST_MS, Math.max(0, next - Date.now())));
  }
  return { arm, close: () => clearTimeout(timer) };
}
