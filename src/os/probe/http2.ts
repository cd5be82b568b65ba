/** HTTP/2 (RFC 9113) on a connection of a probe, by Node.js: one request, and what comes back as events. */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection } from './connection.js';
import { shakeHands, type TlsRequest } from './tls.js';

export type Http2Fields = Readonly<Record<string, string>>;

export interface Http2Request {
  readonly fields: Http2Fields;
  /** Absent: none. */
  readonly body?: Uint8Array;
}

export type Http2Event =
  | { readonly kind: 'head'; readonly status: number; readonly fields: IncomingHttpHeaders }
  /** A piece; it must not be kept. */
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  /** The answer is whole. */
  | { readonly kind: 'end'; readonly trailers: IncomingHttpHeaders }
  /** It is none, or not a whole one; nothing follows. */
  | { readonly kind: 'error'; readonly reason: string };

/** Megabytes that only who checks with HTTP/2 pays for. */
const http2 = () => process.getBuiltinModule('node:http2');

/** MB that a server can make a connection hold, the least that Node.js takes. */
const MAX_MEMORY = 1;
/** RFC 9113, 7. */
const CODES = (
  'NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR REFUSED_STREAM ' +
  'CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED'
).split(' ');
const codeName = (code: number): string => CODES[code] ?? `error ${code}`;

const RESET = 'connection reset before the answer was complete';
const NOT_HTTP2 = 'the answer is not HTTP/2: a server that speaks HTTP/1.1 alone?';
const CLOSED = 'connection closed by the server before the answer was complete';

/** What is known of a connection when it ends too early. */
interface Seen {
  /** The server's SETTINGS, its first words. */
  settings: boolean;
  /** Code of its GOAWAY. */
  farewell: number;
}

function describe(error: NodeJS.ErrnoException | undefined, code: number, seen: Seen): string {
  if (error?.code === 'ECONNRESET' || error?.code === 'EPIPE') return RESET;
  if (seen.farewell !== 0) return `HTTP/2: the server ended the connection with ${codeName(seen.farewell)}`;
  if (error?.code === 'ERR_HTTP2_ERROR') return seen.settings ? `HTTP/2: ${error.message}` : NOT_HTTP2;
  if (error?.code === 'ERR_HTTP2_STREAM_ERROR') return `HTTP/2: the request ended with ${codeName(code)}`;
  return CLOSED;
}

/** The events of one stream; 1xx answers are passed over. */
function listen(session: ClientHttp2Session, stream: ClientHttp2Stream, emit: (event: Http2Event) => void): void {
  const seen: Seen = { settings: false, farewell: 0 };
  let headed = false;
  let trailers: IncomingHttpHeaders = {};
  const head = (fields: IncomingHttpHeaders) => {
    headed = true;
    emit({ kind: 'head', status: Number(fields[':status']), fields });
  };
  const fail = (error?: Error) => emit({ kind: 'error', reason: describe(error, stream.rstCode ?? 0, seen) });
  session.on('remoteSettings', () => {
    seen.settings = true;
  });
  session.on('goaway', (code) => {
    seen.farewell = code;
  });
  session.on('error', fail);
  stream.on('error', fail);
  stream.on('response', head);
  // A final answer without a body that follows an interim one comes under this name too.
  stream.on('trailers', (fields) => {
    if (headed) trailers = fields;
    else head(fields);
  });
  stream.on('data', (bytes: Buffer) => emit({ kind: 'body', bytes }));
  // A stream that was cut off ends like a whole one, but for its code.
  stream.on('end', () => !stream.aborted && stream.rstCode === 0 && headed && emit({ kind: 'end', trailers }));
  // CANCEL is no error to Node.js, and what it gives to the streams of a connection that has gone.
  stream.on('close', () => {
    const reason = session.destroyed ? CLOSED : `HTTP/2: the request ended with ${codeName(stream.rstCode ?? 0)}`;
    emit({ kind: 'error', reason });
  });
}

function speak(socket: Duplex, connection: Connection, { fields, body }: Http2Request, emit: (event: Http2Event) => void): void {
  const options = { createConnection: () => socket, maxSessionMemory: MAX_MEMORY, settings: { enablePush: false } };
  // The authority is in the fields: this one is only for the form.
  const session = http2().connect('http://localhost', options);
  connection.handOver(() => {
    session.destroy();
    socket.destroy();
  });
  const stream = session.request(fields, { endStream: body === undefined });
  let over = false;
  listen(session, stream, (event) => {
    if (over) return;
    over = event.kind === 'end' || event.kind === 'error';
    connection.outcome.guard(() => emit(event));
  });
  if (body !== undefined) stream.end(body);
}

/** Asks in the clear, behind `header`. Ends in one `end` or `error`, or with the outcome. */
export function askInClear(
  connection: Connection,
  header: Uint8Array,
  request: Http2Request,
  emit: (event: Http2Event) => void,
): void {
  const socket = new Socket({ fd: connection.fd });
  connection.handOver(() => socket.destroy());
  socket.on('error', () => {});
  if (header.length > 0) socket.write(header);
  speak(socket, connection, request, emit);
}

/** Asks over TLS, where the server must choose HTTP/2; `note` hears what is to be said of its certificate. */
export function askOverTls(
  connection: Connection,
  tls: TlsRequest,
  request: Http2Request,
  note: (text: string) => void,
  emit: (event: Http2Event) => void,
): void {
  shakeHands(connection, { ...tls, alpn: 'h2' }, (socket, text) => {
    note(text);
    speak(socket, connection, request, emit);
  });
}
