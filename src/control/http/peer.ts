/** The API of another director: one question, one answer, one hard deadline. */
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { MethodName, Methods } from '../api.js';
import { hasBody, PREFIX, pathParams, ROUTES, type Route } from './routes.js';

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
type Plain = 'status' | 'brief' | 'list' | 'stats' | 'vrrp' | 'doctor';

const PLAIN = new Map(ROUTES.filter(({ verb, path }) => verb === 'GET' && !path.includes(':')).map((one) => [one.method, one]));
const CHANGES = new Map(ROUTES.filter(({ role }) => role === 'change').map((one) => [one.method, one]));

/** It has understood, and does not do it: asking once more changes nothing. */
export class PeerRefusal extends Error {}

/** Other than the ways of a token that is not known, or of a part that does not answer. */
const REFUSALS = [400, 404, 409, 422];

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
  const why = typeof error?.message === 'string' ? `it refuses: ${error.message}` : `it answers with HTTP status ${status}`;
  throw REFUSALS.includes(status) ? new PeerRefusal(why) : new Error(why);
}

interface Question {
  readonly verb: string;
  readonly url: URL;
  readonly body: string | undefined;
}

function open({ verb, url, body }: Question, peer: PeerAddress, signal: AbortSignal): ClientRequest {
  const headers = {
    accept: 'application/json',
    ...(peer.token === undefined ? {} : { authorization: `Bearer ${peer.token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  const common = { method: verb, headers, signal, agent: false } as const;
  if (url.protocol === 'http:') return plainRequest(url, common);
  const { ca, serverName: servername } = peer;
  return tlsRequest(url, { ...common, ...(ca === undefined ? {} : { ca }), ...(servername === undefined ? {} : { servername }) });
}

function exchange(question: Question, peer: PeerAddress, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = open(question, peer, signal);
    request.on('error', reject);
    request.on('response', (response) => {
      textOf(response)
        .then((text) => parse(response.statusCode ?? 0, text))
        .then(resolve, reject);
    });
    request.end(question.body);
  });
}

async function ask(peer: PeerAddress, question: Question): Promise<unknown> {
  const signal = AbortSignal.timeout(PEER_MS);
  try {
    return await exchange(question, peer, signal);
  } catch (error) {
    if (error instanceof PeerRefusal) throw new PeerRefusal(`${peer.name}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    const why = signal.aborted ? `no answer within ${PEER_MS / 1000} s` : (CURES[code ?? ''] ?? message);
    throw new Error(`${peer.name} (${peer.url}) cannot be asked: ${why}`);
  }
}

/** Rejects with an Error of one sentence that names the peer. */
export function askPeer<M extends Plain & MethodName>(peer: PeerAddress, method: M): Promise<Methods[M]['result']> {
  const url = new URL(`${PREFIX}${PLAIN.get(method)?.path}`, peer.url);
  return ask(peer, { verb: 'GET', url, body: undefined }) as Promise<Methods[M]['result']>;
}

function questionOf(route: Route, base: string, params: Readonly<Record<string, unknown>>): Question {
  const named = pathParams(route.path);
  const path = route.path.replace(/:([a-z_]+)/g, (_all, name: string) => encodeURIComponent(String(params[name])));
  const rest = Object.entries(params).filter(([name, value]) => !named.includes(name) && value !== undefined);
  const url = new URL(`${PREFIX}${path}`, base);
  if (hasBody(route)) return { verb: route.verb, url, body: JSON.stringify(Object.fromEntries(rest)) };
  for (const [name, value] of rest) url.searchParams.set(name, String(value));
  return { verb: route.verb, url, body: undefined };
}

/**
 * Has another director do a change. Rejects with a PeerRefusal when it understood and does not, and with an Error when it could not be
 * asked; each is one sentence that names the peer.
 */
export function tellPeer<M extends MethodName>(
  peer: PeerAddress,
  method: M,
  params: Methods[M]['params'],
): Promise<Methods[M]['result']> {
  const route = CHANGES.get(method);
  if (!route) throw new Error(`${method} is no change`);
  return ask(peer, questionOf(route, peer.url, params as Readonly<Record<string, unknown>>)) as Promise<Methods[M]['result']>;
}
