/** VRIDs are 1..255 (RFC 9568 section 5.2.3). */
const MOST = 255;

/** The next one above `taken` that `used` does not have, from 1 again behind the last; undefined: all are used. */
export function freeVrid(taken: number, used: ReadonlySet<number>): number | undefined {
  for (let step = 1; step < MOST; step++) {
    const one = ((taken - 1 + step) % MOST) + 1;
    if (!used.has(one)) return one;
  }
  return undefined;
}
