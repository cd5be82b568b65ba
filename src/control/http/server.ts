/** The API over HTTP and HTTPS: routes.ts, with the rights of tokens.ts. Loaded only where `global.http` is configured. */
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Endpoint } from '../../base/ip.js';
import { formatEndpoint } from '../../base/ip.js';
import type { ApiError, ApiEvent, MethodName } from '../api.js';
import { wishOf } from '../event-filter.js';
import { createFollower, type Follower } from './follow.js';
import { readParams } from './request.js';
import { PREFIX, ROUTES, type Route } from './routes.js';
import { admit, type Rights } from './tokens.js';

export { digestOf } from './tokens.js';

const BODY_LIMIT = 1 << 20;
/** A configuration of tens of thousands of real servers. */
const TEXT_LIMIT = 16 << 20;
const WITH_TEXT: readonly MethodName[] = ['plan', 'apply'];
/** A request must be there, whole, by then; how long its answer takes is the daemon's affair. */
const REQUEST_MS = 10_000;
const CONNECTIONS = 256;
const FOLLOWERS = 64;

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Clients must have a certificate of this authority. */
  readonly ca?: string;
}

export interface HttpServerOptions {
  readonly listen: Endpoint;
  /** Undefined: plain HTTP. */
  readonly tls: Tls | undefined;
  readonly rights: Rights;
  readonly handle: (method: MethodName, params: unknown, caller: { readonly name: string }) => Promise<unknown>;
  /** The answer for a refusal that `handle` throws; undefined for anything unexpected. */
  readonly toError: (error: unknown) => ApiError | undefined;
  readonly warn: (text: string) => void;
}

export interface HttpServer {
  /** The one that was asked for, or the kernel's choice for 0. */
  readonly port: number;
  publish(event: ApiEvent): void;
  /** Other rights and certificates, from the next request and connection on. */
  renew(rights: Rights, tls: Tls | undefined): void;
  close(): Promise<void>;
}

const STATUS: Readonly<Record<ApiError['code'], number>> = {
  bad_request: 400,
  stale: 412,
  refused: 409,
  invalid_config: 422,
  unavailable: 503,
};

interface Denial {
  readonly code: ApiError['code'] | 'unauthorized' | 'forbidden' | 'not_found';
  readonly message: string;
}

const deny = (reply: FastifyReply, status: number, error: Denial) => reply.code(status).send({ error });

const document = (): string => readFileSync(new URL('./openapi.json', import.meta.url), 'utf8');

const requestedStream = ({ headers }: FastifyRequest): boolean => headers.accept?.includes('text/event-stream') === true;

const tlsOptions = ({ cert, key, ca }: Tls): ServerOptions => ({
  cert,
  key,
  handshakeTimeout: REQUEST_MS,
  ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
});

/** One listener at work. */
interface Served {
  readonly options: HttpServerOptions;
  readonly followers: Set<Follower>;
  rights: Rights;
}

/** Answers the request itself when it may not be done. */
function admitted(served: Served, need: Route['role'], { headers }: FastifyRequest, reply: FastifyReply): string | undefined {
  const admission = admit(served.rights, need, headers);
  if ('who' in admission) return admission.who;
  if (admission.status === 401) reply.header('www-authenticate', 'Bearer realm="lbd"');
  deny(reply, admission.status, { code: admission.status === 401 ? 'unauthorized' : 'forbidden', message: admission.message });
  return undefined;
}

async function answer(served: Served, route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const who = admitted(served, route.role, request, reply);
  if (who === undefined) return reply;
  const stream = route.method === 'events' && requestedStream(request);
  const read = readParams(route, {
    path: request.params as Record<string, string>,
    query: request.query as Record<string, string>,
    body: request.body,
  });
  if ('wrong' in read) return deny(reply, STATUS.bad_request, { code: 'bad_request', message: read.wrong });
  return stream ? follow(served, read.params, request, reply, who) : ask(served, route.method, read.params, who, reply);
}

async function ask(served: Served, method: MethodName, params: unknown, who: string, reply: FastifyReply): Promise<FastifyReply> {
  try {
    const result = await served.options.handle(method, params, { name: who });
    return reply.header('cache-control', 'no-store').send(result ?? {});
  } catch (error) {
    return failed(served, method, error, reply);
  }
}

function failed(served: Served, method: MethodName, error: unknown, reply: FastifyReply): FastifyReply {
  const known = served.options.toError(error);
  if (known) return deny(reply, STATUS[known.code], known);
  const text = error instanceof Error ? error.message : String(error);
  served.options.warn(`http: ${method} failed unexpectedly: ${error instanceof Error ? (error.stack ?? text) : text}`);
  return deny(reply, 503, { code: 'unavailable', message: `${method} failed: ${text}` });
}

