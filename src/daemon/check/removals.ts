/** Real servers that are to be removed when they are drained: looked at until the kernel has no connection of theirs any more. */
import { honours } from '../../intent/admin.js';
import type { RealServerIntent, ServiceIntent } from '../../intent/types.js';
import type { KernelDestination } from '../../ipvs/types.js';
import { isEmpty } from '../../pool/admin.js';

export interface RemovalsOptions {
  readonly services: () => Iterable<ServiceIntent>;
  /** A fresh reading of the server in each kernel service of its virtual server; undefined: it cannot be said now. */
  readonly read: (service: ServiceIntent, server: RealServerIntent) => readonly KernelDestination[] | undefined;
  /** The server of override `id` is empty. Said again until it is gone. */
  readonly empty: (id: number) => void;
  /** Milliseconds from one look to the next; the tests have less patience. */
  readonly every?: number;
}

export interface Removals {
  /** The services are others. */
  arm(): void;
  close(): void;
}

const EVERY_MS = 1000;

interface Leaving {
  readonly id: number;
  readonly service: ServiceIntent;
  readonly server: RealServerIntent;
}

function leavingOf(services: Iterable<ServiceIntent>): Leaving[] {
  const found: Leaving[] = [];
  for (const service of services) {
    for (const server of service.realServers) {
      const word = (server.said ?? []).find((one) => one.remove);
      if (word?.source.kind === 'override') found.push({ id: word.source.override.id, service, server });
    }
  }
  return found;
}

export function createRemovals({ services, read, empty, every = EVERY_MS }: RemovalsOptions): Removals {
  let timer: NodeJS.Timeout | undefined;
  let leaving: readonly Leaving[] = [];
  /** Found empty at the last look: a packet may have been on its way to it when it got weight 0. BOUNDED by `leaving`. */
  let once = new Set<number>();

  function hasNothing({ service, server }: Leaving): boolean {
    const found = read(service, server);
    const honoured = honours(service, server, Date.now());
    return found?.every((one) => one.weight === 0 && isEmpty(one, honoured)) ?? false;
  }

  function look(): void {
    const bare = leaving.filter(hasNothing).map(({ id }) => id);
    for (const id of bare) if (once.has(id)) empty(id);
    once = new Set(bare);
    timer = setTimeout(look, every);
  }

  return {
    arm() {
      leaving = leavingOf(services());
      if (leaving.length === 0) clearTimeout(timer);
      else timer ??= setTimeout(look, every);
      if (leaving.length === 0) timer = undefined;
    },
    close: () => clearTimeout(timer),
  };
}
