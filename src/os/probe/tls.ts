/** TLS on a connection of a probe, by Node.js: the descriptor is ours until the handshake, so that mark, interface and source hold. */
import { readFileSync } from 'node:fs';
import { isIP, Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { TlsSettings } from '../../config/types.js';
import { native } from '../native.js';
import { intValue } from '../sockaddr.js';
import type { Connection } from './connection.js';
import { local, remote } from './reasons.js';
import type { Reader, Stream } from './stream.js';
import type { Target } from './types.js';

export interface TlsRequest {
  readonly settings: TlsSettings;
  /** Server name; undefined: the address. */
  readonly name: string | undefined;
  readonly target: Target;
  /** Sent in the clear before the handshake. */
  readonly header: Uint8Array;
  /** The protocol that the server must choose (ALPN); absent: none is spoken of. */
  readonly alpn?: 'h2';
}

/** The name, or address, in a Host header. */
export const hostName = (host: string | undefined): string | undefined => host?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** Megabytes that only who checks with TLS pays for. */
const tls = () => process.getBuiltinModule('node:tls');

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
/** Certificates are read anew after this time: they are renewed under the same names. */
const CONTEXT_MS = 60_000;
const DAY_MS = 86_400_000;

/** BOUNDED by the different settings of the configuration, and emptied with time. */
const contexts = new Map<string, { readonly context: SecureContext; readonly made: number }>();

const isCertificate = (text: Buffer): boolean => /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(text.toString('latin1'));

/** Throws what reading a file, or its content, says. */
function contextOf({ ca, certificate, key }: TlsSettings): SecureContext {
  const id = JSON.stringify([ca, certificate, key]);
  const known = contexts.get(id);
  if (known && performance.now() - known.made < CONTEXT_MS) return known.context;
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  const authorities = read(ca);
  // Node.js takes a file without any for none, and then blames the server.
  if (authorities && !isCertificate(authorities)) throw new Error(`${ca} holds no certificate (PEM)`);
  const context = tls().createSecureContext({ ca: authorities, cert: read(certificate), key: read(key) });
  for (const [each, { made }] of contexts) if (performance.now() - made >= CONTEXT_MS) contexts.delete(each);
  contexts.set(id, { context, made: performance.now() });
  return context;
}

/** What a user can do about a certificate that was not accepted. */
const CURES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'name its file as tls.ca, or say tls.verify: false',
  SELF_SIGNED_CERT_IN_CHAIN: 'name its authority as tls.ca, or say tls.verify: false',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'name its authority as tls.ca, or say tls.verify: false',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'name its authority as tls.ca, or say tls.verify: false',
  ERR_TLS_CERT_ALTNAME_INVALID: 'give the check the name as tls.sni',
  CERT_NOT_YET_VALID: 'is the clock of this director right?',
};

/** What the words of OpenSSL may mean. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length|unexpected message|record layer|http request/, 'does the port speak TLS?'],
  [/certificate required|bad certificate/, 'the server wants a certificate: tls.certificate and tls.key'],
  [/handshake failure/, 'no version, cipher or certificate that the server takes'],
  [/protocol version|unsupported protocol/, 'the server speaks other versions of TLS'],
];

const NO_HTTP2 = 'TLS: the server does not offer HTTP/2 (h2 by ALPN)';
const CUT_OFF = 'TLS: the server closed the connection during the handshake';

/** With what Node.js adds to an error of OpenSSL. */
type TlsError = NodeJS.ErrnoException & { readonly reason?: string };

function describe(error: TlsError): string {
  const code = error.code ?? '';
  const cure = CURES[code];
  if (cure !== undefined || code.startsWith('CERT_')) return `certificate: ${error.message}${cure ? `; ${cure}` : ''}`;
  if (code === 'ECONNRESET' && /secure TLS connection/.test(error.message)) return CUT_OFF;
  if (code === 'ECONNRESET') return 'connection reset before the answer was complete';
  if (code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') return NO_HTTP2;
  const text = error.reason ?? error.message;
  const meaning = MEANINGS.find(([words]) => words.test(text))?.[1];
  return `TLS: ${text}${meaning ? `: ${meaning}` : ''}`;
}

/** What to say of a certificate that will not do for long. */
function expiry(socket: TLSSocket, warnBefore: number): string {
  const until = Date.parse(socket.getPeerCertificate().valid_to);
  const left = until - Date.now();
  if (!(left < warnBefore)) return '';
  if (left < 0) return '; the certificate has expired';
  const days = Math.floor(left / DAY_MS);
  return `; the certificate expires in ${days === 0 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`}`;
}

/** Shakes hands and calls `secured` with the socket and a note about the certificate; failures are the outcome's. */
export function shakeHands(
  connection: Connection,
  { settings, name, target, header, alpn }: TlsRequest,
  secured: (socket: TLSSocket, note: string) => void,
): void {
  const { fd, outcome } = connection;
  let context: SecureContext;
  try {
    context = contextOf(settings);
  } catch (error) {
    return outcome.fail(local(`tls: ${(error as Error).message}`));
  }
  let secure = false;
  // The last message of a handshake and the request behind it are two writes.
  native.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, intValue(1));
  const raw = new Socket({ fd });
  connection.handOver(() => raw.destroy());
  raw.on('error', () => {});
  if (header.length > 0) raw.write(header);
  const host = settings.sni ?? name ?? target.address;
  const names = isIP(host) ? { host } : { host, servername: host };
  const options = { secureContext: context, rejectUnauthorized: settings.verify, ...(alpn && { ALPNProtocols: [alpn] }) };
  const socket = tls().connect({ socket: raw, ...options, ...names });
  connection.handOver(() => socket.destroy());
  socket.on('error', (error) => outcome.fail(remote(describe(error))));
  socket.on('end', () => secure || outcome.fail(remote(CUT_OFF)));
  socket.once('secureConnect', () => {
    secure = true;
    if (alpn && socket.alpnProtocol !== alpn) outcome.fail(remote(NO_HTTP2));
    else outcome.guard(() => secured(socket, expiry(socket, settings.warnBefore)));
  });
}

/** As shakeHands, for bytes in both directions. */
export function openTls(
  connection: Connection,
  request: TlsRequest,
  reader: Reader,
  secured: (stream: Stream, note: string) => void,
): void {
  const { outcome } = connection;
  shakeHands(connection, request, (socket, note) => {
    socket.on('data', (bytes) => outcome.guard(() => reader.push(bytes)));
    socket.on('end', () => outcome.guard(() => reader.end()));
    secured({ write: (bytes) => void socket.write(bytes) }, note);
  });
}
