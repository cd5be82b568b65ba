/** Every keyword of keepalived, in the block where it may stand. */
import { GLOBAL } from './global.js';
import { LVS } from './lvs.js';
import { ROOT } from './root.js';
import type { Block, Keyword } from './types.js';
import { VRRP } from './vrrp.js';

export const BLOCKS: readonly Block[] = [ROOT, ...GLOBAL, ...LVS, ...VRRP];

const byBlock: ReadonlyMap<string, ReadonlyMap<string, Keyword>> = new Map(
  BLOCKS.map(({ name, words }) => [name, new Map(words.map((one) => [one.word, one]))]),
);

/** The keywords of a block, by their spelling. Throws when nobody has said which those are. */
export function keywordsOf(block: string): ReadonlyMap<string, Keyword> {
  const found = byBlock.get(block);
  if (!found) throw new Error(`no keywords are listed for the block ${block}`);
  return found;
}
