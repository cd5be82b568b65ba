/** `wait`: until something is so. It looks when the daemon tells of something, and now and then; a daemon that is started again is found again. */
import { formatDuration } from '../base/duration.js';
import { ApiRefusal, Unreachable } from '../control/client.js';
import type { Condition } from './commands/kit.js';
import { conditionText, createLook, isQuiet, type Look } from './conditions.js';
import { type Io, timeoutOf } from './lbctl.js';
import { createLink, type Link } from './link.js';
import { createProgress } from './progress.js';
import { waitedFor } from './waiting.js';

/** From one look to the next, at least. */
const GAP_MS = 1000;
/** Without an event: something may have been missed. */
const IDLE_MS = 5000;
/** A daemon that answers, but does not know the object (yet): it may just be starting. */
const STARTING_MS = 10_000;

export interface WaitOrder {
  readonly socket: string;
  readonly condition: Condition;
  /** Milliseconds; undefined: without an end. */
  readonly timeout: number | undefined;
}

/** Whether it may be other in a moment. */
function isPassing(error: unknown, answered: number | undefined, now: number): boolean {
  if (answered === undefined) return false;
  if (error instanceof Unreachable) return true;
  return error instanceof ApiRefusal && (error.error.code === 'unavailable' || now - answered < STARTING_MS);
}

/** One turn: looks, and says what hinders where that may pass. */
async function turn(look: () => Promise<Look>, answered: number | undefined): Promise<Look | Error> {
  try {
    return await look();
  } catch (error) {
    if (isPassing(error, answered, performance.now())) return error as Error;
    throw error;
  }
}

function over(condition: Condition, timeout: number, last: Look | Error): Error {
  if (last instanceof Error) return last;
  const message = `not ${conditionText(condition)} within ${formatDuration(timeout)}: ${last.text}`;
  return new ApiRefusal({ code: 'refused', message });
}

const pauseOf = (condition: Condition, soon: boolean): number => (soon || isQuiet(condition) ? GAP_MS : IDLE_MS);

async function untilMet(link: Link, { condition, timeout = Number.POSITIVE_INFINITY }: WaitOrder, io: Io): Promise<Look> {
  const progress = createProgress(io);
  const patient = waitedFor(io)(link);
  const look = createLook(condition, (method, params) => patient.call(method, params, timeoutOf(method)));
  const deadline = performance.now() + timeout;
  let answered: number | undefined;
  for (let soon = false; ; ) {
    const began = performance.now();
    const found = await turn(look, answered).finally(progress.clear);
    if (!(found instanceof Error)) answered = performance.now();
    if (!(found instanceof Error) && found.met) return found;
    const left = deadline - performance.now();
    if (left <= 0) throw over(condition, timeout, found);
    progress.tell(found instanceof Error ? found.message : found.text);
    const told = await link.news(Math.min(left, pauseOf(condition, soon)));
    // What an event tells may be done a moment later.
    soon = told;
    const gap = Math.min(GAP_MS - (performance.now() - began), deadline - performance.now());
    if (told && gap > 0) await link.rest(gap);
  }
}

/** Resolves with what is so; rejects with the present state when the time is over. */
export async function wait(order: WaitOrder, io: Io): Promise<Look> {
  const link = await createLink(order.socket);
  try {
    return await untilMet(link, order, io);
  } finally {
    link.close();
  }
}
