/** How the API is served over HTTP, and where that of the other directors is. */
import type { Endpoint } from '../base/ip.js';

/** `read`: sees everything; `change`: may change it, too. */
export const ROLES = ['read', 'change'] as const;
export type Role = (typeof ROLES)[number];

export interface TokenConfig {
  /** Its changes carry this name. */
  readonly name: string;
  readonly role: Role;
  /** Its first line is the token; or the SHA-256 of the token, 64 hexadecimal digits. */
  readonly secret: { readonly kind: 'file'; readonly file: string } | { readonly kind: 'sha256'; readonly digest: string };
}

export interface HttpConfig {
  readonly listen: readonly Endpoint[];
  /** PEM files; undefined: plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string | undefined } | undefined;
  /** What a request without a token may do. */
  readonly anonymous: 'read' | 'none';
  readonly tokens: readonly TokenConfig[];
}

/** Another director. */
export interface PeerConfig {
  readonly name: string;
  /** `https://192.0.2.3:8405`, no path. */
  readonly url: string;
  /** A file whose first line is the token; undefined: it lets everybody read. */
  readonly tokenFile: string | undefined;
  /** PEM file of who signs its certificate; undefined: the ones that Node.js knows. */
  readonly ca: string | undefined;
  /** The name in its certificate; undefined: that of the url. */
  readonly serverName: string | undefined;
  /** Changes that are made here at run time are made there, too. */
  readonly share: boolean;
}
