/** What the importer of one kind of block is given. */
import type { Globals } from './globals.js';
import type { RootBlocks } from './roots.js';
import type { Statement } from './types.js';
import type { Importing } from './walk.js';

export interface Given extends Importing {
  readonly blocks: RootBlocks;
  /** Which of the blocks comes first in the text, includes and all. */
  readonly order: ReadonlyMap<Statement, number>;
  readonly globals: Globals;
}
