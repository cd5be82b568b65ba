/** Control messages as a 64-bit kernel lays them out: struct cmsghdr { size_t len; int level; int type; }, data, padding to 8 bytes. */
import { viewOf } from '../base/bytes.js';
import type { RecvMeta } from './native.js';
import { LITTLE_ENDIAN } from './sockaddr.js';

const HEADER = 16;

/** The data of the first message of this level and type in what recv left in `meta`; a window: copy what is kept. */
export function controlMessage(meta: RecvMeta, level: number, type: number): Uint8Array | undefined {
  const control = meta.control.subarray(0, meta.controlLength);
  const view = viewOf(control);
  for (let at = 0; at + HEADER <= control.length; ) {
    const length = Number(view.getBigUint64(at, LITTLE_ENDIAN));
    if (length < HEADER || at + length > control.length) return undefined;
    if (view.getInt32(at + 8, LITTLE_ENDIAN) === level && view.getInt32(at + 12, LITTLE_ENDIAN) === type)
      return control.subarray(at + HEADER, at + length);
    at += (length + 7) & ~7;
  }
  return undefined;
}
