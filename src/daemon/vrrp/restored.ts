/** Tells that addresses were put back: the first time, then once a minute; somebody may fight for them. */
import { type Instant, NEVER } from '../../base/time.js';
import type { HeldAddress } from '../../config/types.js';

/** Least time between two lines about the same trouble. */
export const TELL_EVERY_MS = 60_000;

export interface Restored {
  tell(added: readonly HeldAddress[], now: Instant): void;
}

export function createRestored(interfaceName: () => string, tell: (text: string) => void): Restored {
  let times = 0;
  let toldAt: Instant = -NEVER;
  return {
    tell(added, now) {
      times++;
      if (now - toldAt < TELL_EVERY_MS) return;
      const again = times > 1 ? ` (${times} times by now)` : '';
      toldAt = now;
      const addresses = added.map((one) => one.address).join(', ');
      tell(`${addresses} had been removed from ${added[0]?.dev ?? interfaceName()} and was added again${again}`);
    },
  };
}
