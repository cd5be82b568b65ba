/** `global.http` and `global.peers`: what must not be, and what one should know. */
import { type Endpoint, formatEndpoint, type Ip } from '../base/ip.js';
import type { HttpConfig, PeerConfig, TokenConfig } from './control-types.js';
import type { Located, Report } from './located.js';
import type { HttpShape, PeerShape } from './schema-control.js';

type Place = Located<unknown>;

const isLoopback = (address: Ip): boolean => address.startsWith('127.') || address === '::1';
const reachable = (listen: readonly Endpoint[]): Endpoint | undefined => listen.find(({ address }) => !isLoopback(address));

const CLEAR = 'a token is readable on the way without TLS';

/** Tells the second of two that have the same `key`. */
function checkTwins<T>(at: Place, path: readonly string[], items: readonly T[], key: (one: T) => string, report: Report): void {
  const seen = new Set<string>();
  items.forEach((one, i) => {
    const word = key(one);
    if (seen.has(word)) report('error', at, `${path.at(-1)}: ${word} is there twice`, [...path, i]);
    seen.add(word);
  });
}

function buildToken(at: Place, shape: HttpShape['tokens'][number], i: number, report: Report): TokenConfig {
  const { name, role, file, sha256 } = shape;
  if ((file === undefined) === (sha256 === undefined))
    report('error', at, `token ${name} needs a file with the token, or its sha256, one of them`, ['http', 'tokens', i]);
  const secret = sha256 === undefined ? { kind: 'file' as const, file: file ?? '' } : { kind: 'sha256' as const, digest: sha256 };
  return { name, role, secret };
}

export function buildHttp(at: Place, shape: HttpShape | undefined, report: Report): HttpConfig | undefined {
  if (!shape) return undefined;
  const { listen, tls } = shape;
  const tokens = shape.tokens.map((one, i) => buildToken(at, one, i, report));
  checkTwins(at, ['http', 'listen'], listen, ({ address, port }) => formatEndpoint(address, port), report);
  checkTwins(at, ['http', 'tokens'], tokens, ({ name }) => name, report);
  const open = reachable(listen);
  const anonymous = shape.anonymous ?? (open ? 'none' : 'read');
  if (anonymous === 'none' && tokens.length === 0) {
    const why = open && shape.anonymous === undefined ? ` (${open.address} can be reached from other hosts)` : '';
    report('error', at, `nobody may use the API${why}: give it tokens, or anonymous: read`, ['http']);
  }
  if (open && !tls && tokens.length > 0)
    report('warning', at, `${CLEAR}, and ${open.address} can be reached from other hosts: give http a tls`, ['http']);
  return {
    listen,
    tls: tls && { certificate: tls.certificate, key: tls.key, clientCa: tls.client_ca },
    anonymous,
    tokens,
  };
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

export function buildPeers(at: Place, shapes: readonly PeerShape[], report: Report): readonly PeerConfig[] {
  checkTwins(at, ['peers'], shapes, ({ name }) => name, report);
  return shapes.map(({ name, url, token_file: tokenFile, ca, server_name: serverName, share }, i) => {
    const plain = url.startsWith('http:');
    for (const [key, value] of Object.entries({ ca, server_name: serverName }))
      if (plain && value !== undefined)
        report('error', at, `peer ${name}: ${key} means nothing without https`, ['peers', i, key]);
    if (plain && tokenFile !== undefined && !isLoopback(hostOf(url)))
      report('warning', at, `peer ${name}: ${CLEAR}: use https`, ['peers', i]);
    if (share && tokenFile === undefined)
      report('error', at, `peer ${name}: share makes changes there, and needs a token_file with a token of the role change`, [
        'peers',
        i,
        'share',
      ]);
    return { name, url, tokenFile, ca, serverName, share };
  });
}
