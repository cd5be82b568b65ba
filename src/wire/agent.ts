/**
 * The words of the agent check (HAProxy's configuration manual, agent-check): a line such as `up 75%`, `drain`, `maint #upgrade`. The same
 * words stand in the file of a file check.
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

/** Undefined: the line says nothing that is known. */
export function parseAgent(line: string): AgentWord | undefined {
  const [words = '', ...comment] = line.trim().split('#');
  let ok: boolean | undefined;
  let share: number | undefined;
  for (const word of words.toLowerCase().split(/[\s,]+/)) {
    const percent = /^(\d{1,4})%$/.exec(word)?.[1];
    if (percent !== undefined) share = Math.min(Number(percent), MAX_SHARE);
    else if (word === 'drain') share = 0;
    else if (DOWN.includes(word)) ok = false;
    else if (UP.includes(word)) ok ??= true;
    else if (word !== '' && !/^maxconn:\d+$/.test(word)) return undefined;
  }
  if (ok === undefined && share === undefined) return undefined;
  const note = comment.join('#').trim();
  const reason = `says ${words.trim()}${note === '' ? '' : ` (${note})`}`;
  // A server that comes back without a share has its whole weight again.
  return { ok: ok ?? true, ...(share === undefined ? {} : { share }), reason };
}
