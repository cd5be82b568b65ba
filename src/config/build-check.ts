/** Checks: their defaults, and the rules of their times. */
import { formatDuration } from '../base/duration.js';
import { MAX_SHARE } from '../base/words.js';
import type {
  Expectation,
  Payload,
  ProbeConfig,
  ProbeSocket,
  ProbeStream,
  ScriptProbe,
  ShareBounds,
  TlsSettings,
} from './check-types.js';
import type { Path } from './document.js';
import type { Located, Report } from './located.js';
import type { CheckShape } from './schema-check.js';
import type { TimingShape } from './schema-service.js';
import type { CheckConfig, CheckTiming } from './types.js';

const TIMING = { interval: 2000, jitter: 5, timeout: 1000, rise: 1, fall: 2 } as const;

export type PartialTiming = NonNullable<TimingShape> | undefined;

/** Nearest first: the check's own, the service's, the defaults', the built-in. */
export function timingOf(...levels: readonly PartialTiming[]): CheckTiming {
  const said = <K extends keyof NonNullable<PartialTiming>>(key: K) => levels.find((level) => level?.[key] !== undefined)?.[key];
  // Who says another interval does not mean the special ones of further away.
  const nearest = levels.findIndex((level) => level?.interval !== undefined);
  const near = nearest < 0 ? levels : levels.slice(0, nearest + 1);
  const special = (key: 'interval_down' | 'interval_changing') => near.find((level) => level?.[key] !== undefined)?.[key];
  return {
    interval: said('interval') ?? TIMING.interval,
    intervalDown: special('interval_down'),
    intervalChanging: special('interval_changing'),
    jitter: said('jitter') ?? TIMING.jitter,
    timeout: said('timeout') ?? TIMING.timeout,
    rise: said('rise') ?? TIMING.rise,
    fall: said('fall') ?? TIMING.fall,
  };
}

const DEFAULT_STATUS: CheckStatus = [[200, 299]];
type CheckStatus = readonly (readonly [number, number])[];
const DEFAULT_TLS = { verify: true, warnBefore: 14 * 86_400_000 } as const;
const DEFAULT_QUERY = 'A';

const socketOf = (shape: CheckShape): ProbeSocket => ({
  port: shape.port,
  connect: shape.address,
  source: shape.source,
  interface: shape.interface,
  fwmark: shape.fwmark,
  netns: shape.netns,
  via: shape.via,
});

const streamOf = (shape: CheckShape): ProbeStream => ({ ...socketOf(shape), proxyProtocol: shape.proxy_protocol });

const expectationOf = ({ expect, regex }: CheckShape): Expectation => ({ expect, regex });

function payloadOf({ send, send_hex }: CheckShape): Payload | undefined {
  if (send !== undefined) return { text: send };
  return send_hex === undefined ? undefined : { hex: send_hex };
}

function tlsOf(tls: CheckShape['tls'] = {}): TlsSettings {
  const { verify, ca, certificate, key, sni, warn_before } = tls;
  return {
    verify: verify ?? DEFAULT_TLS.verify,
    ca,
    certificate,
    key,
    sni,
    warnBefore: warn_before ?? DEFAULT_TLS.warnBefore,
  };
}

const httpOf = (shape: CheckShape) => ({
  ...streamOf(shape),
  path: shape.path ?? '/',
  method: shape.method,
  host: shape.host,
  headers: Object.entries(shape.headers ?? {}),
  status: shape.status ?? DEFAULT_STATUS,
  body: shape.body,
  regex: shape.regex,
  digest: shape.digest,
  http2: shape.http2 || undefined,
});

const boundsOf = ({ share }: CheckShape): ShareBounds =>
  share === undefined ? {} : { share: { min: share.min ?? 0, max: share.max ?? MAX_SHARE } };

const scriptOf = (shape: CheckShape): ScriptProbe => ({
  type: 'script',
  port: shape.port,
  netns: shape.netns,
  command: shape.command ?? [],
  user: shape.user ?? 'nobody',
  weight: shape.weight || undefined,
  ...boundsOf(shape),
});

/** The schema has seen to it that what a type needs is there. */
function probeOf(shape: CheckShape): ProbeConfig {
  switch (shape.type) {
    case 'icmp':
      return { type: 'icmp', ...socketOf(shape) };
    case 'tcp':
      return { type: 'tcp', ...streamOf(shape), send: payloadOf(shape), ...expectationOf(shape) };
    case 'tcp_half_open':
      return { type: 'tcp_half_open', ...socketOf(shape) };
    case 'http':
      return { type: 'http', ...httpOf(shape) };
    case 'https':
      return { type: 'https', ...httpOf(shape), tls: tlsOf(shape.tls) };
    case 'grpc': {
      const tls = shape.tls && tlsOf(shape.tls);
      return { type: 'grpc', ...streamOf(shape), service: shape.service ?? '', host: shape.host, tls };
    }
    case 'udp': {
      const send = payloadOf(shape) as Payload;
      return { type: 'udp', ...socketOf(shape), send, ...expectationOf(shape), silence: shape.silence };
    }
    case 'dns':
      return {
        type: 'dns',
        ...socketOf(shape),
        name: shape.name ?? '.',
        query: shape.query ?? DEFAULT_QUERY,
        answer: shape.answer,
      };
    case 'smtp':
      return { type: 'smtp', ...streamOf(shape), helo: shape.helo ?? 'lbd' };
    case 'script':
      return scriptOf(shape);
    case 'file':
      return { type: 'file', file: shape.path ?? '', ...boundsOf(shape) };
    case 'agent':
      return { type: 'agent', ...streamOf(shape), send: payloadOf(shape), ...boundsOf(shape) };
  }
}

/** Settings that were not given are absent, so that a check costs no more memory and no longer key than what it says. */
const dense = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

export const buildCheck = (shape: CheckShape, levels: readonly PartialTiming[]): CheckConfig =>
  dense({ ...probeOf(shape), ...timingOf(shape, ...levels) });

/** Mostly a slip of the pen; keepalived's users have it on purpose: who is refused is found at each beat, who hangs after the timeout. */
export function slowHint({ interval, timeout }: CheckTiming, what = 'check'): string | undefined {
  if (timeout <= interval) return undefined;
  const [long, short] = [formatDuration(timeout), formatDuration(interval)];
  return `the ${what}'s timeout (${long}) is longer than its interval (${short}): a probe that hangs delays the next ones`;
}

function silenceFault(check: CheckTiming & { readonly silence?: number | undefined }): string | undefined {
  const { silence, timeout } = check;
  if (silence === undefined || silence < timeout) return undefined;
  return `the check's silence (${formatDuration(silence)}) must be shorter than its timeout (${formatDuration(timeout)})`;
}

export function checkTimes(checks: readonly CheckConfig[], at: Located<unknown>, below: Path, report: Report): void {
  for (const [i, check] of checks.entries()) {
    // Without a path of its own the check is inherited, and told at the virtual server.
    const place = below.length === 0 ? below : [...below, i];
    const fault = silenceFault(check);
    if (fault !== undefined) report('error', at, fault, place);
    const hint = slowHint(check);
    if (hint !== undefined) report('warning', at, hint, place);
  }
}
