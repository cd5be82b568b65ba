/** `top`: the busiest, live. At a terminal q ends it, and s sorts by something else. */
import type { Methods } from '../control/api.js';
import type { Format } from './grammar.js';
import { type Io, timeoutOf } from './lbctl.js';
import { ORDERS, type Order, type Ranking, rank } from './render/top.js';
import { type Pace, type Round, rounds } from './rounds.js';
import { createScreen } from './screen.js';
import { waitedFor } from './waiting.js';
import { createAwayTeller, headOf, ruler } from './watch.js';

export interface TopOrder {
  readonly socket: string;
  readonly format: Format;
  readonly service: string | undefined;
  readonly order: string;
  readonly every: number;
  readonly count: number | undefined;
}

/** Of services, and of real servers, where no terminal says how many have room. */
const LISTED = 10;
/** Lines of a picture that are not a row: time, blanks, heads, the sum, the cursor's. */
const FRAME = 8;
const CTRL_C = '\u0003';

type Stats = Methods['stats']['result'];

function listed({ terminal }: Io, { services }: Stats): number {
  if (!terminal) return LISTED;
  const room = Math.max(2, (terminal.rows ?? 24) - FRAME);
  // What few services leave is for real servers.
  return Math.max(1, room - Math.min(services.length, Math.floor(room / 2)));
}

const next = (order: Order): Order => ORDERS[(ORDERS.indexOf(order) + 1) % ORDERS.length] as Order;

/** `print` makes the text of a ranking. */
export async function top(asked: TopOrder, print: (ranking: Ranking) => Promise<string>, io: Io): Promise<void> {
  const { socket, format, service, every, count } = asked;
  const ending = new AbortController();
  const end = () => ending.abort();
  const interrupted = io.interrupted?.();
  interrupted?.addEventListener('abort', end);
  const screen = io.terminal && format !== 'json' && format !== 'yaml' ? createScreen(!io.env.NO_COLOR) : undefined;
  const tellAway = createAwayTeller(io);
  let order = asked.order as Order;
  let pace: Pace | undefined;
  const release = screen && io.keys?.(onKey);

  function onKey(key: string): void {
    if (key === 'q' || key === CTRL_C) end();
    if (key !== 's') return;
    order = next(order);
    pace?.hurry();
  }

  async function show(round: Round<Stats>, now: Pace): Promise<void> {
    pace = now;
    const ranking = rank(round.answer, order, listed(io, round.answer));
    if (screen && io.terminal) {
      const { columns, rows = 24 } = io.terminal;
      const head = headOf(`top by ${order} (s: another order, q: end)`, every, round, columns);
      return void (await io.out(screen.draw(`${head}\n\n${await print(ranking)}`, { columns, rows }, 1)));
    }
    tellAway(round);
    if (round.away) return;
    if (format === 'json') await io.out(`${JSON.stringify(ranking)}\n`);
    else await io.out(`${format === 'yaml' ? '---\n' : ruler()}${await print(ranking)}`);
  }

  const params = service === undefined ? {} : { service };
  try {
    const more = { socket, every, stop: ending.signal, ...(count === undefined ? {} : { count }) };
    const patiently = waitedFor(io);
    await rounds(more, (link) => patiently(link).call('stats', params, timeoutOf('stats')), show);
  } finally {
    release?.();
    interrupted?.removeEventListener('abort', end);
  }
}
