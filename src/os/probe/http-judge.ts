/** What an HTTP answer means to a check, decided as early as it can be. */
import { formatEndpoint } from '../../base/ip.js';
import { VERSION } from '../../base/version.js';
import type { HttpProbe } from '../../config/types.js';
import { createHttpReader, createMatcher, encodeGet, type HttpEvent, type HttpReader, mergeHeaders } from '../../wire/http.js';
import type { Target } from './types.js';

/** Bytes of the body that are searched. */
export const MAX_BODY = 1024 * 1024;

export interface Answer {
  readonly ok: boolean;
  readonly reason: string;
}

export function probeRequest(probe: HttpProbe, { address, port }: Target): Uint8Array {
  const authority = formatEndpoint(address, port);
  const host = port === 80 ? authority.slice(0, -':80'.length) : authority;
  const base: (readonly [string, string])[] = [
    ['Host', probe.host ?? host],
    ['User-Agent', `lbd/${VERSION}`],
    ['Accept', '*/*'],
    ['Connection', 'close'],
  ];
  return encodeGet({ path: probe.path, headers: mergeHeaders(base, probe.headers) });
}

/** Judges what is pushed; `decided` is called once. */
export function createJudge(probe: HttpProbe, decided: (answer: Answer) => void): HttpReader {
  const matcher = probe.body ? createMatcher(probe.body) : undefined;
  let status = 0;
  let read = 0;
  let over = false;
  const decide = (ok: boolean, reason: string) => {
    if (!over) decided({ ok, reason });
    over = true;
  };
  const missing = (where: string) => decide(false, `HTTP ${status}, but ${where} does not contain ${JSON.stringify(probe.body)}`);

  const onHead = () => {
    const accepted = probe.status.some(([from, to]) => status >= from && status <= to);
    if (!accepted || !matcher) decide(accepted, `HTTP ${status}`);
  };
  const onBody = (bytes: Uint8Array) => {
    if (over) return;
    if (matcher?.push(bytes.subarray(0, MAX_BODY - read))) decide(true, `HTTP ${status}`);
    read += bytes.length;
    if (read >= MAX_BODY) missing('the first MiB of the body');
  };
  return createHttpReader((event: HttpEvent) => {
    switch (event.kind) {
      case 'head':
        status = event.status;
        return onHead();
      case 'body':
        return onBody(event.bytes);
      case 'end':
        return missing('the body');
      case 'error':
        return decide(false, status === 0 ? event.reason : `HTTP ${status}, but ${event.reason}`);
    }
  });
}
