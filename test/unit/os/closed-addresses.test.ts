/** A kernel that refuses: what it says, and that nothing of a batch is waited for then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClosedAddresses } from '../../../src/os/closed-addresses.js';
import type { Transport } from '../../../src/os/netlink.js';
import {
  beginMessage,
  createWriter,
  endMessage,
  NLMSG_ERROR,
  putBytes,
  readMessages,
  written,
} from '../../../src/wire/netlink.js';

const PORT = 77;

/** Answers each message that it is sent with this errno. */
function refusing(errno: number): { transport: Transport; sent: number[] } {
  const sent: number[] = [];
  let answer: Uint8Array | undefined;
  const transport: Transport = {
    port: PORT,
    send(data) {
      const [first] = readMessages(data) ?? [];
      assert.ok(first);
      sent.push(first.type);
      const writer = createWriter();
      const start = beginMessage(writer, NLMSG_ERROR, 0, first.sequence);
      putBytes(writer, new Uint8Array(new Int32Array([-errno]).buffer));
      putBytes(writer, data.subarray(0, 16));
      endMessage(writer, start);
      answer = written(writer).slice();
      return data.length;
    },
    receive(buffer) {
      if (!answer) return { length: -11, sender: 0, truncated: false };
      buffer.set(answer);
      const { length } = answer;
      answer = undefined;
      return { length, sender: 0, truncated: false };
    },
    wait: () => answer !== undefined,
    close: () => undefined,
  };
  return { transport, sent };
}

const GETGEN = (10 << 8) | 16;

for (const [errno, text] of [
  [22, /EINVAL: this kernel has no nf_tables: modprobe nf_tables, or leave accept: false out/],
  [1, /EPERM: it takes CAP_NET_ADMIN/],
] as const) {
  test(`errno ${errno}: ${text.source}`, () => {
    const { transport, sent } = refusing(errno);
    assert.throws(() => openClosedAddresses(() => transport).apply([{ address: '192.0.2.10' }]), text);
    assert.deepEqual(sent, [GETGEN], 'no batch, whose refusal would be answered to nobody');
  });
}
