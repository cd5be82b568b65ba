/** The Internet checksum of RFC 1071: 16-bit one's complement of the one's complement sum. */

/** The running sum over one more part; a part of odd length counts as padded with a zero byte. */
export function sum16(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  if (even < bytes.length) sum += (bytes[even] as number) << 8;
  return sum;
}

/** Folds a running sum and complements it: the value for the checksum field. */
export function finish16(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

export function checksum16(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) sum = sum16(part, sum);
  return finish16(sum);
}
