/**
 * `drain`, and `del-rs --drain`: ends when the kernel gives the real servers nobody new, saying what is left; with `--wait` when nobody is
 * left (or the server is gone), telling how many there are.
 */
import { setTimeout } from 'node:timers/promises';
import type { ApiRealServer, Methods } from '../control/api.js';
import { ApiRefusal, CALL_TIMEOUT_MS, connect, Unreachable } from '../control/client.js';
import type { DrainOrder } from './grammar.js';
import { EXIT, type Io } from './lbctl.js';
import { createProgress } from './progress.js';
import { whileWaiting } from './waiting.js';

const LOOK_MS = { applied: 50, wait: 500 };
/** A daemon that is started again is waited for this long; one that answers, but does not know the service (yet), a little. */
const AWAY_MS = 60_000;
const STARTING_MS = 10_000;
/** The kernel must have the drain after this time. */
const APPLIED_MS = 20_000;

/** A real server that drains, under the name that people know it by. */
interface Drained {
  readonly name: string;
  readonly server: ApiRealServer;
}

type State =
  /** Nobody is left, or it is gone. */
  | { readonly state: 'over'; readonly text: string }
  /** It drains no more. */
  | { readonly state: 'ended' }
  /** The kernel may still give it somebody new. */
  | { readonly state: 'open' }
  | { readonly state: 'left'; readonly text: string };

/** Persistent clients that keep coming count, the templates of others only wait for their end. */
function leftOf({ kernel, wanted }: ApiRealServer): number {
  if (!kernel) return 0;
  return kernel.active + kernel.inactive + (wanted.admin?.sticky === 'honour' ? kernel.persistent : 0);
}

/** With a weight, or not there where it should be: nothing is known of it while IPVS cannot be read. */
const isOpen = ({ kernel, effective_weight: effective }: ApiRealServer): boolean =>
  kernel ? kernel.weight > 0 : effective !== null;

/** So many of those that have the most left are named. */
const NAMED = 3;

function describeAll(all: readonly Drained[]): string {
  const sum = (of: (server: ApiRealServer) => number) => all.reduce((total, { server }) => total + of(server), 0);
  const open = all.filter(({ server }) => leftOf(server) > 0).sort((a, b) => leftOf(b.server) - leftOf(a.server));
  const servers = all.length === 1 ? '1 real server' : `${all.length} real servers`;
  if (open.length === 0) return `drained: ${servers}, no connections left`;
  const persistent = sum(({ kernel, wanted }) => (wanted.admin?.sticky === 'honour' ? (kernel?.persistent ?? 0) : 0));
  const clients = persistent === 0 ? '' : `, ${persistent} persistent clients who may come again`;
  const counts = `${sum(({ kernel }) => kernel?.active ?? 0)} active and ${sum(({ kernel }) => kernel?.inactive ?? 0)} inactive`;
  const most = open.slice(0, NAMED).map(({ name, server }) => `${name} ${leftOf(server)}`);
  const more = open.length > NAMED ? `, and ${open.length - NAMED} more` : '';
  return `draining: ${open.length} of ${servers} with ${counts} connections left${clients}: ${most.join(', ')}${more}`;
}

function stateOf(all: readonly Drained[], host: boolean): State {
  const isOut = ({ server }: Drained) => server.wanted.admin?.state === 'drain' || (host && server.wanted.admin !== null);
  if (!all.every(isOut)) return { state: 'ended' };
  if (all.some(({ server }) => isOpen(server))) return { state: 'open' };
  const text = host ? describeAll(all) : (all[0]?.server.why ?? '');
  return { state: all.every(({ server }) => leftOf(server) === 0) ? 'over' : 'left', text };
}

async function ask<M extends 'set_state' | 'set_host' | 'del_rs' | 'show' | 'list'>(
  socket: string,
  method: M,
  params: Methods[M]['params'],
  io: Pick<Io, 'err' | 'progress'> = { err: () => {} },
): Promise<Methods[M]['result']> {
  const client = await connect(socket);
  try {
    return await whileWaiting(io, CALL_TIMEOUT_MS, (heard) => client.call(method, params, CALL_TIMEOUT_MS, heard));
  } finally {
    client.close();
  }
}

interface Watch {
  readonly name: string;
  /** Undefined: nothing is known of it, as in a daemon that is just starting. */
  look(): Promise<State | undefined>;
}

