/** What global_defs says that other blocks need to know. */
import type { RootBlocks } from './roots.js';
import type { Importing } from './walk.js';

export interface Globals {
  /** script_user: the user of programs that name none; undefined: nobody said. */
  readonly scriptUser: string | undefined;
}

/** Writes what lbd has of global_defs, and gives what others need of it. */
export function readGlobals(_blocks: RootBlocks, _importing: Importing): Globals {
  return { scriptUser: undefined };
}
