/** What keeps an instance from taking part. */
import type { Instant } from '../base/time.js';
import type { Hindrance, VrrpState } from './types.js';

export interface Obstacle extends Hindrance {
  /** The network is there: who was master serves on until another one has taken over. */
  readonly serves: boolean;
}

const cuts = (phase: Obstacle['phase'], reason: string): Obstacle => ({ phase, reason, serves: false });
const isAtWork = ({ phase }: VrrpState): boolean => phase === 'backup' || phase === 'master';

/** Of its own: the interface, what it tracks, the gate. Who is at work does not wait for a first result again. */
export function ownObstacle(state: VrrpState, now: Instant): Obstacle | undefined {
  const { link, gate, tracked } = state;
  if (!link.usable) return cuts(link.wait ? 'init' : 'fault', link.reason);
  if (tracked?.phase === 'fault') return { ...tracked, serves: true };
  if (gate.forwarding === 'unusable') return cuts('fault', `this director cannot forward: ${gate.reason}`);
  if (tracked && !isAtWork(state)) return cuts('init', tracked.reason);
  const waits = gate.forwarding === 'starting' && !state.ran && now < state.gateUntil;
  return waits ? cuts('init', `waits until this director can forward: ${gate.reason}`) : undefined;
}

/** Its own, or that of another instance of its group. */
export function obstacle(state: VrrpState, now: Instant): Obstacle | undefined {
  const own = ownObstacle(state, now);
  if (own?.phase === 'fault' || !state.mates) return own;
  return { ...state.mates, serves: true };
}
