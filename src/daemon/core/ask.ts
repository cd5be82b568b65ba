/** Asks a child process; what it refuses, and that it does not answer, becomes what the caller is told. */
import { Refused, refuse } from './refused.js';
import type { Supervisor } from './supervisor.js';

/** `limitMs` undefined: as long as for anything that it has at hand. */
export async function ask<T>(child: Supervisor, query: object, limitMs?: number): Promise<T> {
  try {
    const answer = await child.ask(query, limitMs);
    if (typeof answer.error === 'string') return refuse(answer.error);
    return answer as T;
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused({ code: 'unavailable', message: (error as Error).message });
  }
}
