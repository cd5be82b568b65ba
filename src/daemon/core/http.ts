/** Keeps the API served over HTTP as the configuration says; what cannot be served is a problem of `status`, and tried again. */
import { formatEndpoint } from '../../base/ip.js';
import type { HttpConfig, TokenConfig } from '../../config/control-types.js';
import type { ApiError, ApiEvent, MethodName } from '../../control/api.js';
import type { HttpServer, Tls } from '../../control/http/server.js';
import type { Rights, Token } from '../../control/http/tokens.js';
import { isExposed, readPem, readToken } from '../secrets.js';

/** A port that somebody else has may be free later, and a missing certificate there. */
const RETRY_MS = 10_000;

export interface HttpKeeperOptions {
  readonly config: () => HttpConfig | undefined;
  readonly handle: (method: MethodName, params: unknown, caller: { readonly name: string }) => Promise<unknown>;
  readonly toError: (error: unknown) => ApiError | undefined;
  readonly warn: (text: string) => void;
  /** Standing problems that `status` shows. */
  readonly problems: Set<string>;
}

export interface HttpKeeper {
  /** The configuration, or a file that it names, may be another. Never rejects. */
  apply(): Promise<void>;
  publish(event: ApiEvent): void;
  close(): Promise<void>;
}

interface Material {
  readonly rights: Rights;
  readonly tls: Tls | undefined;
}

type Library = typeof import('../../control/http/server.js');

function tokenFrom({ name, role, secret }: TokenConfig, digestOf: Library['digestOf']): Token {
  const digest =
    secret.kind === 'sha256' ? Buffer.from(secret.digest, 'hex') : digestOf(readToken(`the file of token ${name}`, secret.file));
  return { name, role, digest };
}

/** Throws an Error of one sentence. */
function materialOf({ anonymous, tokens, tls }: HttpConfig, { digestOf }: Library): Material {
  const rights = { anonymous, tokens: tokens.map((one) => tokenFrom(one, digestOf)) };
  if (!tls) return { rights, tls: undefined };
  const { certificate, key, clientCa } = tls;
  const ca = clientCa === undefined ? {} : { ca: readPem('client_ca', clientCa) };
  return { rights, tls: { cert: readPem('the certificate', certificate), key: readPem('the key', key), ...ca } };
}

/** Whoever can read a token is who it says. */
const exposedFiles = ({ tokens, tls }: HttpConfig): string[] =>
  [...tokens.flatMap(({ secret }) => (secret.kind === 'file' ? [secret.file] : [])), ...(tls ? [tls.key] : [])]
    .filter(isExposed)
    .map((file) => `${file} is open to others than its owner: chmod 600`);

/** A listener that differs in this is another one. */
const keyOf = (config: HttpConfig, i: number): string => {
  const { address, port } = config.listen[i] as HttpConfig['listen'][number];
  const how = config.tls ? (config.tls.clientCa === undefined ? 'https' : 'https with client_ca') : 'http';
  return `${how} ${formatEndpoint(address, port)}`;
};

export function createHttpKeeper(options: HttpKeeperOptions): HttpKeeper {
  const { handle, toError, warn, problems } = options;
  const servers = new Map<string, HttpServer>();
  let told: readonly string[] = [];
  let retry: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  let closed = false;

  function tellProblems(next: readonly string[]): void {
    for (const text of told) if (!next.includes(text)) problems.delete(text);
    for (const text of next) {
      if (!told.includes(text)) warn(text);
      problems.add(text);
    }
    told = next;
    if (next.length > 0 && !closed) retry = setTimeout(() => void apply(), RETRY_MS).unref();
  }

  async function closeOthers(wanted: readonly string[]): Promise<void> {
    for (const [key, server] of servers) {
      if (wanted.includes(key)) continue;
      servers.delete(key);
      await server.close();
    }
  }

  /** What cannot be served, each a sentence; one address that is not there keeps the others from nobody. */
  async function serve(config: HttpConfig, library: Library): Promise<string[]> {
    const { rights, tls } = materialOf(config, library);
    const keys = config.listen.map((_one, i) => keyOf(config, i));
    await closeOthers(keys);
    const troubles: string[] = [];
    for (const [i, listen] of config.listen.entries()) {
      const key = keys[i] as string;
      const there = servers.get(key);
      if (there) there.renew(rights, tls);
      else
        await library.createHttpServer({ listen, tls, rights, handle, toError, warn }).then(
          (server) => servers.set(key, server),
          (error: Error) => troubles.push(error.message),
        );
    }
    return troubles;
  }

  /** Old rights and certificates stay where the new ones cannot be read. */
  async function troublesOf(config: HttpConfig | undefined): Promise<string[]> {
    try {
      if (config) return [...(await serve(config, await import('../../control/http/server.js'))), ...exposedFiles(config)];
      await closeOthers([]);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }

  async function settle(): Promise<void> {
    clearTimeout(retry);
    const config = closed ? undefined : options.config();
    tellProblems((await troublesOf(config)).map((text) => `http: ${text}`));
  }

  function apply(): Promise<void> {
    turn = turn.then(settle);
    return turn;
  }

  return {
    apply,
    publish(event) {
      for (const server of servers.values()) server.publish(event);
    },
    close() {
      closed = true;
      return apply();
    },
  };
}
