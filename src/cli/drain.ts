/** `drain`: ends when the kernel gives the real server nobody new; with `--wait` when no connection is left, telling how many there are. */
import { setTimeout } from 'node:timers/promises';
import type { Methods } from '../control/api.js';
import { ApiRefusal, CALL_TIMEOUT_MS, connect, Unreachable } from '../control/client.js';
import { EXIT, type Io } from './lbctl.js';

type Params = Methods['set_state']['params'];
type Shown = Methods['show']['result'];

const LOOK_MS = { applied: 50, wait: 500 };
/** Between lines that say how many are left: to a person, and to a pipe. */
const TELL_MS = { terminal: 1000, pipe: 5000 };
/** A daemon that is started again is waited for this long; one that answers, but does not know the service (yet), a little. */
const AWAY_MS = 60_000;
const STARTING_MS = 10_000;
/** The kernel must have the drain after this time. */
const APPLIED_MS = 20_000;

/** `gone`: it drains no more. `open`: the kernel may still give it somebody new. */
type Progress = { readonly state: 'gone' | 'open' } | { readonly state: 'closed'; readonly left: number; readonly text: string };

function progressOf({ real_server }: Shown): Progress {
  if (real_server?.wanted.admin?.state !== 'drain') return { state: 'gone' };
  const { kernel, why } = real_server;
  if (kernel && kernel.weight > 0) return { state: 'open' };
  return { state: 'closed', left: kernel ? kernel.active + kernel.inactive : 0, text: why };
}

async function ask<M extends 'set_state' | 'show'>(
  socket: string,
  method: M,
  params: Methods[M]['params'],
): Promise<Methods[M]['result']> {
  const client = await connect(socket);
  try {
    return await client.call(method, params, CALL_TIMEOUT_MS);
  } finally {
    client.close();
  }
}

/** How long such a failure may last before it counts, in ms. */
function patience(error: unknown): number {
  if (error instanceof Unreachable) return AWAY_MS;
  if (!(error instanceof ApiRefusal)) return 0;
  return error.error.code === 'unavailable' ? AWAY_MS : STARTING_MS;
}

/** The exit status: 0 when nobody new comes (with `wait`: when it is empty or cut), 1 when somebody has ended the drain. */
export async function drain(
  { socket, params, wait }: { readonly socket: string; readonly params: Params; readonly wait: boolean },
  io: Io,
  tell: (result: Methods['set_state']['result']) => Promise<void>,
): Promise<number> {
  const { service, rs } = params;
  const name = `${service}/${rs}`;
  await tell(await ask(socket, 'set_state', params));
  const began = performance.now();
  let [told, heard] = [began, began];
  while (!io.stop?.aborted) {
    const now = performance.now();
    const shown = await ask(socket, 'show', { service, rs }).catch((error: unknown) => {
      if (now - heard >= patience(error)) throw error;
      return undefined;
    });
    const progress = shown && progressOf(shown);
    if (progress) heard = now;
    if (progress?.state === 'gone') return fail(io, `${name}: the drain was ended before it was over`);
    if (progress?.state === 'closed' && (!wait || progress.left === 0)) {
      if (wait) io.err(`${name}: ${progress.text}\n`);
      return EXIT.done;
    }
    if (!wait && now - began > APPLIED_MS)
      return fail(io, `${name} is to drain, but the kernel does not have it yet: see lbctl why`);
    if (progress?.state === 'closed' && now - told >= (io.terminal ? TELL_MS.terminal : TELL_MS.pipe)) {
      io.err(`${name}: ${progress.text}\n`);
      told = now;
    }
    await setTimeout(progress?.state === 'closed' ? LOOK_MS.wait : LOOK_MS.applied);
  }
  return EXIT.refused;
}

function fail(io: Io, text: string): number {
  io.err(`lbctl: ${text}\n`);
  return EXIT.refused;
}
