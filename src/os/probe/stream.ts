/** The conversation on a connection of ours: what is sent, and what comes back piece by piece. */
import { concatBytes } from '../../base/bytes.js';
import { native } from '../native.js';
import { READABLE, WRITABLE, watch } from '../poller.js';
import type { Connection } from './connection.js';
import { networkFailure, remote } from './reasons.js';

const EINTR = -4;
const EAGAIN = -11;

/** Takes what the server says; judged before the next read, so a piece must not be kept. */
export interface Reader {
  push(bytes: Uint8Array): void;
  /** The server closed the connection. */
  end(): void;
}

export interface Stream {
  /** Sends, after what is still on its way. */
  write(bytes: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);
/** One for all probes. */
let buffer: Uint8Array | undefined;

/** One read per turn of the loop, so that a server that pours cannot keep the others waiting. */
function receive({ fd, outcome }: Connection, reader: Reader): void {
  buffer ??= new Uint8Array(64 * 1024);
  const count = native.recv(fd, buffer, 0);
  if (count > 0) reader.push(buffer.subarray(0, count));
  else if (count === 0) reader.end();
  else if (count !== EAGAIN && count !== EINTR) {
    outcome.fail(remote(`${networkFailure(-count).reason} before the answer was complete`));
  }
}

/** The reader is called while nothing waits to be sent. */
export function openStream(connection: Connection, reader: Reader): Stream {
  const { fd, outcome } = connection;
  let rest: Uint8Array = NOTHING;
  const listen = () => watch(fd, READABLE, () => outcome.guard(() => receive(connection, reader)));
  const send = () => {
    const count = native.send(fd, rest, 0);
    if (count < 0 && count !== EAGAIN && count !== EINTR) return outcome.fail(networkFailure(-count));
    rest = rest.subarray(Math.max(count, 0));
    if (rest.length === 0) listen();
    else watch(fd, WRITABLE, () => outcome.guard(send));
  };
  return {
    write(bytes) {
      rest = rest.length === 0 ? bytes : concatBytes([rest, bytes]);
      if (rest.length > 0) send();
      else listen();
    },
  };
}
