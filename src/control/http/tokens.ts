/** Who may do what over HTTP: bearer tokens (RFC 6750 section 2.1) of two roles, compared by their digests in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface Token {
  readonly name: string;
  readonly role: 'read' | 'change';
  /** SHA-256 of the token, 32 bytes. */
  readonly digest: Uint8Array;
}

export interface Rights {
  /** What a request without a token may do. */
  readonly anonymous: 'read' | 'none';
  readonly tokens: readonly Token[];
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

export type Admission = { readonly who: string } | Refusal;

export const digestOf = (token: string): Uint8Array => createHash('sha256').update(token).digest();

const SCHEME = /^Bearer +([^\s]+)$/i;

/**
 * A page of a browser that was led here by a name of its own (DNS rebinding) sends that name. Who has a token is no such page; who has
 * none must have called us by an address or as localhost.
 */
function isOwnName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || isIP(name) !== 0;
}

function tokenOf(tokens: readonly Token[], word: string): Token | undefined {
  const digest = digestOf(word);
  // All are looked at: how long it takes says nothing of which one it was.
  return tokens.reduce<Token | undefined>((found, one) => (timingSafeEqual(one.digest, digest) ? one : found), undefined);
}

function anonymous(rights: Rights, need: 'read' | 'change', host: string): Admission {
  if (need === 'change') return { status: 401, message: 'a change needs a token of the role change: Authorization: Bearer …' };
  if (rights.anonymous === 'none') return { status: 401, message: 'a token is needed: Authorization: Bearer …' };
  if (!isOwnName(host)) return { status: 403, message: `without a token call it by its address, or localhost, not as "${host}"` };
  return { who: 'http' };
}

/** `authorization` and `host`: the headers of the request. */
export function admit(
  rights: Rights,
  need: 'read' | 'change',
  headers: { readonly authorization?: string | undefined; readonly host?: string | undefined },
): Admission {
  if (headers.authorization === undefined) return anonymous(rights, need, headers.host ?? '');
  const word = SCHEME.exec(headers.authorization)?.[1];
  if (word === undefined) return { status: 401, message: 'Authorization is "Bearer TOKEN"' };
  const token = tokenOf(rights.tokens, word);
  if (!token) return { status: 401, message: 'unknown token' };
  if (need === 'change' && token.role === 'read')
    return { status: 403, message: `token ${token.name} may read, and change nothing` };
  return { who: `token ${token.name}` };
}