function watchHost(socket: string, host: string): Watch {
  return {
    name: `host ${host}`,
    async look() {
      const { services } = await ask(socket, 'list', { host });
      const all = services.flatMap(({ name, sorry_server: sorry, real_servers: servers }) =>
        servers.flatMap((server) => (server.address === sorry ? [] : [{ name: `${name}/${server.address}`, server }])),
      );
      return all.length === 0 ? undefined : stateOf(all, true);
    },
  };
}

function watchServer(socket: string, { service, rs }: { readonly service: string; readonly rs: string }): Watch {
  const name = `${service}/${rs}`;
  return {
    name,
    async look() {
      const { real_server: server } = await ask(socket, 'show', { service, rs });
      return server ? stateOf([{ name, server }], false) : { state: 'ended' };
    },
  };
}

/** The server is looked for among those of its service: where it is missing, it has been removed. */
async function watchRemoval(socket: string, { service, rs }: { readonly service: string; readonly rs: string }): Promise<Watch> {
  const { real_server: found } = await ask(socket, 'show', { service, rs });
  const name = `${service}/${rs}`;
  return {
    name,
    async look() {
      const { service: now } = await ask(socket, 'show', { service });
      const server = now.real_servers.find((one) => one.address === found?.address);
      if (!server) return { state: 'over', text: 'removed' };
      const state = stateOf([{ name, server }], false);
      // Empty is not yet gone.
      return state.state === 'over' ? { state: 'left', text: state.text } : state;
    },
  };
}

/** How long such a failure may last before it counts, in ms. */
function patience(error: unknown): number {
  if (error instanceof Unreachable) return AWAY_MS;
  if (!(error instanceof ApiRefusal)) return 0;
  return error.error.code === 'unavailable' ? AWAY_MS : STARTING_MS;
}

function watchOf(socket: string, { method, params }: DrainOrder): Watch | Promise<Watch> {
  if (method === 'set_host') return watchHost(socket, params.host);
  return method === 'del_rs' ? watchRemoval(socket, params) : watchServer(socket, params);
}

/** The file has no such real server any more. */
const NOTHING: State = { state: 'over', text: 'no real server has that address any more' };

/** Looks until the drain is as far as is wanted; undefined: somebody has stopped us. */
async function follow(watch: Watch, wait: boolean, io: Io): Promise<State | undefined> {
  const progress = createProgress(io);
  const began = performance.now();
  let heard = began;
  while (!io.stop?.aborted) {
    const now = performance.now();
    const found = await watch.look().then(
      (state) => state ?? (now - heard < STARTING_MS ? undefined : NOTHING),
      (error: unknown) => {
        if (now - heard < patience(error)) return undefined;
        progress.clear();
        throw error;
      },
    );
    if (found) heard = now;
    const enough = found?.state === 'over' || (found?.state === 'left' && !wait);
    if (enough) progress.end(`${watch.name}: ${found.text}`);
    if (enough || found?.state === 'ended' || (!wait && now - began > APPLIED_MS)) {
      progress.clear();
      return found ?? { state: 'open' };
    }
    if (found?.state === 'left') progress.tell(`${watch.name}: ${found.text}`);
    await setTimeout(found?.state === 'left' ? LOOK_MS.wait : LOOK_MS.applied);
  }
  progress.clear();
  return undefined;
}

/** The exit status: 0 when nobody new comes (with `wait`: when it is empty, cut or removed), 1 when somebody has ended the drain. */
export async function drain(
  { socket, order, wait }: { readonly socket: string; readonly order: DrainOrder; readonly wait: boolean },
  io: Io,
  tell: (result: Methods['set_state']['result']) => Promise<void>,
): Promise<number> {
  const watch = await watchOf(socket, order);
  await tell(await ask(socket, order.method, order.params, io));
  const found = await follow(watch, wait, io);
  if (found?.state === 'over' || found?.state === 'left') return EXIT.done;
  if (found?.state === 'ended') return fail(io, `${watch.name}: the drain was ended before it was over`);
  if (found) return fail(io, `${watch.name} is to drain, but the kernel does not have it yet: see lbctl why`);
  return EXIT.refused;
}

function fail(io: Io, text: string): number {
  io.err(`lbctl: ${text}\n`);
  return EXIT.refused;
}
