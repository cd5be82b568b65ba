import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ApiEvent, MethodName } from '../../../src/control/api.js';
import { askPeer } from '../../../src/control/http/peer.js';
import { hasBody, PREFIX, ROUTES, type Route } from '../../../src/control/http/routes.js';
import { createHttpServer, digestOf, type HttpServer, type HttpServerOptions } from '../../../src/control/http/server.js';
import { CANNED, EVENTS, FakeRefusal } from '../../fake/control.js';

const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../test/golden/tls/${name}`, import.meta.url)), 'utf8');
const TOKENS = { reader: 'a-token-to-read-with', writer: 'a-token-to-change-with' };
const RIGHTS = {
  anonymous: 'read' as const,
  tokens: [
    { name: 'reader', role: 'read' as const, digest: digestOf(TOKENS.reader) },
    { name: 'writer', role: 'change' as const, digest: digestOf(TOKENS.writer) },
  ],
};

interface Asked {
  readonly method: MethodName;
  readonly params: unknown;
  readonly who: string;
}

async function serve(options: Partial<HttpServerOptions> = {}) {
  const asked: Asked[] = [];
  const warnings: string[] = [];
  const server = await createHttpServer({
    listen: { address: '127.0.0.1', port: 0 },
    tls: undefined,
    rights: RIGHTS,
    async handle(method, params, { name }) {
      asked.push({ method, params, who: name });
      return (CANNED[method] as (p: unknown) => unknown)(params);
    },
    toError: (error) => (error instanceof FakeRefusal ? error.error : undefined),
    warn: (text) => void warnings.push(text),
    ...options,
  });
  return { server, asked, warnings };
}

interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

function ask(
  { port }: HttpServer,
  verb: string,
  path: string,
  { token, host, body }: { token?: string | undefined; host?: string; body?: string } = {},
): Promise<Told> {
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(host === undefined ? {} : { host }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port, method: verb, path: `${PREFIX}${path}`, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as unknown }),
        );
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

const messageOf = ({ body }: Told): string => (body as { error: { message: string } }).error.message;

/** What each parameter of a route may be, for a request that is well-formed. */
const SAMPLES: Readonly<Record<string, string>> = {
  service: 'web',
  rs: '10.0.0.21:80',
  instance: 'VI_1',
  target: 'web',
  host: '10.0.0.21',
};
const BODIES: Readonly<Partial<Record<MethodName, object>>> = {
  add_vs: { name: 'w', address: '192.0.2.10:80', persistence: 60, dry_run: true },
  add_rs: { rs: '10.0.0.9:80', weight: 3, reason: 'more' },
  set_rs: { weight: '50%' },
  set_vs: { scheduler: 'rr', persistence: 60, unset: 'quorum' },
  set_state: { state: 'drain', deadline: 60 },
  set_host: { state: 'drain' },
  failover: { for: 60 },
  changes: { changes: [{ method: 'set_rs', params: { service: 'web', rs: '10.0.0.21:80', weight: '3' } }], expected_revision: 7 },
  apply: { text: 'virtual_servers: []', confirm: 60 },
  plan: { text: 'virtual_servers: []' },
  rollback: { revision: 6 },
};

const pathOf = ({ path }: Route): string => path.replace(/:([a-z_]+)/g, (_all, name: string) => SAMPLES[name] as string);
const bodyOf = (route: Route): { body?: string } => (hasBody(route) ? { body: JSON.stringify(BODIES[route.method] ?? {}) } : {});

describe('the API over HTTP', () => {
  let it: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    it = await serve();
  });
  after(() => it.server.close());

  for (const route of ROUTES) {
    const { verb, path, method, role } = route;
    test(`${verb} ${path} is ${method}, with its parameters, and needs the right to ${role}`, async () => {
      it.asked.length = 0;
      const answer = await ask(it.server, verb, pathOf(route), { token: TOKENS.writer, ...bodyOf(route) });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const named = [...path.matchAll(/:([a-z_]+)/g)].map(([, name]) => [name, SAMPLES[name as string]]);
      const params = { ...Object.fromEntries(named), ...(hasBody(route) ? BODIES[method] : {}) };
      assert.deepEqual(it.asked, [{ method, params, who: 'token writer' }]);
      const reader = await ask(it.server, verb, pathOf(route), { token: TOKENS.reader, ...bodyOf(route) });
      assert.equal(reader.status, role === 'read' ? 200 : 403);
      const nobody = await ask(it.server, verb, pathOf(route), bodyOf(route));
      assert.equal(nobody.status, role === 'read' ? 200 : 401);
      assert.equal(it.asked.length, role === 'read' ? 3 : 1);
    });
  }

  const REFUSED: readonly (readonly [verb: string, path: string, body: string | undefined, status: number, RegExp])[] = [
    ['GET', '/nothing', undefined, 404, /no GET \/api\/v1\/nothing/],
    ['GET', '/services/%zz', undefined, 400, /not a valid url/],
    ['GET', '/services/mail', undefined, 409, /unknown service "mail"/],
    ['GET', '/services?counters=perhaps', undefined, 400, /"counters" of list must be true or false/],
    ['GET', '/services?host=a&host=b', undefined, 400, /"host" of list must be a text/],
    ['GET', '/events?since=-1', undefined, 400, /"since" of events must be a whole number/],
    ['GET', '/services/web?service=dns', undefined, 400, /stands in the path already/],
    ['GET', '/why/crash', undefined, 503, /a bug of the daemon/],
    ['POST', '/services', '{"name":', 400, /not valid JSON/],
    ['POST', '/services', '[1]', 400, /the body is a JSON object/],
    ['POST', '/services', '{"name":"w"}', 400, /add_vs needs the parameter "address"/],
    ['POST', '/services', '{"name":"w","address":"a","__proto__":1}', 400, /not valid JSON/],
    ['POST', '/services?name=w', '{"address":"a"}', 400, /not from the query/],
    ['POST', '/changes', '{"changes":[]}', 400, /a list of 1 to \d+ objects/],
    ['POST', '/changes', '{"changes":[{"method":"reload"}]}', 400, /change 1: the method is one of add_rs, /],
    [
      'POST',
      '/changes',
      '{"changes":[{"method":"del_vs","params":{"service":"a","dry_run":true}}]}',
      400,
      /"dry_run" is said of all/,
    ],
    ['POST', '/changes', '{"changes":[{"method":"del_vs","params":{}}]}', 400, /change 1: del_vs needs the parameter "service"/],
    ['POST', '/reload', '{"reason":"broken"}', 422, /has 1 errors/],
    ['POST', '/reload', `{"reason":"${'x'.repeat(2 << 20)}"}`, 413, /too large/],
  ];
  for (const [verb, path, body, status, message] of REFUSED) {
    test(`${verb} ${path} ${body?.slice(0, 40) ?? ''} is refused with ${status} and one sentence`, async () => {
      const answer = await ask(it.server, verb, path, { token: TOKENS.writer, ...(body === undefined ? {} : { body }) });
      assert.deepEqual([answer.status, messageOf(answer).includes('\n')], [status, false]);
      assert.match(messageOf(answer), message);
    });
  }

  test('a service is also found by its key, percent-encoded', async () => {
    const { body } = await ask(it.server, 'GET', '/services/tcp%2F192.0.2.10:80');
    assert.equal((body as { services: { name: string }[] }).services[0]?.name, 'web');
  });

  test('an unknown token is refused though everybody may read, and by whatever name it calls', async () => {
    assert.equal((await ask(it.server, 'GET', '/status', { token: 'nonsense' })).status, 401);
    const rebound = await ask(it.server, 'GET', '/status', { host: 'evil.example:8405' });
    assert.equal(rebound.status, 403);
    for (const host of ['localhost:8405', '127.0.0.1:1', '[::1]:8405'])
      assert.equal((await ask(it.server, 'GET', '/status', { host })).status, 200, host);
    assert.equal((await ask(it.server, 'GET', '/status', { host: 'lbd.example', token: TOKENS.reader })).status, 200);
  });

  test('the OpenAPI document is valid, has every route, and every answer is as it says', async () => {
    const { body } = await ask(it.server, 'GET', '/openapi.json');
    const document = body as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
      components: object;
    };
    const found = await new Validator().validate(structuredClone(document));
    assert.ok(found.valid, JSON.stringify(found.errors));
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ ...document, $id: 'lbd' });
    for (const route of ROUTES) {
      const path = `${PREFIX}${route.path.replace(/:([a-z_]+)/g, '{$1}')}`;
      const pointer = ['paths', path, route.verb.toLowerCase(), 'responses', '200', 'content', 'application/json', 'schema'];
      const ref = `lbd#/${pointer
        .map((one) => one.replace(/~/g, '~0').replace(/\//g, '~1'))
        .map(encodeURIComponent)
        .join('/')}`;
      const check = ajv.compile({ $ref: ref });
      const answer = await ask(it.server, route.verb, pathOf(route), { token: TOKENS.writer, ...bodyOf(route) });
      assert.ok(check(answer.body), `${route.verb} ${path}: ${JSON.stringify(check.errors)}`);
      assert.equal(check({ nonsense: true }), false, `${path} takes anything`);
    }
  });
});

/** Reads the stream of events until it has so many. */
function follow({ port }: HttpServer, count: number, headers: Record<string, string> = {}, query = ''): Promise<ApiEvent[]> {
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        path: `${PREFIX}/events${query}`,
        headers: { accept: 'text/event-stream', ...headers },
        agent: false,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          const data = [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, json]) => JSON.parse(json as string) as ApiEvent);
          if (data.length < count) return;
          resolve(data);
          response.destroy();
        });
        response.on('error', () => {});
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

describe('the stream of events', () => {
  const event = (id: number): ApiEvent => ({ id, at: '', kind: 'table', subject: 'web', text: 'x' });

  test('what there was, what came while it was gathered, and what comes, nothing twice', async () => {
    let release: () => void = () => {};
    const gathered = new Promise<void>((resolve) => {
      release = resolve;
    });
    let began: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      began = resolve;
    });
    const { server } = await serve({
      async handle() {
        began();
        await gathered;
        return { events: [event(1), event(2)] };
      },
    });
    const events = follow(server, 4);
    await asked;
    server.publish(event(2));
    server.publish(event(3));
    release();
    setImmediate(() => setImmediate(() => server.publish(event(4))));
    assert.deepEqual(
      (await events).map(({ id }) => id),
      [1, 2, 3, 4],
    );
    await server.close();
  });

  test('one who comes again goes on where he was', async () => {
    const { server } = await serve();
    const events = await follow(server, 1, { 'last-event-id': '2' });
    assert.deepEqual(events, EVENTS.slice(2));
    await server.close();
  });

  test('what was asked for alone, also when there was more than may wait otherwise', async () => {
    const long = 'x'.repeat(100_000);
    const past = Array.from({ length: 40 }, (_, i) => ({ ...event(i + 1), text: long }));
    const wanted = { ...event(42), kind: 'vrrp' };
    const { server, warnings } = await serve({
      async handle() {
        setImmediate(() => [event(41), wanted].map(server.publish));
        return { events: past };
      },
    });
    const events = await follow(server, 41, {}, '?kind=vrrp&since=0');
    assert.deepEqual(events.slice(40), [wanted]);
    assert.deepEqual(warnings, []);
    await server.close();
  });

  test('what is no request, or none that can be read, is refused in the same form', async () => {
    const { server } = await serve();
    const raw = (text: string) =>
      new Promise<string>((resolve) => {
        let said = '';
        const socket = connectSocket({ host: '127.0.0.1', port: server.port });
        socket.on('data', (chunk) => {
          said += chunk.toString();
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(said));
        socket.write(text);
      });
    const token = `authorization: Bearer ${TOKENS.writer}\r\nconnection: close`;
    const refused: readonly (readonly [text: string, status: number, message: RegExp])[] = [
      ['lbd?\r\n\r\n', 400, /^the request is not HTTP\/1\.1$/],
      [`GET ${PREFIX}/status HTTP/1.1\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`, 431, /headers .* too long/],
      [
        `POST ${PREFIX}/reload HTTP/1.1\r\nhost: a\r\n${token}\r\ncontent-type: text/xml\r\ncontent-length: 4\r\n\r\n<a/>`,
        415,
        /must be JSON/,
      ],
      [
        `POST ${PREFIX}/reload HTTP/1.1\r\nhost: a\r\n${token}\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n`,
        413,
        /too large: 1 MiB/,
      ],
    ];
    for (const [text, status, message] of refused) {
      const [head = '', body = ''] = (await raw(text)).split('\r\n\r\n');
      assert.ok(head.startsWith(`HTTP/1.1 ${status} `), head);
      const { error, ...rest } = JSON.parse(body);
      assert.deepEqual([rest, error.code], [{}, 'bad_request']);
      assert.match(error.message, message);
    }
    await server.close();
  });

  test('an end of the server ends the streams, and a client that says nothing keeps nobody', async () => {
    const { server } = await serve();
    const silent = connectSocket({ host: '127.0.0.1', port: server.port });
    const gone = new Promise((resolve) => silent.on('close', resolve));
    silent.on('error', () => {});
    await new Promise((resolve) => silent.on('connect', resolve));
    await follow(server, 3);
    await server.close();
    await gone;
  });
});

describe('another director', () => {
  const peer = (url: string, more = {}) => ({
    name: 'd2',
    url,
    token: TOKENS.reader,
    ca: undefined,
    serverName: undefined,
    ...more,
  });
  const asked = (address: Parameters<typeof askPeer>[0]) =>
    askPeer(address, 'status').then(
      ({ router_id }) => router_id,
      ({ message }: Error) => message,
    );

  test('is asked over TLS, by its certificate, with a token; each trouble is one sentence with its name', async () => {
    const tls = { cert: pem('server.pem'), key: pem('server.key') };
    const { server } = await serve({ tls, rights: { ...RIGHTS, anonymous: 'none' } });
    const url = `https://127.0.0.1:${server.port}`;
    const ca = pem('ca.pem');
    assert.equal(await asked(peer(url, { ca })), 'd1');
    assert.equal(await asked(peer(url, { ca, serverName: 'web.test' })), 'd1');
    assert.match(await asked(peer(url, { ca, serverName: 'other.test' })), /^d2 \(https:.*\) cannot be asked: .*other\.test/);
    assert.match(await asked(peer(url)), /cannot be asked: its certificate is signed by nobody that is known here/);
    assert.match(await asked(peer(url, { ca, token: undefined })), /it refuses: a token is needed/);
    assert.match(await asked(peer(url, { ca, token: 'wrong' })), /it refuses: unknown token/);
    await server.close();
    assert.match(await asked(peer(url, { ca })), /nobody listens there/);
  });

  test('a certificate and tokens are renewed while it listens', async () => {
    const { server } = await serve({ tls: { cert: pem('expired.pem'), key: pem('expired.key') } });
    const url = `https://127.0.0.1:${server.port}`;
    const ca = pem('ca.pem');
    assert.match(await asked(peer(url, { ca })), /expired/);
    server.renew({ anonymous: 'none', tokens: [] }, { cert: pem('server.pem'), key: pem('server.key') });
    assert.match(await asked(peer(url, { ca })), /unknown token/);
    server.renew(RIGHTS, { cert: pem('server.pem'), key: pem('server.key') });
    assert.equal(await asked(peer(url, { ca })), 'd1');
    const mixed = { cert: pem('server.pem'), key: pem('client.key') };
    assert.throws(() => server.renew({ anonymous: 'none', tokens: [] }, mixed), /key values mismatch/);
    assert.equal(await asked(peer(url, { ca })), 'd1', 'what cannot be taken changes nothing');
    await server.close();
  });

  test('something else that listens there is told from a director', async () => {
    const { server } = await serve({ handle: async () => 'nonsense' });
    const url = `http://127.0.0.1:${server.port}`;
    assert.match(await asked(peer(url)), /what answers there is no lbd/);
    await server.close();
  });
});

test('a port that somebody has is one sentence', async () => {
  const { server } = await serve();
  const { port } = server;
  await assert.rejects(
    serve({ listen: { address: '127.0.0.1', port } }),
    /^Error: cannot serve the API on 127.0.0.1:\d+: .*EADDRINUSE/,
  );
  await server.close();
});
