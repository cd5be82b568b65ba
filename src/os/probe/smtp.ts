/** The smtp checker: the greeting (220), an answer to EHLO or else HELO (250), and a farewell (RFC 5321, 4.2). */
import type { SmtpProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { connectProbe } from './connection.js';
import { excerpt } from './expectation.js';
import type { Outcome } from './outcome.js';
import { remote } from './reasons.js';
import { withProxyHeader } from './socket.js';
import { openStream, type Reader, type Stream } from './stream.js';
import type { Probe, Target } from './types.js';

/** Bytes of one reply. */
const MAX_REPLY = 16 * 1024;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Calls `reply` with the code and text of each whole reply, however its lines were split. */
function replies(reply: (code: number, text: string) => void, outcome: Outcome): Reader {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(piece) {
      text += decoder.decode(piece, { stream: true });
      const last = /^(\d{3})(?: [^\r\n]*)?\r?\n/m.exec(text);
      if (last) {
        const whole = text;
        text = '';
        reply(Number(last[1]), whole);
      } else if (text.length > MAX_REPLY || !/^(?:\d{0,3}$|\d{3}[- ]|\d{3}\r?$)/.test(text)) {
        outcome.fail(remote(`no SMTP reply: ${excerpt(text)}`));
      }
    },
    end: () => outcome.fail(remote('connection closed by the server in the middle of the SMTP dialogue')),
  };
}

type Stage = 'greeting' | 'ehlo' | 'helo';

export function startSmtp(probe: SmtpProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    const { outcome } = connection;
    let stage: Stage = 'greeting';
    let stream: Stream | undefined;
    const say = (text: string) => stream?.write(bytes(`${text}\r\n`));
    const onReply = (code: number, text: string) => {
      if (stage === 'greeting' && code === 220) {
        stage = 'ehlo';
        say(`EHLO ${probe.helo}`);
      } else if (stage === 'ehlo' && code >= 500) {
        stage = 'helo';
        say(`HELO ${probe.helo}`);
      } else if (stage !== 'greeting' && code === 250) {
        say('QUIT');
        outcome.succeed('SMTP 250');
      } else
        outcome.fail(
          remote(`SMTP ${code} to the ${stage === 'greeting' ? 'connection' : stage.toUpperCase()}: ${excerpt(text.trim())}`),
        );
    };
    stream = openStream(connection, replies(onReply, outcome));
    stream.write(withProxyHeader(probe, new Uint8Array(0)));
  });
}
