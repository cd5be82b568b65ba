/** Whose a service is that the kernel has under a key that lbd wants: lbd's, adopted at the first start of all, or somebody else's. */
import type { Ownership } from './ownership.js';
import { collisionText } from './refusal.js';

export interface Claims {
  /** Whether the service may be lbd's. `isThere`: the kernel has it; asked only when it is not lbd's yet. */
  claim(key: string, isThere: () => boolean): boolean;
  /** Nobody knows what was lbd's before: the first table takes what it finds under the names that it wants. */
  adopting(): boolean;
  collides(key: string): boolean;
  /** The place is free, or nobody wants it any more. */
  forget(key: string): void;
  /** Makes somebody else's services lbd's; those that were. */
  takeOver(keys: readonly string[]): string[];
  text(key: string): string | undefined;
}

export interface ClaimsOptions {
  readonly owned: Ownership;
  /** The first table has been applied. */
  readonly applied: () => boolean;
  readonly nameOf: (key: string) => string;
  readonly tell: (subject: string, text: string) => void;
}

export function createClaims({ owned, applied, nameOf, tell }: ClaimsOptions): Claims {
  const collisions = new Set<string>();
  const adopting = () => owned.fresh && !applied();
  return {
    claim(key, isThere) {
      if (owned.keys.has(key) || !isThere()) return true;
      if (adopting()) {
        // What the kernel has becomes lbd's with this, connections and all.
        tell(nameOf(key), 'adopted: the kernel has this service already');
        owned.add([key]);
        return true;
      }
      if (!collisions.has(key)) tell(nameOf(key), collisionText(key, nameOf(key)));
      collisions.add(key);
      return false;
    },
    adopting,
    collides: (key) => collisions.has(key),
    forget: (key) => void collisions.delete(key),
    takeOver(keys) {
      const taken = keys.filter((key) => collisions.delete(key));
      owned.add(taken);
      return taken;
    },
    text: (key) => (collisions.has(key) ? collisionText(key, nameOf(key)) : undefined),
  };
}
