/** Checks: their defaults, and the rules of their times. */
import { formatDuration } from '../base/duration.js';
import type { Path } from './document.js';
import type { Located, Report } from './located.js';
import type { CheckShape, TimingShape } from './schema-service.js';
import type { CheckConfig, CheckTiming } from './types.js';

const TIMING: CheckTiming = { interval: 2000, timeout: 1000, rise: 1, fall: 2 };

export type PartialTiming = NonNullable<TimingShape> | undefined;

/** Nearest first: the check's own, the service's, the defaults', the built-in. */
function timingOf(...levels: readonly PartialTiming[]): CheckTiming {
  const pick = <K extends keyof CheckTiming>(key: K) => levels.find((level) => level?.[key] !== undefined)?.[key] ?? TIMING[key];
  return { interval: pick('interval'), timeout: pick('timeout'), rise: pick('rise'), fall: pick('fall') };
}

const DEFAULT_STATUS: CheckStatus = [[200, 299]];
type CheckStatus = readonly (readonly [number, number])[];

export function buildCheck(shape: CheckShape, levels: readonly PartialTiming[]): CheckConfig {
  const timing = timingOf(shape, ...levels);
  switch (shape.type) {
    case 'icmp':
      return { type: 'icmp', ...timing };
    case 'tcp':
      return { type: 'tcp', port: shape.port, ...timing };
    case 'http':
      return {
        type: 'http',
        port: shape.port,
        path: shape.path ?? '/',
        host: shape.host,
        headers: Object.entries(shape.headers ?? {}),
        status: shape.status ?? DEFAULT_STATUS,
        body: shape.body,
        ...timing,
      };
  }
}

export function checkTimes(checks: readonly CheckConfig[], at: Located<unknown>, below: Path, report: Report): void {
  for (const check of checks) {
    if (check.timeout <= check.interval) continue;
    report(
      'error',
      at,
      `the check's timeout (${formatDuration(check.timeout)}) is longer than its interval (${formatDuration(check.interval)})`,
      below,
    );
  }
}
