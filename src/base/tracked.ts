/** What a VRRP instance may track, and how it is named. */

/** `virtual_server`: up while its quorum is met. */
export type TrackedKind = 'interface' | 'script' | 'process' | 'file' | 'virtual_server';

/** `script chk_nginx`: what one is to people, and to everybody who watches it. */
export const trackedKey = ({ kind, name }: { readonly kind: TrackedKind; readonly name: string }): string =>
  `${kind === 'virtual_server' ? 'virtual server' : kind} ${name}`;
