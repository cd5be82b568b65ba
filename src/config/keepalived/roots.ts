/** The blocks of the old file by their kind. */
import type { Statement } from './types.js';

export type RootBlocks = ReadonlyMap<string, readonly Statement[]>;
