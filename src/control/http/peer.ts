/** The API of another director: one question, one answer, one hard deadline. */
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { MethodName, Methods } from '../api.js';
import { PREFIX, ROUTES } from './routes.js';

export interface PeerAddress {
  readonly name: string;
  readonly url: string;
  readonly token: string | undefined;
  /** PEM text of who signs its certificate; undefined: the authorities that Node.js knows. */
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
}

/** From the first byte that is sent to the last one that came. */
export const PEER_MS = 5000;
/** A table of 10,000 services is 30 MB. */
const ANSWER_LIMIT = 64 << 20;

const CURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there: is its global.http set, and lbd running?',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ENOTFOUND: 'its name is unknown',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody that is known here: name it in ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by nobody that is known here: name the authority in ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by nobody that is known here: name the authority in ca',
};

/** What can be asked with no word beside. */
type Plain = 'status' | 'list' | 'stats' | 'vrrp' | 'doctor';

const PATHS = new Map(
  ROUTES.filter(({ verb, path }) => verb === 'GET' && !path.includes(':')).map((one) => [one.method, one.path]),
);

function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > ANSWER_LIMIT) response.destroy(new Error(`its answer is longer than ${ANSWER_LIMIT} bytes`));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    response.on('error', reject);
    response.on('aborted', () => reject(new Error('it broke off in the middle of its answer')));
  });
}

function parse(status: number, text: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`what answers there is no lbd (HTTP status ${status})`);
  }
  if (status === 200) return answer;
  const { error } = (answer ?? {}) as { error?: { message?: unknown } };
  throw new Error(typeof error?.message === 'string' ? `it refuses: ${error.message}` : `it answers with HTTP status ${status}`);
}

function open(url: URL, peer: PeerAddress, signal: AbortSignal): ClientRequest {
  const headers = { accept: 'application/json', ...(peer.token === undefined ? {} : { authorization: `Bearer ${peer.token}` }) };
  const common = { headers, signal, agent: false } as const;
  if (url.protocol === 'http:') return plainRequest(url, common);
  const { ca, serverName: servername } = peer;
  return tlsRequest(url, { ...common, ...(ca === undefined ? {} : { ca }), ...(servername === undefined ? {} : { servername }) });
}

function exchange(url: URL, peer: PeerAddress, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = open(url, peer, signal);
    request.on('error', reject);
    request.on('response', (response) => {
      textOf(response)
        .then((text) => parse(response.statusCode ?? 0, text))
        .then(resolve, reject);
    });
    request.end();
  });
}

/** Rejects with an Error of one sentence that names the peer. */
export async function askPeer<M extends Plain & MethodName>(peer: PeerAddress, method: M): Promise<Methods[M]['result']> {
  const signal = AbortSignal.timeout(PEER_MS);
  try {
    return (await exchange(new URL(`${PREFIX}${PATHS.get(method)}`, peer.url), peer, signal)) as Methods[M]['result'];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = signal.aborted ? `no answer within ${PEER_MS / 1000} s` : (CURES[code ?? ''] ?? message);
    throw new Error(`${peer.name} (${peer.url}) cannot be asked: ${why}`);
  }
}
