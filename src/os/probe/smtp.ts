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

/** A line of a reply; a hyphen says that another one follows. */
const LINE = /^(\d{3})(?:([- ]).*)?$/;
/** What may become one yet: a server of something else may never end its line. */
const BEGINNING = /^(?:\d{0,3}|\d{3}[- ].*|\d{3}\r)$/;

/** Calls `reply` with the code and text of each whole reply, however its lines were split. All its lines have one code (RFC 5321, 4.2.1). */
function replies(reply: (code: number, text: string) => void, outcome: Outcome): Reader {
  const decoder = new TextDecoder();
  let rest = '';
  let lines: string[] = [];
  let size = 0;
  const refuse = (last: string) => outcome.fail(remote(`no SMTP reply: ${excerpt([...lines, last].join('\r\n'))}`));
  /** Whether the reply was not whole with this line, and may be yet. */
  const take = (line: string): boolean => {
    const [, code, mark] = LINE.exec(line) ?? [];
    if (code === undefined || !(lines[0] ?? line).startsWith(code)) refuse(line);
    else if (mark === '-') return lines.push(line) > 0;
    else reply(Number(code), [...lines, line].join('\r\n'));
    return false;
  };
  return {
    push(piece) {
      size += piece.length;
      if (size > MAX_REPLY) return refuse(rest);
      const parts = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/);
      rest = parts.pop() as string;
      if (!parts.every(take)) [rest, lines, size] = ['', [], 0];
      else if (!BEGINNING.test(rest)) refuse(rest);
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
