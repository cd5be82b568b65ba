/**
 * Slow start: the weight of a server that comes back, or is new, grows in even steps from a twentieth to the whole. What counts is its
 * share beside the others: where nobody has his whole weight, all grow by what the foremost lacks.
 */
import type { Milliseconds } from '../base/duration.js';
import type { Instant } from '../base/time.js';

export const RAMP_STEPS = 20;

export interface Ramp {
  readonly since: Instant;
  readonly span: Milliseconds;
}

/** 1 to RAMP_STEPS; linear, and never ahead of time but for the first step. */
export function stepOf({ since, span }: Ramp, now: Instant): number {
  // At a step's own time it has come, whatever binary fractions make of it.
  const step = Math.floor(((now - since) / span) * RAMP_STEPS + 1e-9);
  return Math.min(RAMP_STEPS, Math.max(1, step));
}

export const hasEnded = ({ since, span }: Ramp, now: Instant): boolean => now >= since + span;

/** When the next step is due; past the end: now. */
export function nextStep(ramp: Ramp, now: Instant): Instant {
  const step = stepOf(ramp, now);
  return hasEnded(ramp, now) ? now : ramp.since + (Math.max(1, step) + 1) * (ramp.span / RAMP_STEPS);
}

/** Of a server at `step` where the foremost is at `foremost`; at least 1 of a positive weight, at most all of it. */
export function rampedWeight(full: number, step: number, foremost: number): number {
  if (full <= 1 || step >= foremost) return full;
  return Math.max(1, Math.floor((full * step) / foremost));
}
