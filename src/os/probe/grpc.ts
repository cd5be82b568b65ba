/** The grpc checker: grpc.health.v1.Health/Check answers SERVING. */
import type { IncomingHttpHeaders } from 'node:http2';
import { concatBytes } from '../../base/bytes.js';
import { formatEndpoint } from '../../base/ip.js';
import type { GrpcProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { decodeGrpcMessage, decodeHealthResponse, encodeHealthRequest, grpcStatusName, HEALTH_PATH } from '../../wire/grpc.js';
import { connectProbe } from './connection.js';
import { excerpt } from './expectation.js';
import { USER_AGENT } from './http-judge.js';
import { askInClear, askOverTls, type Http2Event, type Http2Request } from './http2.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { withProxyHeader } from './socket.js';
import { hostName } from './tls.js';
import type { Probe, Target } from './types.js';

/** Bytes of the answer; the right one has seven. */
const MAX_BODY = 4096;

const requestOf = (probe: GrpcProbe, { address, port }: Target): Http2Request => ({
  fields: {
    ':method': 'POST',
    ':scheme': probe.tls ? 'https' : 'http',
    ':authority': probe.host ?? formatEndpoint(address, port),
    ':path': HEALTH_PATH,
    te: 'trailers',
    'content-type': 'application/grpc',
    'user-agent': USER_AGENT,
  },
  body: encodeHealthRequest(probe.service),
});

interface Head {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
}

/** What the end of the call says, where it is not the good one. */
function trouble({ status, fields }: Head, trailers: IncomingHttpHeaders): string | undefined {
  // An answer without a message has its status in the head.
  const code = trailers['grpc-status'] ?? fields['grpc-status'];
  if (code === undefined) {
    const type = fields['content-type'];
    if (status !== 200) return `HTTP ${status}, and no gRPC status`;
    return type?.startsWith('application/grpc') ? 'gRPC without a status' : `no gRPC answer, but ${type ?? 'no content-type'}`;
  }
  if (/^0+$/.test(String(code))) return undefined;
  const said = trailers['grpc-message'] ?? fields['grpc-message'];
  const name = /^\d+$/.test(String(code)) ? grpcStatusName(Number(code)) : `status ${excerpt(String(code))}`;
  return `gRPC ${name}${said ? `: ${excerpt(decodeGrpcMessage(String(said)))}` : ''}`;
}

function judge(head: Head, body: Uint8Array, trailers: IncomingHttpHeaders, note: string, outcome: Outcome): void {
  const bad = trouble(head, trailers);
  if (bad !== undefined) return outcome.fail(remote(bad));
  const answer = decodeHealthResponse(body);
  if ('refused' in answer) outcome.fail(remote(`the gRPC answer ${answer.refused}`));
  else if (answer.serving === 'SERVING') outcome.succeed(`gRPC SERVING${note}`);
  else outcome.fail(remote(`gRPC ${answer.serving}`));
}

function reader(outcome: Outcome, note: () => string): (event: Http2Event) => void {
  let head: Head = { status: 0, fields: {} };
  let body: Uint8Array = new Uint8Array(0);
  return (event) => {
    switch (event.kind) {
      case 'head':
        head = event;
        break;
      case 'body':
        body = concatBytes([body, event.bytes]);
        if (body.length > MAX_BODY) outcome.fail(remote('the gRPC answer is no HealthCheckResponse'));
        break;
      case 'end':
        return judge(head, body, event.trailers, note(), outcome);
      case 'error':
        return outcome.fail(remote(event.reason));
    }
  };
}

export function startGrpc(probe: GrpcProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    let note = '';
    const header = withProxyHeader(probe, new Uint8Array(0));
    const request = requestOf(probe, target);
    const emit = reader(connection.outcome, () => note);
    if (!probe.tls) return askInClear(connection, header, request, emit);
    const name = hostName(probe.host);
    const noted = (text: string) => {
      note = text;
    };
    askOverTls(connection, { settings: probe.tls, name, target, header }, request, noted, emit);
  });
}
