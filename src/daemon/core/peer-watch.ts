/**
 * The other directors (global.peers) while nothing is wrong: each is asked every few seconds for the little that `status` shows of it, so
 * that nobody who asks for a status waits for a director that is away.
 */
import type { Instant } from '../../base/time.js';
import type { PeerConfig } from '../../config/control-types.js';
import type { ApiBrief, ApiPeer } from '../../control/api.js';
import { counterpart, type Office } from '../../control/compare.js';

const EVERY_MS = 10_000;
/** A start has more urgent things to do. */
const FIRST_MS = 2000;
/** What is younger is told as it is. */
const FRESH_MS = 2000;
/** Who asks for a status waits this long for those that answered last time, and for one that did not: it may be back. */
const PATIENCE_MS = { answers: 500, silent: 150 };

export interface PeerWatchParts {
  readonly peers: () => readonly PeerConfig[];
  readonly ask: (peer: PeerConfig) => Promise<ApiBrief>;
  readonly here: () => Pick<ApiBrief, 'version' | 'table'>;
  readonly now: () => Instant;
  /** Wall clock in ms since 1970: compared with theirs. */
  readonly clock: () => number;
}

export interface PeerWatch {
  /** Asks again those of which nothing is known that is new enough; resolves after half a second at the latest. */
  refresh(): Promise<void>;
  /** `instances`: those of this director. */
  report(instances: readonly Office[]): readonly ApiPeer[];
  /** The peers may be others. */
  configured(): void;
  close(): void;
}

interface Known {
  readonly url: string;
  state: ApiPeer['state'];
  since: Instant;
  reason: string;
  asked: Instant;
  asking: Promise<void> | undefined;
  told: { readonly brief: ApiBrief; readonly at: Instant; readonly clock: number } | undefined;
  /** Whether its table is as here, and since when. */
  same: { readonly is: boolean | null; readonly since: Instant } | undefined;
}

const seconds = (from: Instant, to: Instant): number => Math.max(0, Math.round((to - from) / 100) / 10);

/** What answers may be of another version, or no lbd at all. */
function understood(brief: ApiBrief): ApiBrief {
  if (typeof brief.at === 'string' && typeof brief.table === 'string' && Array.isArray(brief.instances)) return brief;
  throw new Error('what answers there is no lbd that this one understands');
}

/** Until all are there, or the time is over. */
async function within(ms: number, all: readonly Promise<void>[]): Promise<void> {
  if (all.length === 0) return;
  let limit: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.all(all), patience]);
  clearTimeout(limit);
}

export function createPeerWatch({ peers, ask, here, now, clock }: PeerWatchParts): PeerWatch {
  /** By name. */
  const known = new Map<string, Known>();
  let timer: NodeJS.Timeout | undefined;

  function knownOf({ name, url }: PeerConfig): Known {
    const found = known.get(name);
    if (found?.url === url) return found;
    const fresh: Known = {
      url,
      state: 'unknown',
      since: now(),
      reason: '',
      asked: Number.NEGATIVE_INFINITY,
      asking: undefined,
      told: undefined,
      same: undefined,
    };
    known.set(name, fresh);
    return fresh;
  }

  function settle(one: Known, state: 'answers' | 'silent', reason: string): void {
    if (one.state !== state) [one.state, one.since] = [state, now()];
    one.reason = reason;
  }

  function compare(one: Known, brief: ApiBrief): NonNullable<Known['same']> {
    const { version, table } = here();
    const is = brief.version === version ? brief.table === table : null;
    if (one.same?.is !== is) one.same = { is, since: now() };
    return one.same ?? { is, since: now() };
  }

  async function question(peer: PeerConfig, one: Known): Promise<void> {
    const before = clock();
    try {
      const brief = understood(await ask(peer));
      const middle = before + (clock() - before) / 2;
      one.told = { brief, at: now(), clock: Math.round(Date.parse(brief.at) - middle) };
      settle(one, 'answers', '');
      compare(one, brief);
    } catch (error) {
      settle(one, 'silent', (error as Error).message);
    }
    one.asking = undefined;
  }

  function askNow(peer: PeerConfig): Promise<void> {
    const one = knownOf(peer);
    if (!one.asking) {
      one.asked = now();
      one.asking = question(peer, one);
    }
    return one.asking;
  }

  function round(): void {
    for (const peer of peers()) void askNow(peer);
    timer = peers().length === 0 ? undefined : setTimeout(round, EVERY_MS).unref();
  }

  async function refresh(): Promise<void> {
    const due = peers().filter((peer) => now() - knownOf(peer).asked > FRESH_MS || knownOf(peer).state === 'unknown');
    const asked = due.map((peer) => [knownOf(peer).state, askNow(peer)] as const);
    const silent = asked.filter(([state]) => state === 'silent').map(([, answer]) => answer);
    const others = asked.filter(([state]) => state !== 'silent').map(([, answer]) => answer);
    await Promise.all([within(PATIENCE_MS.answers, others), within(PATIENCE_MS.silent, silent)]);
  }

  function toldOf(one: Known, ours: readonly Office[]): ApiPeer['told'] {
    if (!one.told) return null;
    const { brief, at, clock: offset } = one.told;
    const same = compare(one, brief);
    const instances = ours.flatMap((office) => {
      const theirs = counterpart(office, brief.instances);
      return theirs ? [{ name: office.name, state: theirs.state }] : [];
    });
    const { router_id, version, revision, active_connections } = brief;
    return {
      seconds_ago: seconds(at, now()),
      router_id,
      version,
      revision,
      same_table: same.is,
      same_table_seconds: seconds(same.since, now()),
      instances,
      active_connections,
      clock_ms: offset,
    };
  }

  return {
    refresh,
    report: (instances) =>
      peers().map((peer) => {
        const one = knownOf(peer);
        const { state, since, reason, url } = one;
        return { name: peer.name, url, state, since_seconds: seconds(since, now()), reason, told: toldOf(one, instances) };
      }),
    configured() {
      const names = new Set(peers().map(({ name }) => name));
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
      if (names.size > 0) timer ??= setTimeout(round, FIRST_MS).unref();
    },
    close: () => clearTimeout(timer),
  };
}
