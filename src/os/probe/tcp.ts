/** The tcp checker: the handshake completes. */
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import type { Probe, Target } from './types.js';

export const startTcp = (target: Target, done: (result: ProbeResult) => void): Probe =>
  connectProbe(target, done, (_fd, outcome) => outcome.succeed('connected'));
