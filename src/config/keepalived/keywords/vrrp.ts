/** Keywords of VRRP, tracking, static entries and BFD. */
import type { Block } from './types.js';

export const VRRP: readonly Block[] = [];
