/** lb_kind, lvs_method: how packets get to a real server. */
import { buildTunnel, tunnelFault } from '../build-tunnel.js';
import type { Forward, Tunnel } from '../passage.js';
import type { Reading } from './services-words.js';
import type { Plain } from './sheet.js';
import type { Statement, Word } from './types.js';

export interface Forwarding {
  readonly method: Forward;
  /** Of tun. */
  readonly tunnel: Tunnel;
}

const METHODS: Readonly<Record<string, Forward>> = { NAT: 'nat', DR: 'dr', TUN: 'tun' };
const TYPES = ['ipip', 'gue', 'gre'] as const;
const CHECKSUMS: Readonly<Record<string, Tunnel['checksum']>> = { nocsum: 'none', csum: 'csum', remcsum: 'remcsum' };

const PLAIN: Tunnel = { type: 'ipip', port: 0, checksum: 'none' };

const MSS =
  "lbd also tells clients of a smaller segment (MSS), so that their packets fit into the tunnel; write mss: off in the virtual server's tun for none";

type Options = { -readonly [K in keyof Tunnel]?: Tunnel[K] };

/** One option; how many words it was, or undefined: keepalived takes none of them then. */
function readOption(words: readonly Word[], at: number, into: Options): number | undefined {
  const [word = '', next = ''] = [words[at]?.text, words[at + 1]?.text];
  const checksum = CHECKSUMS[word];
  if (checksum !== undefined) {
    into.checksum = checksum;
    return 1;
  }
  if (word === 'type') {
    const type = TYPES.find((one) => one === next);
    if (type === undefined) return undefined;
    into.type = type;
    return 2;
  }
  if (word !== 'port' || !/^\d{1,5}$/.test(next) || Number(next) < 1 || Number(next) > 65_535) return undefined;
  into.port = Number(next);
  return 2;
}

/** Undefined: they are wrong, or do not go together. */
function readTunnel(words: readonly Word[]): Tunnel | undefined {
  const options: Options = {};
  for (let at = 0; at < words.length; ) {
    const taken = readOption(words, at, options);
    if (taken === undefined) return undefined;
    at += taken;
  }
  const tunnel = { ...PLAIN, ...options };
  if ((tunnel.type === 'gue') !== (tunnel.port !== 0)) return undefined;
  return tunnelFault(buildTunnel(tunnel)) === undefined ? tunnel : undefined;
}

export const forwardHandler =
  ({ notes }: Reading) =>
  (statement: Statement): { readonly value: Forwarding } | string => {
    const [name, ...options] = statement.args;
    const method = METHODS[name?.text ?? ''];
    if (method === undefined) return `"${name?.text ?? ''}" is neither NAT, DR nor TUN`;
    const tunnel = readTunnel(options);
    if (tunnel === undefined)
      notes.change(statement, 'keepalived takes none of its options, as they are wrong: it is a tunnel of type ipip');
    else if (options.length > 0 && method !== 'tun') notes.change(statement, `${method} has no options`);
    if (method === 'tun') notes.change(statement, MSS);
    return { value: { method, tunnel: tunnel ?? PLAIN } };
  };

/** `tun:` of a service or server; undefined: it is as it would be without. */
export function tunnelWord(tunnel: Tunnel, above: Tunnel = PLAIN): Plain | undefined {
  if (tunnel.type === above.type && tunnel.port === above.port && tunnel.checksum === above.checksum) return undefined;
  return {
    type: tunnel.type,
    ...(tunnel.port === 0 ? {} : { port: tunnel.port }),
    ...(tunnel.type === 'ipip' || (tunnel.checksum === 'none' && above.type !== tunnel.type)
      ? {}
      : { checksum: tunnel.checksum }),
  };
}
