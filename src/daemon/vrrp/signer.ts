/** Signs an instance's adverts and verifies those of others (vrrp/signing.ts); whom it heard sign, and with which key, for lbctl. */
import { type Ip, parseIp } from '../../base/ip.js';
import type { Instant } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { isWorthJudging } from '../../vrrp/admit.js';
import { judgeSignature, type Mark, MOST_SENDERS, nextSequence, type Signature } from '../../vrrp/signing.js';
import type { Received } from '../../vrrp/types.js';
import { isSignedWith, signAdvert, TRAILER } from '../../wire/vrrp-trailer.js';
import type { Host } from './types.js';

/** For a successor: where a clock that was put back, or an old advert, must not begin anew. Numbers in decimal, by sender. */
export interface SavedSigning {
  readonly sent?: string;
  readonly heard: Readonly<Record<Ip, string>>;
}

export interface Signer {
  /** Own adverts have a trailer. */
  signs(): boolean;
  /** The trailer of the next advert, one for all that it goes to; `message` is any of them, with room for it. */
  trailer(message: Uint8Array, source: Ip): Uint8Array;
  /** Undefined: nothing to be judged. */
  judge(received: Received, payload: Uint8Array): Signature | undefined;
  /** It counted. */
  taken(received: Received): void;
  saved(): { readonly signing?: SavedSigning };
  /** What a predecessor left. */
  resume(left: SavedSigning | undefined): void;
  report(): ApiInstance['signing'];
}

/** How far a predecessor may have got beyond what it wrote down: adverts whose numbers only count on. */
const UNSAVED = 65_536n;

interface Heard {
  /** Undefined: it does not sign. */
  readonly keyId: number | undefined;
  readonly behind: number;
  readonly at: Instant;
}

const numberOf = (text: unknown): bigint | undefined =>
  typeof text === 'string' && /^\d{1,20}$/.test(text) ? BigInt.asUintN(64, BigInt(text)) : undefined;

/** What is not in this form was written by another version, or by nobody. */
export function readSavedSigning(value: unknown): SavedSigning | undefined {
  const { sent, heard } = (value ?? {}) as Partial<SavedSigning>;
  if (typeof heard !== 'object' || heard === null) return undefined;
  const entries = Object.entries(heard).filter(([address, text]) => parseIp(address) === address && numberOf(text) !== undefined);
  return { ...(numberOf(sent) === undefined ? {} : { sent: sent as string }), heard: Object.fromEntries(entries) };
}

export function createSigner(host: Pick<Host, 'now' | 'utc' | 'key'>, conf: () => VrrpInstanceConfig): Signer {
  let sent: bigint | undefined;
  let marks: readonly Mark[] = [];
  /** The latest last. BOUNDED by MOST_SENDERS. */
  const heard = new Map<Ip, Heard>();

  function keyOf(id: number): Uint8Array | undefined {
    const file = conf().signing?.keys.find((one) => one.id === id)?.file;
    return file === undefined ? undefined : host.key(file);
  }

  const most = (): number => Math.max(MOST_SENDERS, conf().unicast?.peers.length ?? 0);

  function verifier(payload: Uint8Array, source: Ip): (id: number) => boolean | undefined {
    return (id) => {
      const key = keyOf(id);
      return key && isSignedWith(payload, source, key);
    };
  }

  return {
    signs: () => conf().signing !== undefined && conf().signing?.mode !== 'receive_only',
    trailer(message, source) {
      const { signing } = conf();
      const key = signing && keyOf(signing.activeKey);
      const own = message.slice();
      // Core starts nothing without its keys. Without one, zeros: nobody takes them.
      if (!signing || !key) return new Uint8Array(TRAILER);
      sent = nextSequence(signing, sent, host.utc());
      signAdvert(own, source, signing.activeKey, key, sent);
      return own.subarray(own.length - TRAILER);
    },
    judge(received, payload) {
      const { signing } = conf();
      const { decoded, source } = received;
      if (!signing || !decoded.ok || !decoded.trailer || !isWorthJudging(conf(), received)) return undefined;
      const claim = { source, trailer: decoded.trailer, verify: verifier(payload, source) };
      const judged = judgeSignature(signing, marks, claim, host.utc(), most());
      marks = judged.marks;
      return judged.signature;
    },
    taken({ source, signature }) {
      heard.delete(source);
      if (!conf().signing) return;
      heard.set(source, { keyId: signature?.keyId, behind: signature?.behind ?? 0, at: host.now() });
      const [oldest] = heard.keys();
      if (heard.size > most() && oldest !== undefined) heard.delete(oldest);
    },
    saved() {
      if (sent === undefined && marks.length === 0) return {};
      const known = Object.fromEntries(marks.map(({ address, sequence }) => [address, String(sequence)]));
      return { signing: { ...(sent === undefined ? {} : { sent: String(sent) }), heard: known } };
    },
    resume(left) {
      const last = numberOf(left?.sent);
      if (last !== undefined) sent = BigInt.asUintN(64, last + UNSAVED);
      marks = Object.entries(left?.heard ?? {}).map(([address, text]) => ({ address, sequence: numberOf(text) ?? 0n }));
    },
    report() {
      const { signing } = conf();
      if (!signing) return null;
      return {
        mode: signing.mode,
        keys: signing.keys.map((one) => one.id),
        active_key: signing.activeKey,
        anti_replay: signing.antiReplay,
        time_window_seconds: signing.antiReplay === 'time' ? signing.window : null,
        heard: [...heard].reverse().map(([address, { keyId, behind, at }]) => ({
          address,
          key: keyId ?? null,
          clock_behind_seconds: behind,
          last_seconds: Math.round(Math.max(0, host.now() - at)) / 1000,
        })),
      };
    },
  };
}
