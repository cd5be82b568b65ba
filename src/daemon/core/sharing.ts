/**
 * Changes that are made here at run time are made at the other directors, too (`share` of global.peers), in their order. What a peer could
 * not be told is kept, on disk as well, and told again until it answers; what it refuses is an event.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { PeerConfig } from '../../config/control-types.js';
import type { ApiChange, Methods } from '../../control/api.js';
import { PeerRefusal, tellPeer } from '../../control/http/peer.js';
import { replaceFile } from '../../os/state-file.js';
import { addressOf } from './peers.js';

export const SHARED = ['add_rs', 'set_rs', 'del_rs', 'set_state', 'set_host', 'add_vs', 'set_vs', 'del_vs', 'changes'] as const;
export type SharedMethod = (typeof SHARED)[number];
/** Those of any of them. */
type SharedParams = Methods[SharedMethod]['params'];

/** Who has asked for the change waits for the others this long; they are told all the same. */
const ANSWER_MS = 1500;
const RETRY_MS = 5000;
/** BOUNDED: of one peer; the oldest leave, with an event. */
const KEEP = 1000;

const change = v.object({
  method: v.picklist(SHARED),
  params: v.record(v.string(), v.unknown()),
  who: v.string(),
  at: v.number(),
});
const file = v.object({ version: v.literal(1), peers: v.record(v.string(), v.array(change)) });

interface Waiting extends v.InferOutput<typeof change> {
  done?: (note: string) => void;
}

export interface SharingParts {
  readonly peers: () => readonly PeerConfig[];
  readonly stateDir: string;
  readonly routerId: () => string;
  /** Wall clock in ms since 1970: of what is kept, times run on. */
  readonly clock: () => number;
  readonly event: (kind: string, subject: string, text: string) => void;
  readonly warn: (text: string) => void;
  readonly tell?: typeof tellPeer;
}

export interface Sharing {
  /** What became of it at the peers, a sentence each, as far as it is known soon. */
  share(method: SharedMethod, params: SharedParams, who: string): Promise<readonly string[]>;
  /** What peers have not been told yet. */
  problems(): readonly string[];
  /** The peers may be others. */
  configured(): void;
  close(): void;
}

/** Seconds that have run while it waited; undefined: it is over, and there is nothing to tell. */
function aged({ params, at }: Pick<Waiting, 'params' | 'at'>, now: number): Readonly<Record<string, unknown>> | undefined {
  const passed = Math.floor((now - at) / 1000);
  if (Array.isArray(params.changes)) {
    const changes = (params.changes as readonly ApiChange[]).flatMap((one) => {
      const left = aged({ params: one.params, at }, now);
      return left ? [{ ...one, params: left }] : [];
    });
    return changes.length > 0 ? { ...params, changes } : undefined;
  }
  const { deadline, for: length, ...rest } = params;
  if (typeof length === 'number' && length <= passed) return undefined;
  return {
    ...rest,
    ...(typeof deadline === 'number' ? { deadline: Math.max(1, deadline - passed) } : {}),
    ...(typeof length === 'number' ? { for: length - passed } : {}),
  };
}

const objectOf = ({ changes, service, rs, host, name }: Readonly<Record<string, unknown>>): string =>
  Array.isArray(changes)
    ? `${changes.length} changes`
    : [host === undefined ? (service ?? name) : `host ${host}`, rs].filter((one) => one !== undefined).join('/');

/** A file that is damaged is nothing that a director should stop for: the two are compared before a switch-over. */
function load(path: string, warn: (text: string) => void): Map<string, Waiting[]> {
  try {
    return new Map(Object.entries(v.parse(file, JSON.parse(readFileSync(path, 'utf8'))).peers));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      warn(
        `${path} cannot be read (${(error as Error).message.split('\n')[0]}): what other directors were not told is forgotten`,
      );
    return new Map();
  }
}

