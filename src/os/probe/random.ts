/** Random bytes for probes, drawn in stock: one draw costs more than a probe. */
import { randomFillSync } from 'node:crypto';

const stock = new Uint8Array(4096);
let used = stock.length;

/** Bytes that nobody can foresee; `length` at most 64. */
export function randomToken(length: number): Uint8Array {
  if (used + length > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  used += length;
  return stock.slice(used - length, used);
}
