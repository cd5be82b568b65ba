/**
 * Keeps table `inet lbd` of nftables equal to what the services need, and touches no other. It is replaced whole, in one transaction, when
 * the wanted text changes. Whoever loads a firewall may flush it away, so it is listed now and then and compared with what was listed
 * after it was put in. One nft runs at a time; where nothing is wanted and nothing ever was, none does.
 */
import { OsError } from '../../base/errors.js';
import type { Instant } from '../../base/time.js';
import type { ApiEventChange } from '../../control/api.js';
import { isEmpty, type NetfilterWanted, netfilterRules, toNft } from '../../intent/netfilter.js';
import type { ServiceIntent } from '../../intent/types.js';
import type { Nft } from '../../os/nft.js';
import type { LogLevel } from '../messages.js';
import type { NetfilterRecord } from './netfilter-record.js';

export const NETFILTER_TABLE = 'inet lbd';

export interface NetfilterOptions {
  readonly nft: Nft;
  readonly record: NetfilterRecord;
  /** What an ordered stop does with the rules. */
  readonly onStop: () => 'keep' | 'remove';
  readonly now: () => Instant;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: 'drift', subject: string, text: string, change?: ApiEventChange) => void;
  readonly timing?: NetfilterTiming;
}

/** Milliseconds; the tests have less patience. */
export interface NetfilterTiming {
  /** The least time from one look at the table to the next. */
  readonly check: number;
  /** Before each further attempt after a failure; the last one stays. Not empty. */
  readonly retry: readonly number[];
}

export interface NetfilterStatus {
  /** `none`: nothing is wanted. `pending`: not done yet. `failed`: see `problem`, it is tried again. */
  readonly state: 'none' | 'applied' | 'pending' | 'failed';
  /** Kernel services with an MSS clamp, and with SNAT. */
  readonly mss: number;
  readonly snat: number;
  readonly problem: string | null;
  readonly drift: { readonly total: number; readonly last: string | null };
}

export interface NetfilterKeeper {
  want(services: readonly ServiceIntent[]): void;
  /** Looks at the table when it is time to. */
  reconcile(): void;
  status(): NetfilterStatus;
  /** Ordered and `on_stop: remove`: resolves when the rules are gone, or could not be taken away. */
  stop(ordered: boolean): Promise<void>;
}

const TIMING: NetfilterTiming = { check: 5000, retry: [500, 2000, 5000, 30_000, 60_000] };
/** A look takes no more than this share of the time: at thousands of services nft works for a quarter of a second. */
const CHECK_SHARE = 20;

const NOTHING: NetfilterWanted = netfilterRules([]);
const NOTHING_TEXT = toNft(NOTHING);

export function createNetfilterKeeper(options: NetfilterOptions): NetfilterKeeper {
  const { nft, record, now, log, timing = TIMING } = options;
  let wanted = NOTHING;
  let text = NOTHING_TEXT;
  /** What the kernel was last told, undefined when that is in doubt. */
  let applied: string | undefined = record.had ? undefined : NOTHING_TEXT;
  /** The table as listed right after `applied`. */
  let listed: string | undefined;
  let running: Promise<void> | undefined;
  /** Until somebody says what is wanted, an earlier life's table stays as it is. */
  let asked = false;
  let stopped = false;
  let nextCheck = 0;
  let failures = 0;
  let problem: string | undefined;
  let retryTimer: NodeJS.Timeout | undefined;
  const drift = { total: 0, last: null as string | null };

  /** Nothing runs before the retry after a failure, however often somebody asks. */
  function step(): void {
    if (!asked || stopped || running || retryTimer) return;
    const work = text !== applied ? replace : text !== NOTHING_TEXT && now() >= nextCheck ? check : undefined;
    if (!work) return;
    running = work()
      .then(succeeded, failed)
      .finally(() => {
        running = undefined;
        step();
      });
  }

  async function replace(): Promise<void> {
    const [next, { mss, snat }] = [text, wanted];
    const some = next !== NOTHING_TEXT;
    applied = undefined;
    if (some) record.note(true);
    const began = now();
    await nft.apply(next);
    if (!some) record.note(false);
    listed = some ? await nft.list(NETFILTER_TABLE) : undefined;
    applied = next;
    const ms = Math.round(now() - began);
    log('info', 'netfilter rules applied', { mss: mss.entries.length, snat: snat.entries.length, ms });
    looked(began);
  }

  async function check(): Promise<void> {
    const began = now();
    const current = await nft.list(NETFILTER_TABLE);
    looked(began);
    if (current !== undefined && current === listed) return;
    const last = current === undefined ? 'nft table inet lbd was gone' : 'nft table inet lbd was changed';
    drift.total++;
    drift.last = last;
    options.event('drift', 'netfilter', `${last} by somebody else; healing: it is put in again`, { cause: 'somebody else' });
    applied = undefined;
  }

  function looked(began: Instant): void {
    nextCheck = now() + Math.max(timing.check, (now() - began) * CHECK_SHARE);
  }

  function succeeded(): void {
    if (problem !== undefined) log('info', 'netfilter rules are in order again');
    problem = undefined;
    failures = 0;
  }

  function failed(error: unknown): void {
    if (!(error instanceof OsError)) throw error;
    const reason = error.message;
    if (problem !== reason) log('error', 'netfilter rules cannot be kept', { reason });
    problem = reason;
    const delay = timing.retry[Math.min(failures++, timing.retry.length - 1)] as number;
    if (stopped) return;
    retryTimer = setTimeout(() => {
      retryTimer = undefined;
      step();
    }, delay);
  }

  function state(): NetfilterStatus['state'] {
    if (problem !== undefined) return 'failed';
    if (applied !== text) return 'pending';
    return isEmpty(wanted) ? 'none' : 'applied';
  }

  return {
    want(services) {
      asked = true;
      wanted = netfilterRules(services);
      text = toNft(wanted);
      step();
    },
    reconcile: step,
    status: () => ({
      state: state(),
      mss: wanted.mss.entries.length,
      snat: wanted.snat.entries.length,
      problem: problem ?? null,
      drift: { ...drift },
    }),
    async stop(ordered) {
      stopped = true;
      clearTimeout(retryTimer);
      if (!ordered || options.onStop() !== 'remove') return;
      await running;
      if (!record.had) return;
      text = NOTHING_TEXT;
      await replace().catch((error: Error) => log('error', 'netfilter rules stay behind', { reason: error.message }));
    },
  };
}
