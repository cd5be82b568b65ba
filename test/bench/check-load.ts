/** lbd's own checks alone, without IPVS: a program inside a network namespace, told what to check and asked what it cost. */
import type { CheckConfig, ProbeConfig } from '../../src/config/types.js';
import { createCheckRunner } from '../../src/daemon/check/scheduler.js';
import { checkSpec } from '../../src/health/key.js';
import { now } from '../../src/os/clock.js';
import { startProbe } from '../../src/os/probe/index.js';
import { serve } from '../netns/netns.js';
import { type CheckKind, farmAddress, SERVER_PORT } from './texts.js';

export interface LoadReport {
  readonly results: number;
  readonly failed: number;
  /** Seconds of CPU of this process, and of time. */
  readonly cpu: number;
  readonly seconds: number;
  /** The latest start after its beat, milliseconds, of the last half minute at least. */
  readonly latest: number;
}

const TIMING = { interval: 1000, jitter: 5, timeout: 1000, rise: 1, fall: 2 };

const probeOf = (kind: CheckKind): ProbeConfig =>
  kind === 'http'
    ? { type: 'http', path: '/', host: undefined, headers: [], status: [[200, 299]], body: undefined }
    : { type: kind };

let results = 0;
let failed = 0;
const runner = createCheckRunner({
  now,
  startProbe,
  onVerdict: () => {},
  onResult: (_key, { ok }) => {
    results++;
    if (!ok) failed++;
  },
});

/** Replaces what was checked before. */
function check(kind: CheckKind, count: number): void {
  const config: CheckConfig = { ...probeOf(kind), ...TIMING };
  const specs = Array.from({ length: count }, (_none, i) => checkSpec(config, farmAddress(i), SERVER_PORT));
  runner.reconcile(specs, () => ({}));
}

async function measure(ms: number): Promise<LoadReport> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const before = { results, failed };
  await new Promise((resolve) => setTimeout(resolve, ms));
  const { user, system } = process.cpuUsage(cpu);
  return {
    results: results - before.results,
    failed: failed - before.failed,
    cpu: (user + system) / 1e6,
    seconds: (performance.now() - began) / 1000,
    latest: runner.load().latest,
  };
}

process.once('disconnect', () => process.exit(0));
serve({ check, measure });
