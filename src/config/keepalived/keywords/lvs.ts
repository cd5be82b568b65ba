/** Keywords of virtual servers, their real servers and checks. */
import type { Block } from './types.js';

export const LVS: readonly Block[] = [];
