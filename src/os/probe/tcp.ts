/** The tcp checker: the handshake completes, and where the check says so an exchange of text. */
import type { TcpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { now } from '../clock.js';
import { connectProbe } from './connection.js';
import { excerpt, missingIn } from './expectation.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { payloadBytes, withProxyHeader } from './socket.js';
import { openStream, type Reader } from './stream.js';
import type { Probe, Target } from './types.js';

/** Bytes of an answer that are searched. */
const MAX_ANSWER = 64 * 1024;

/** Of the time between two searches of an answer that comes piece by piece, the most that they may take. */
const SEARCHING = 1 / 10;

function listen(probe: TcpProbe, outcome: Outcome): Reader {
  const decoder = new TextDecoder();
  let text = '';
  let nextSearch = 0;
  let postponed = false;
  const search = () => {
    postponed = false;
    const began = now();
    const missing = missingIn(text, probe);
    const ended = now();
    nextSearch = ended + (ended - began) / SEARCHING;
    if (missing === undefined) outcome.succeed(`answered ${excerpt(text)}`);
    else if (text.length > MAX_ANSWER) outcome.fail(remote(`the first 64 KiB of the answer ${missing}`));
  };
  return {
    push(bytes) {
      text += decoder.decode(bytes, { stream: true });
      const early = nextSearch - now();
      // A server that sends byte by byte would have the same text searched again and again, while the other checks wait.
      if (early < 1 || text.length > MAX_ANSWER) return search();
      if (!postponed) setTimeout(() => outcome.guard(search), early);
      postponed = true;
    },
    end() {
      if (text === '') return outcome.fail(remote('connection closed by the server without an answer'));
      const missing = missingIn(text, probe);
      if (missing === undefined) outcome.succeed(`answered ${excerpt(text)}`);
      else outcome.fail(remote(`the answer ${excerpt(text)} ${missing}`));
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
