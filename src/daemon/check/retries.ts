/** Services that the kernel refused to change: what it said, and when to look again, with back-off. */
import { destinationKey, type Refusal, type ServiceId } from '../../ipvs/types.js';
import type { LogLevel } from '../messages.js';
import { refusalsText } from './refusal.js';

export interface Retries {
  /** A refusal is an input: `again` is called after a while, and reads and plans the service anew. */
  refused(key: string, refusals: readonly Refusal[]): void;
  /** It is as wanted, or no longer wanted. */
  settle(key: string): void;
  has(key: string): boolean;
  text(key: string): string | undefined;
  /** Destinations that the kernel refused to add. */
  doubtful(key: string): ReadonlySet<string>;
  clear(): void;
}

export interface RetriesOptions {
  /** Milliseconds before each further attempt; the last one stays. Not empty. */
  readonly delays: readonly number[];
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly nameOf: (key: string) => string;
  readonly again: (key: string, id: ServiceId) => void;
}

const NONE: ReadonlySet<string> = new Set();

interface Retry {
  readonly attempt: number;
  readonly text: string;
  readonly doubtful: ReadonlySet<string>;
  readonly timer: NodeJS.Timeout;
}

export function createRetries({ delays, log, nameOf, again }: RetriesOptions): Retries {
  const waiting = new Map<string, Retry>();

  function settle(key: string): void {
    clearTimeout(waiting.get(key)?.timer);
    waiting.delete(key);
  }

  return {
    refused(key, refusals) {
      const before = waiting.get(key);
      const attempt = (before?.attempt ?? -1) + 1;
      const text = refusalsText(refusals);
      if (before?.text !== text) log('error', 'the kernel refused', { service: nameOf(key), reason: text });
      settle(key);
      const { operation } = refusals[0] as Refusal;
      const id = 'service' in operation ? operation.service.id : operation.id;
      const delay = delays[Math.min(attempt, delays.length - 1)] as number;
      const added = refusals.flatMap(({ operation: one }) => (one.kind === 'new-dest' ? [destinationKey(one.dest)] : []));
      waiting.set(key, { attempt, text, doubtful: new Set(added), timer: setTimeout(() => again(key, id), delay) });
    },
    settle,
    has: (key) => waiting.has(key),
    text: (key) => waiting.get(key)?.text,
    doubtful: (key) => waiting.get(key)?.doubtful ?? NONE,
    clear() {
      for (const key of [...waiting.keys()]) settle(key);
    },
  };
}
