/** Signed adverts of an instance, in words: for `lbctl vrrp` and `why`. */
import type { ApiSigning } from './api-vrrp.js';

const OTHERS = {
  receive_only: 'takes signed and unsigned adverts',
  permissive: 'takes unsigned adverts too',
  enforce: 'takes signed adverts only',
} as const;

function ownText({ mode, keys, active_key: active }: ApiSigning): string {
  const all = keys.join(', ');
  if (mode === 'receive_only') return `does not sign yet (has ${keys.length === 1 ? 'key' : 'keys'} ${all})`;
  return `signs with key ${active}${keys.length === 1 ? '' : ` (of ${all})`}`;
}

function heardText({ address, key, clock_behind_seconds: behind, last_seconds: last }: ApiSigning['heard'][number]): string {
  const clock = Math.abs(behind) > 1 ? `, its clock ${Math.abs(behind)}s ${behind < 0 ? 'ahead' : 'behind'}` : '';
  return `${address} ${key === null ? 'does not sign' : `signs with key ${key}`}${clock}, heard ${Math.round(last)}s ago`;
}

/** `signs with key 2 (of 1, 2), takes signed adverts only; 192.0.2.3 signs with key 1, heard 1s ago` */
export const signingText = (signing: ApiSigning): string =>
  [`${ownText(signing)}, ${OTHERS[signing.mode]}`, ...signing.heard.map(heardText)].join('; ');
