/** The last events, numbered, for `lbctl events`; each is also a line of the log, and on disk (event-store.ts). */
import type { ApiEvent, ApiEventChange, Methods } from '../../control/api.js';
import { wishOf, wrongWish } from '../../control/event-filter.js';
import type { EventStore } from './event-store.js';
import { Refused } from './refused.js';

/** Of the newest, where nobody says from where on. */
const NEWEST = 100;
/** BOUNDED: in memory; older ones are read from disk when somebody asks for them. */
const KEEP = 2000;

/** They say that a configuration was read. */
const LOADS = new Set(['start', 'reload', 'apply']);

/** Tells what happened: to the log, and to whoever follows the events. */
export type Tell = (kind: string, subject: string, text: string, change?: ApiEventChange) => void;

export interface EventQuery {
  /**
   * Only events after this number; 0: all that are kept. A number that was never given is of an earlier life: all that there are came
   * after it.
   */
  readonly since: number;
  /** The newest of them. */
  readonly limit: number;
  readonly matches?: (event: ApiEvent) => boolean;
  /** Looks at so many events; absent: at all. */
  readonly among?: number;
}

export interface EventLog {
  add(at: string, kind: string, subject: string, text: string, change?: ApiEventChange): ApiEvent;
  /** Oldest first. */
  after(query: EventQuery): ApiEvent[];
  /** The one that tells of the reading of the configuration that is in force. */
  loaded(): ApiEvent | undefined;
  close(): void;
}

/** Nothing is kept on disk. */
const NOWHERE: EventStore = { nextId: 1, append: () => {}, backwards: () => [], close: () => {} };

export function createEventLog(store: EventStore = NOWHERE): EventLog {
  const kept: ApiEvent[] = [];
  let { nextId } = store;
  let loaded: ApiEvent | undefined;

  function* backwards(from: number): Generator<ApiEvent> {
    const [first = { id: nextId }] = kept;
    for (let i = kept.length - 1; i >= 0; i--) yield kept[i] as ApiEvent;
    if (from + 1 < first.id) yield* store.backwards(first.id);
  }

  return {
    add(at, kind, subject, text, change = {}) {
      const event: ApiEvent = { id: nextId++, at, kind, subject, text, ...change };
      kept.push(event);
      if (kept.length > KEEP) kept.shift();
      store.append(event);
      if (LOADS.has(kind)) loaded = event;
      return event;
    },
    after({ since, limit, matches = () => true, among = Number.POSITIVE_INFINITY }) {
      const from = since >= nextId ? 0 : since;
      const found: ApiEvent[] = [];
      if (limit === 0) return found;
      let seen = 0;
      for (const event of backwards(from)) {
        if (event.id <= from || seen++ === among) break;
        if (matches(event) && found.push(event) === limit) break;
      }
      return found.reverse();
    },
    loaded: () => loaded,
    close: store.close,
  };
}

/** What `events` answers. */
export function recall(log: EventLog, params: Methods['events']['params']): ApiEvent[] {
  const wrong = wrongWish(params);
  if (wrong !== undefined) throw new Refused({ code: 'bad_request', message: wrong });
  const all = params.since !== undefined || params.since_time !== undefined;
  const limit = params.limit ?? (all ? Number.POSITIVE_INFINITY : NEWEST);
  return log.after({ since: params.since ?? 0, limit, matches: wishOf(params) });
}