export function createSharing({ peers, stateDir, routerId, clock, event, warn, tell = tellPeer }: SharingParts): Sharing {
  const path = join(stateDir, 'unshared.json');
  const queues = load(path, warn);
  const troubles = new Map<string, string>();
  const busy = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const sharing = () => peers().filter(({ share }) => share);
  const queueOf = (name: string): Waiting[] => queues.get(name) ?? queues.set(name, []).get(name) ?? [];

  function save(): void {
    const kept = [...queues].filter(([, queue]) => queue.length > 0);
    const plain = kept.map(([name, queue]) => [name, queue.map(({ done: _, ...one }) => one)]);
    try {
      replaceFile(path, `${JSON.stringify({ version: 1, peers: Object.fromEntries(plain) })}\n`);
    } catch (error) {
      warn(`what other directors were not told cannot be saved: ${(error as Error).message}`);
    }
  }

  /** It is told, or never will be. */
  function finish(name: string, one: Waiting, note: string, told: boolean): void {
    const queue = queueOf(name);
    queue.splice(queue.indexOf(one), 1);
    save();
    if (!told || !one.done) event('share', objectOf(one.params), note);
    one.done?.(note);
  }

  async function send(peer: PeerConfig, one: Waiting): Promise<boolean> {
    const params = aged(one, clock());
    if (!params) {
      finish(peer.name, one, `${peer.name} was not told in time: it is over`, false);
      return true;
    }
    try {
      const { text } = await tell(addressOf(peer), one.method, { ...params, shared_by: `${one.who} at ${routerId()}` } as never);
      troubles.delete(peer.name);
      finish(peer.name, one, `${peer.name}: ${text}`, true);
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof PeerRefusal)) {
        troubles.set(peer.name, message);
        return false;
      }
      troubles.delete(peer.name);
      finish(peer.name, one, message, false);
    }
    return true;
  }

  /** One after the other; who cannot be asked is asked later. */
  async function pump(name: string): Promise<void> {
    if (busy.has(name)) return;
    busy.add(name);
    clearTimeout(timers.get(name));
    for (;;) {
      const peer = sharing().find((one) => one.name === name);
      const one = queueOf(name)[0];
      if (!peer || !one) break;
      if (await send(peer, one)) continue;
      for (const waiting of queueOf(name)) {
        waiting.done?.(`${name} does not know it yet: ${troubles.get(name)}; it is told when it can be`);
        delete waiting.done;
      }
      timers.set(name, setTimeout(() => void pump(name), RETRY_MS).unref());
      break;
    }
    busy.delete(name);
  }

  function enqueue(name: string, one: Waiting): Promise<string> {
    const queue = queueOf(name);
    const noted = new Promise<string>((resolve) => {
      one.done = resolve;
      setTimeout(() => resolve(`${name} has not answered yet`), ANSWER_MS).unref();
    });
    if (queue.length >= KEEP) {
      queue.shift();
      event(
        'share',
        name,
        `${KEEP} changes are waiting for it: the oldest is dropped; compare both before a switch-over (failover --check)`,
      );
    }
    queue.push(one);
    save();
    void pump(name);
    return noted;
  }

  /** Nothing is kept of it. */
  async function tryOut(peer: PeerConfig, method: SharedMethod, params: object): Promise<string> {
    try {
      const { text } = await tell(addressOf(peer), method, { ...params, shared_by: routerId() } as never);
      return `${peer.name}: ${text as string}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  return {
    share(method, params, who) {
      if (params.dry_run) return Promise.all(sharing().map((peer) => tryOut(peer, method, params)));
      const at = clock();
      return Promise.all(sharing().map(({ name }) => enqueue(name, { method, params: { ...params }, who, at })));
    },
    problems: () =>
      sharing().flatMap(({ name }) => {
        const { length } = queueOf(name);
        const trouble = troubles.get(name);
        return length > 0 && trouble !== undefined
          ? [`${length} ${length === 1 ? 'change is' : 'changes are'} not at ${name} yet: ${trouble}`]
          : [];
      }),
    configured() {
      const names = new Set(sharing().map(({ name }) => name));
      for (const name of [...queues.keys()].filter((one) => !names.has(one))) queues.delete(name);
      for (const name of names) void pump(name);
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
