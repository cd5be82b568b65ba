/** What `lbctl status -o json` says, for tests that look again and again. */
import { connect } from 'node:net';
import type { ApiStatus } from '../../src/control/api.js';

/** One call on the control socket, without the cost of starting lbctl. */
export function askStatus(path: string): Promise<ApiStatus> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.once('connect', () => socket.write('{"id":1,"method":"status","params":{}}\n'));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (!text.includes('\n')) return;
      socket.destroy();
      const answer = JSON.parse(text) as { result?: ApiStatus; error?: { message: string } };
      if (answer.result) resolve(answer.result);
      else reject(new Error(answer.error?.message ?? 'no result'));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
  });
}
