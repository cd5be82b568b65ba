/** The last events, numbered, for `lbctl events`; each is also a line of the log. */
import type { ApiEvent } from '../../control/api.js';

/** BOUNDED: the oldest leave. */
const KEEP = 2000;

export interface EventLog {
  add(at: string, kind: string, subject: string, text: string): ApiEvent;
  /**
   * Events after `since` (0 all that are kept), the newest `limit` of them. A number that was never given is of an earlier life: all that
   * there are came after it.
   */
  after(since: number, limit: number): ApiEvent[];
}

export function createEventLog(): EventLog {
  const kept: ApiEvent[] = [];
  let nextId = 1;
  return {
    add(at, kind, subject, text) {
      const event: ApiEvent = { id: nextId++, at, kind, subject, text };
      kept.push(event);
      if (kept.length > KEEP) kept.shift();
      return event;
    },
    after(since, limit) {
      const from = since >= nextId ? 0 : since;
      return limit === 0 ? [] : kept.filter((event) => event.id > from).slice(-limit);
    },
  };
}
