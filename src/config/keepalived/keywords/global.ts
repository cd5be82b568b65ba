/** Keywords of global_defs. */
import type { Block } from './types.js';

export const GLOBAL: readonly Block[] = [];