async function follow(
  served: Served,
  params: Readonly<Record<string, unknown>>,
  request: FastifyRequest,
  reply: FastifyReply,
  who: string,
): Promise<FastifyReply> {
  if (served.followers.size >= FOLLOWERS)
    return deny(reply, 503, { code: 'unavailable', message: `${FOLLOWERS} programs follow the events already` });
  const seen = Number(request.headers['last-event-id']);
  const since = Number.isSafeInteger(seen) && seen > 0 ? { since: seen } : {};
  const follower = createFollower(reply.raw, wishOf(params), (why) =>
    served.options.warn(`http: the follower ${who} was dropped: ${why}`),
  );
  served.followers.add(follower);
  reply.raw.on('close', () => served.followers.delete(follower));
  try {
    const { events } = (await served.options.handle('events', { ...since, ...params }, { name: who })) as { events: ApiEvent[] };
    reply.hijack();
    follower.begin(events);
    return reply;
  } catch (error) {
    served.followers.delete(follower);
    return failed(served, 'events', error, reply);
  }
}
/** What Node.js itself refuses before there is a request, by its code. */
const MALFORMED: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers of the request are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', `the request was not there, whole, within ${REQUEST_MS / 1000} s`],
};

function refuseUnread({ code = '' }: { readonly code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, message] = MALFORMED[code] ?? ['400 Bad Request', 'the request is not HTTP/1.1'];
  const body = JSON.stringify({ error: { code: 'bad_request', message } satisfies Denial });
  const head = [`HTTP/1.1 ${status}`, 'content-type: application/json; charset=utf-8', `content-length: ${body.length}`];
  socket.end(`${[...head, 'connection: close'].join('\r\n')}\r\n\r\n${body}`);
}

/** In the words of this API, where fastify's do not say what to do. */
const REFUSED: Readonly<Record<number, string>> = {
  413: 'the body of the request is too large: 1 MiB may be, of plan and apply 16 MiB',
  415: 'the body of the request must be JSON: content-type: application/json',
};

/** What fastify itself refuses: a body that is no JSON or too long, a path that cannot be decoded. */
function refuseMalformed(app: FastifyInstance, warn: (text: string) => void): void {
  app.setErrorHandler((error: { statusCode?: number; message: string; stack?: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) warn(`http: ${error.stack ?? error.message}`);
    return deny(reply, status, {
      code: status >= 500 ? 'unavailable' : 'bad_request',
      message: REFUSED[status] ?? error.message,
    });
  });
  app.setNotFoundHandler((request, reply) =>
    deny(reply, 404, {
      code: 'not_found',
      message: `there is no ${request.method} ${request.url.split('?')[0]}: ${PREFIX}/openapi.json has all`,
    }),
  );
}

function createApp(served: Served): FastifyInstance {
  const { tls, warn } = served.options;
  const common = {
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error: Error, _request: unknown, reply: unknown) =>
      void deny(reply as FastifyReply, 400, { code: 'bad_request', message: error.message }),
  } as const;
  const app = (tls ? fastify({ ...common, https: tlsOptions(tls) }) : fastify(common)) as unknown as FastifyInstance;
  app.server.maxConnections = CONNECTIONS;
  // A client may say that it sends JSON and send nothing.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else app.getDefaultJsonParser('error', 'error')(request, body as string, done);
  });
  refuseMalformed(app, warn);
  for (const route of ROUTES) {
    const url = `${PREFIX}${route.path}`;
    const bodyLimit = WITH_TEXT.includes(route.method) ? TEXT_LIMIT : BODY_LIMIT;
    app.route({ method: route.verb, url, bodyLimit, handler: (request, reply) => answer(served, route, request, reply) });
  }
  app.get(`${PREFIX}/openapi.json`, (request, reply) => {
    if (admitted(served, 'read', request, reply) === undefined) return reply;
    return reply.type('application/json').send(document());
  });
  return app;
}

/** Rejects with an Error of one clear sentence when it cannot listen. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const served: Served = { options, followers: new Set(), rights: options.rights };
  const { address, port } = options.listen;
  let app: FastifyInstance;
  try {
    app = createApp(served);
    await app.listen({ host: address, port, ipv6Only: address.includes(':') });
  } catch (error) {
    throw new Error(`cannot serve the API on ${formatEndpoint(address, port)}: ${(error as Error).message}`);
  }
  return {
    port: (app.server.address() as AddressInfo).port,
    publish(event) {
      for (const follower of served.followers) follower.publish(event);
    },
    renew(rights, tls) {
      // Throws where key and certificate do not belong together: then all stays as it was.
      if (tls) (app.server as unknown as { setSecureContext(options: ServerOptions): void }).setSecureContext(tlsOptions(tls));
      served.rights = rights;
    },
    async close() {
      for (const follower of served.followers) follower.end();
      await app.close();
    },
  };
}
