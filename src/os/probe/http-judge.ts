/** What an HTTP answer means to a check, decided as early as it can be. */
import { createHash } from 'node:crypto';
import { formatEndpoint } from '../../base/ip.js';
import { VERSION } from '../../base/version.js';
import type { HttpProbe, HttpsProbe } from '../../config/types.js';
import {
  createHttpReader,
  createMatcher,
  encodeRequest,
  type HttpEvent,
  type HttpReader,
  mergeHeaders,
} from '../../wire/http.js';
import { MAX_SEARCHED, regexOf } from './expectation.js';
import type { Http2Fields } from './http2.js';
import type { Target } from './types.js';

type Settings = HttpProbe | HttpsProbe;

export interface Answer {
  readonly ok: boolean;
  readonly reason: string;
}

/** Methods whose request says how long its body is. */
const WITH_BODY = ['POST', 'PUT'];
const OWN_PORT = { http: ':80', https: ':443' };
export const USER_AGENT = `lbd/${VERSION}`;

/** The real server's address, with its port where that is not the scheme's own. */
function hostOf(scheme: 'http' | 'https', { address, port }: Target): string {
  const authority = formatEndpoint(address, port);
  const own = OWN_PORT[scheme];
  return authority.endsWith(own) ? authority.slice(0, -own.length) : authority;
}

/** By targets, which are one object as long as the check is; so are its settings. */
const requests = new WeakMap<Target, { readonly probe: Settings; readonly bytes: Uint8Array }>();

/** The request as HTTP/1.1, the same with every probe of a check: not to be changed. */
export function probeRequest(probe: Settings, target: Target): Uint8Array {
  const known = requests.get(target);
  if (known?.probe === probe) return known.bytes;
  const bytes = makeRequest(probe, target);
  requests.set(target, { probe, bytes });
  return bytes;
}

function makeRequest(probe: Settings, target: Target): Uint8Array {
  const method = probe.method ?? 'GET';
  const base: (readonly [string, string])[] = [
    ['Host', probe.host ?? hostOf(probe.type, target)],
    ['User-Agent', USER_AGENT],
    ['Accept', '*/*'],
    ['Connection', 'close'],
    ...(WITH_BODY.includes(method) ? [['Content-Length', '0'] as const] : []),
  ];
  return encodeRequest({ method, path: probe.path, headers: mergeHeaders(base, probe.headers) });
}

/** The same request as header fields of HTTP/2, names in small letters; of two with one name the last. */
export function probeFields(probe: Settings, target: Target): Http2Fields {
  const method = probe.method ?? 'GET';
  const { host, ...own } = Object.fromEntries(probe.headers.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    ':method': method,
    ':scheme': probe.type,
    ':authority': host ?? probe.host ?? hostOf(probe.type, target),
    ':path': probe.path,
    'user-agent': USER_AGENT,
    accept: '*/*',
    ...(WITH_BODY.includes(method) && { 'content-length': '0' }),
    ...own,
  };
}

/** One thing that the body must have. */
interface Want {
  /** True when it has been found. */
  push(bytes: Uint8Array): boolean;
  /** At the end of the body, where it was not found before. */
  end(): boolean;
  readonly missing: string;
}

function wantText(body: string): Want {
  const matcher = createMatcher(body);
  return { push: (bytes) => matcher.push(bytes), end: () => false, missing: `does not contain ${JSON.stringify(body)}` };
}

/** An expression may speak of the end, so it is asked there alone. */
function wantMatch(source: string): Want {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(bytes) {
      text += decoder.decode(bytes, { stream: true });
      return false;
    },
    end: () => regexOf(source).test(text),
    missing: `does not match /${source}/`,
  };
}

function wantDigest(digest: string): Want {
  const [kind = '', expected = ''] = digest.split(':');
  const hash = createHash(kind);
  return {
    push(bytes) {
      hash.update(bytes);
      return false;
    },
    end: () => hash.digest('hex') === expected,
    missing: `has another ${kind} digest`,
  };
}

const wantsOf = ({ body, regex, digest }: Settings): Want[] => [
  ...(body ? [wantText(body)] : []),
  ...(regex === undefined ? [] : [wantMatch(regex)]),
  ...(digest === undefined ? [] : [wantDigest(digest)]),
];

/** Judges what is pushed as HTTP/1.1; `decided` is called once. */
export const createJudge = (probe: Settings, decided: (answer: Answer) => void): HttpReader =>
  createHttpReader(createEventJudge(probe, decided));

/** Judges an answer of either version, event by event; `decided` is called once. */
export function createEventJudge(probe: Settings, decided: (answer: Answer) => void): (event: HttpEvent) => void {
  let open = wantsOf(probe);
  let status = 0;
  let read = 0;
  let over = false;
  const decide = (ok: boolean, reason: string) => {
    if (!over) decided({ ok, reason });
    over = true;
  };
  const found = () => decide(true, `HTTP ${status}`);
  const missing = (where: string) => decide(false, `HTTP ${status}, but ${where} ${open[0]?.missing}`);

  const onHead = () => {
    const accepted = probe.status.some(([from, to]) => status >= from && status <= to);
    if (!accepted || open.length === 0) decide(accepted, `HTTP ${status}`);
  };
  const onBody = (bytes: Uint8Array) => {
    if (over) return;
    const piece = bytes.subarray(0, MAX_SEARCHED - read);
    open = open.filter((want) => !want.push(piece));
    read += bytes.length;
    if (open.length === 0) found();
    else if (read >= MAX_SEARCHED) onEnd('the first MiB of the body');
  };
  const onEnd = (where: string) => {
    if (over) return;
    open = open.filter((want) => !want.end());
    if (open.length === 0) found();
    else missing(where);
  };
  return (event) => {
    switch (event.kind) {
      case 'head':
        status = event.status;
        return onHead();
      case 'body':
        return onBody(event.bytes);
      case 'end':
        return onEnd('the body');
      case 'error':
        return decide(false, status === 0 ? event.reason : `HTTP ${status}, but ${event.reason}`);
    }
  };
}
