/** Which checks go via: vip, and which way. */
import type { CheckConfig, ProbeConfig } from './check-types.js';
import type { Passage } from './passage.js';

export type ViaCheck = Extract<CheckConfig, { readonly via?: 'vip' | undefined }>;

export const isVia = (check: CheckConfig): check is ViaCheck => 'via' in check && check.via === 'vip';

/** Undefined: the check goes to the real server's own address. */
export const passageOf = (check: ProbeConfig): Passage | undefined => ('passage' in check ? check.passage : undefined);
