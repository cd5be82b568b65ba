/** The doors of the API: the control socket, always, and HTTP as the configuration says. Both ask the same handlers. */
import type { ApiError, ApiEvent, ApiProgress, MethodName } from '../../control/api.js';
import { type ControlServer, createControlServer } from '../../control/server.js';
import { peerOf } from '../../os/peer.js';
import { createCommandLines, isLarge } from './command-line.js';
import type { Caller, Handlers } from './handlers.js';
import { createHttpKeeper } from './http.js';
import { Refused } from './refused.js';
import type { Wanted } from './wanted.js';

export interface Doors {
  publish(event: ApiEvent): void;
  /** Opens HTTP, or opens it anew where the configuration or its files are others. */
  apply(): Promise<void>;
  close(): Promise<void>;
}

export interface DoorsOptions {
  readonly wanted: Wanted;
  readonly handlers: Handlers;
  readonly progress: (method: MethodName) => ApiProgress;
  readonly warn: (text: string) => void;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
}

const toError = (error: unknown): ApiError | undefined => (error instanceof Refused ? error.error : undefined);

/** HTTP is not open yet. Rejects with an Error of one clear sentence when the control socket cannot be had. */
export async function openDoors({ wanted, handlers, progress, warn, problems }: DoorsOptions): Promise<Doors> {
  const handle = (method: MethodName, params: unknown, caller: Caller) =>
    (handlers[method] as (p: unknown, c: Caller) => Promise<unknown>)(params, caller);
  const { socket: socketPath, group } = wanted.config().global;
  const runCommandLine = createCommandLines(() => isLarge(wanted.intent().services), warn);
  const server: ControlServer = await createControlServer({
    socketPath,
    group,
    peer: peerOf,
    handle,
    progress,
    runCommandLine,
    toError,
    warn,
  });
  const http = createHttpKeeper({ config: () => wanted.config().global.http, handle, toError, warn, problems });
  return {
    publish(event) {
      server.publish(event);
      http.publish(event);
    },
    apply: () => http.apply(),
    async close() {
      await Promise.all([server.close(), http.close()]);
    },
  };
}
