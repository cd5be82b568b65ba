/** A connection to the daemon that lasts over its restarts, and hears its events. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiProgress, MethodName, Methods } from '../control/api.js';
import { type Client, connect, Unreachable } from '../control/client.js';

/** A daemon that went away is looked for so often. */
const RETRY_MS = 500;

export interface Link {
  /** Rejects as a client's does; after an Unreachable the next call looks for the daemon anew. */
  call<M extends MethodName>(
    method: M,
    params: Methods[M]['params'],
    timeoutMs: number,
    onProgress?: (progress: ApiProgress) => void,
  ): Promise<Methods[M]['result']>;
  /** Waits for an event, or for the daemon to be there again; false: nothing came within the time. */
  news(limitMs: number): Promise<boolean>;
  rest(ms: number): Promise<void>;
  close(): void;
}

/** Rejects with Unreachable where there is no daemon to begin with. */
export async function createLink(socket: string): Promise<Link> {
  const closing = new AbortController();
  let client: Client | undefined;
  let fresh = false;
  let wake = (): void => {};
  const happened = () => {
    fresh = true;
    wake();
  };

  async function listen(to: Client): Promise<void> {
    try {
      for await (const _event of to.follow({ limit: 0 })) happened();
    } catch {
      // The next call tells why.
    }
    if (client === to) client = undefined;
    to.close();
    if (closing.signal.aborted) return;
    happened();
    void seek();
  }

  let opening: Promise<Client> | undefined;
  const open = (): Promise<Client> => {
    opening ??= connect(socket)
      .then((found) => {
        client = found;
        void listen(found);
        return found;
      })
      .finally(() => {
        opening = undefined;
      });
    return opening;
  };

  /** Until it is there again. */
  async function seek(): Promise<void> {
    while (!client && !closing.signal.aborted) {
      await rest(RETRY_MS);
      if (!client && !closing.signal.aborted) await open().then(happened, () => {});
    }
    if (closing.signal.aborted) client?.close();
  }

  const rest = (ms: number): Promise<void> => sleep(ms, undefined, { signal: closing.signal }).catch(() => {});

  await open();
  return {
    async call(method, params, timeoutMs, onProgress) {
      const to = client ?? (await open());
      try {
        return await to.call(method, params, timeoutMs, onProgress);
      } catch (error) {
        if (error instanceof Unreachable) to.close();
        throw error;
      }
    },
    async news(limitMs) {
      if (!fresh) {
        const limit = new AbortController();
        const signal = AbortSignal.any([limit.signal, closing.signal]);
        const told = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([told, sleep(limitMs, undefined, { signal }).catch(() => {})]);
        limit.abort();
      }
      const came = fresh;
      fresh = false;
      return came;
    },
    rest,
    close() {
      closing.abort();
      client?.close();
    },
  };
}
