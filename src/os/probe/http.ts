/** The http and https checkers: one request on a connection of its own, read until the answer is decided. */
import type { HttpProbe, HttpsProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import { type Answer, createEventJudge, createJudge, probeFields, probeRequest } from './http-judge.js';
import { askInClear, askOverTls } from './http2.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { withProxyHeader } from './socket.js';
import { openStream } from './stream.js';
import { hostName, openTls } from './tls.js';
import type { Probe, Target } from './types.js';

const decides =
  (outcome: Outcome, note: () => string) =>
  ({ ok, reason }: Answer): void =>
    ok ? outcome.succeed(`${reason}${note()}`) : outcome.fail(remote(reason));

export function startHttp(probe: HttpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    const decided = decides(connection.outcome, () => '');
    if (!probe.http2)
      return openStream(connection, createJudge(probe, decided)).write(withProxyHeader(probe, probeRequest(probe, target)));
    const header = withProxyHeader(probe, new Uint8Array(0));
    askInClear(connection, header, { fields: probeFields(probe, target) }, createEventJudge(probe, decided));
  });
}

export function startHttps(probe: HttpsProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    let note = '';
    const decided = decides(connection.outcome, () => note);
    const name = hostName(probe.host);
    const tls = { settings: probe.tls, name, target, header: withProxyHeader(probe, new Uint8Array(0)) };
    const noted = (text: string) => {
      note = text;
    };
    if (probe.http2) {
      const request = { fields: probeFields(probe, target) };
      return askOverTls(connection, tls, request, noted, createEventJudge(probe, decided));
    }
    openTls(connection, tls, createJudge(probe, decided), (stream, text) => {
      noted(text);
      stream.write(probeRequest(probe, target));
    });
  });
}
