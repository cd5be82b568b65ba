/** What the importer of one kind of block is given. */
import type { Globals } from './globals.js';
import type { RootBlocks } from './roots.js';
import type { Importing } from './walk.js';

export interface Given extends Importing {
  readonly blocks: RootBlocks;
  readonly globals: Globals;
}
