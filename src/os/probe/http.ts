/** The http checker: one GET on a connection of its own, read until the answer is decided. */
import type { HttpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import type { HttpReader } from '../../wire/http.js';
import { native } from '../native.js';
import { READABLE, WRITABLE, watch } from '../poller.js';
import { connectProbe } from './connection.js';
import { createJudge, probeRequest } from './http-judge.js';
import type { Outcome } from './outcome.js';
import { networkFailure, remote } from './reasons.js';
import type { Probe, Target } from './types.js';

const EINTR = -4;
const EAGAIN = -11;

/** One for all probes: what is read is judged before the next read. */
let buffer: Uint8Array | undefined;

/** One read per turn of the loop, so that a server that pours cannot keep the others waiting. */
function receive(fd: number, judge: HttpReader, outcome: Outcome): void {
  buffer ??= new Uint8Array(64 * 1024);
  const count = native.recv(fd, buffer, 0);
  if (count > 0) judge.push(buffer.subarray(0, count));
  else if (count === 0) judge.end();
  else if (count !== EAGAIN && count !== EINTR) {
    outcome.fail(remote(`${networkFailure(-count).reason} before the answer was complete`));
  }
}

/** Sends what is left of the request; then the answer is awaited. */
function send(fd: number, request: Uint8Array, read: () => void, outcome: Outcome): void {
  const count = native.send(fd, request, 0);
  if (count === EAGAIN || count === EINTR) return;
  const rest = request.subarray(Math.max(count, 0));
  if (count < 0) outcome.fail(networkFailure(-count));
  else if (rest.length === 0) watch(fd, READABLE, () => outcome.guard(read));
  else watch(fd, WRITABLE, () => outcome.guard(() => send(fd, rest, read, outcome)));
}

export function startHttp(probe: HttpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(target, done, (fd, outcome) => {
    const judge = createJudge(probe, ({ ok, reason }) => (ok ? outcome.succeed(reason) : outcome.fail(remote(reason))));
    send(fd, probeRequest(probe, target), () => receive(fd, judge, outcome), outcome);
  });
}
