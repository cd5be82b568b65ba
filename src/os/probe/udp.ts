/** The udp checker: a datagram is answered, or at least nobody says that the port is closed. */
import type { UdpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { excerpt, missingIn } from './expectation.js';
import { beginProbe } from './outcome.js';
import { remote } from './reasons.js';
import { payloadBytes } from './socket.js';
import type { Probe, Target } from './types.js';
import { openDatagram } from './udp-socket.js';

export function startUdp(probe: UdpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  let release = () => {};
  return beginProbe(
    (outcome) => {
      const socket = openDatagram(probe, target, outcome, (bytes) => {
        const text = new TextDecoder().decode(bytes);
        const missing = missingIn(text, probe);
        if (missing === undefined) outcome.succeed(`answered ${excerpt(text)}`);
        else outcome.fail(remote(`the answer ${excerpt(text)} ${missing}`));
      });
      // The one time of its own that a prober keeps: silence that lasts is its result, not the machine's deadline.
      // This process may have stood still meanwhile: what came then waits to be read, and goes before silence.
      const onSilence = () => {
        socket.look();
        outcome.succeed('no answer, and no error');
      };
      const quiet = probe.silence === undefined ? undefined : setTimeout(() => outcome.guard(onSilence), probe.silence);
      release = () => {
        clearTimeout(quiet);
        socket.release();
      };
      socket.send(payloadBytes(probe.send));
    },
    () => release(),
    done,
  );
}
