/** The http and https checkers: one request on a connection of its own, read until the answer is decided. */
import type { HttpProbe, HttpsProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import { createJudge, probeRequest } from './http-judge.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { withProxyHeader } from './socket.js';
import { openStream } from './stream.js';
import { openTls } from './tls.js';
import type { Probe, Target } from './types.js';

const judgeFor = (probe: HttpProbe | HttpsProbe, outcome: Outcome, note: () => string) =>
  createJudge(probe, ({ ok, reason }) => (ok ? outcome.succeed(`${reason}${note()}`) : outcome.fail(remote(reason))));

export function startHttp(probe: HttpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    const judge = judgeFor(probe, connection.outcome, () => '');
    openStream(connection, judge).write(withProxyHeader(probe, probeRequest(probe, target)));
  });
}

export function startHttps(probe: HttpsProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    let note = '';
    const judge = judgeFor(probe, connection.outcome, () => note);
    const name = probe.host?.replace(/:\d+$/, '');
    openTls(
      connection,
      { settings: probe.tls, name, target, header: withProxyHeader(probe, new Uint8Array(0)) },
      judge,
      (stream, peer) => {
        note = peer;
        stream.write(probeRequest(probe, target));
      },
    );
  });
}
