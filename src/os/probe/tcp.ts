/** The tcp checker: the handshake completes, and where the check says so an exchange of text. */
import type { TcpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import { excerpt, missingIn } from './expectation.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { payloadBytes, withProxyHeader } from './socket.js';
import { openStream, type Reader } from './stream.js';
import type { Probe, Target } from './types.js';

/** Bytes of an answer that are searched. */
const MAX_ANSWER = 64 * 1024;

function listen(probe: TcpProbe, outcome: Outcome): Reader {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(bytes) {
      text += decoder.decode(bytes, { stream: true });
      const missing = missingIn(text, probe);
      if (missing === undefined) outcome.succeed(`answered ${excerpt(text)}`);
      else if (text.length > MAX_ANSWER) outcome.fail(remote(`the first 64 KiB of the answer ${missing}`));
    },
    end() {
      if (text === '') return outcome.fail(remote('connection closed by the server without an answer'));
      outcome.fail(remote(`the answer ${excerpt(text)} ${missingIn(text, probe)}`));
    },
  };
}

export function startTcp(probe: TcpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  const awaits = probe.expect !== undefined || probe.regex !== undefined;
  return connectProbe(probe, target, done, (connection) => {
    const { outcome } = connection;
    const bytes = withProxyHeader(probe, payloadBytes(probe.send));
    if (bytes.length > 0 || awaits) openStream(connection, listen(probe, outcome)).write(bytes);
    if (!awaits) outcome.succeed('connected');
  });
}
