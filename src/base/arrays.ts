/** Helpers on arrays of numbers that need no Node.js. */

type Numbers = Int32Array | Uint32Array | Float64Array | Uint8Array;

/** Twice as long, with what it held in front; the rest is 0. */
export function doubled<T extends Numbers>(array: T): T {
  const next = new (array.constructor as new (length: number) => T)(2 * array.length);
  next.set(array);
  return next;
}
