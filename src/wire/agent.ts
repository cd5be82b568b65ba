/**
 * The words of the agent check (HAProxy's configuration manual, agent-check): a line such as `up 75%`, `drain`, `maint #upgrade`. The same
 * words stand in the file of a file check. What is not known among words that are is passed over, as HAProxy does.
 */

import { MAX_SHARE } from '../base/words.js';

export interface AgentWord {
  readonly ok: boolean;
  /** Percent of the configured weight; absent: nothing is said about it. */
  readonly share?: number;
  readonly reason: string;
}

const UP = ['up', 'ready'];
const DOWN = ['down', 'fail', 'failed', 'stopped', 'maint'];

/** Words that mean nothing to a director, but are those of an agent. */
const PASSED_OVER = /^maxconn:\d+$/;

/** Undefined: the line says nothing that is known. */
export function parseAgent(line: string): AgentWord | undefined {
  const [words = '', ...comment] = line.trim().split('#');
  let ok: boolean | undefined;
  let share: number | undefined;
  let known = false;
  const strange: string[] = [];
  for (const word of words.toLowerCase().split(/[\s,]+/)) {
    const percent = /^(\d+)%$/.exec(word)?.[1];
    if (percent !== undefined) share = Math.min(Number(percent), MAX_SHARE);
    else if (word === 'drain') share = 0;
    else if (DOWN.includes(word)) ok = false;
    else if (UP.includes(word)) ok ??= true;
    else if (PASSED_OVER.test(word)) known = true;
    else if (word !== '') strange.push(word);
  }
  if (ok === undefined && share === undefined && !known) return undefined;
  const note = comment.join('#').trim();
  const aside = strange.length === 0 ? '' : `; lbd knows no ${strange.join(', ')}`;
  const reason = `says ${words.trim()}${note === '' ? '' : ` (${note})`}${aside}`;
  // A server that comes back without a share has its whole weight again.
  return { ok: ok ?? true, ...(share === undefined ? {} : { share }), reason };
}
