/** Filters that the kernel runs before a packet wakes us: classic BPF (linux/filter.h), instructions of eight bytes. */
import { viewOf } from '../base/bytes.js';
import type { Family } from '../base/ip.js';
import { LITTLE_ENDIAN } from './sockaddr.js';

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

/** X = four times the low half of the first byte: the length of the IPv4 header. */
const LOAD_IP4_LENGTH = 0xb1;
const LOAD_HALF = 0x28;
const LOAD_HALF_FROM_X = 0x48;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const WHOLE_PACKET = 0xffff_ffff;

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * program.length);
  const view = viewOf(bytes);
  for (const [i, [code, jumpTrue, jumpFalse, value]] of program.entries()) {
    view.setUint16(8 * i, code, LITTLE_ENDIAN);
    view.setUint8(8 * i + 2, jumpTrue);
    view.setUint8(8 * i + 3, jumpFalse);
    view.setUint32(8 * i + 4, value, LITTLE_ENDIAN);
  }
  return bytes;
}

/** Lets TCP segments to this port through. A raw IPv4 socket's packets begin with the IP header, those of an IPv6 one behind it. */
export function portFilter(family: Family, port: number): Uint8Array {
  const load: readonly Instruction[] =
    family === 4
      ? [
          [LOAD_IP4_LENGTH, 0, 0, 0],
          [LOAD_HALF_FROM_X, 0, 0, 2],
        ]
      : [[LOAD_HALF, 0, 0, 2]];
  return encode([...load, [JUMP_IF_EQUAL, 0, 1, port], [RETURN, 0, 0, WHOLE_PACKET], [RETURN, 0, 0, 0]]);
}
