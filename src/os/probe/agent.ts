/** The agent and file checkers: words of the real server about itself, from a port or from a file. */
import type { AgentProbe, FileProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { parseAgent } from '../../wire/agent.js';
import { readHead } from '../file-head.js';
import { connectProbe } from './connection.js';
import { excerpt } from './expectation.js';
import { beginProbe, type Outcome } from './outcome.js';
import { type Failure, local, remote, thrownFailure } from './reasons.js';
import { payloadBytes, withProxyHeader } from './socket.js';
import { openStream, type Reader } from './stream.js';
import type { Probe, Target } from './types.js';

/** Bytes of a line. */
const MAX_LINE = 4096;

function judge(line: string, outcome: Outcome): void {
  const said = parseAgent(line);
  if (!said)
    outcome.fail(remote(`no word that an agent may say: ${excerpt(line.trim())}; up, down, drain, maint or 75% is expected`));
  else if (said.ok) outcome.succeed(said.reason, said.share);
  else outcome.fail(remote(said.reason));
}

function listen(outcome: Outcome): Reader {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(bytes) {
      text += decoder.decode(bytes, { stream: true });
      if (/[\r\n]/.test(text.trimStart())) judge(text.trimStart().split(/[\r\n]/)[0] as string, outcome);
      else if (text.length > MAX_LINE) outcome.fail(remote('the agent sends no end of line'));
    },
    end: () => (text.trim() === '' ? outcome.fail(remote('the agent said nothing')) : judge(text, outcome)),
  };
}

export function startAgent(probe: AgentProbe, target: Target, done: (result: ProbeResult) => void): Probe {
  return connectProbe(probe, target, done, (connection) => {
    const bytes = withProxyHeader(probe, payloadBytes(probe.send));
    openStream(connection, listen(connection.outcome)).write(bytes);
  });
}

/** What the reading process lacks says nothing of who writes the file. */
const OURS = ['EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EPERM', 'EIO', 'ESTALE'];

function unreadable(file: string, error: NodeJS.ErrnoException): Failure {
  const { code = '', message } = error;
  if (code === 'ENOENT') return remote(`${file} does not exist`);
  return OURS.includes(code) ? local(`${file}: ${thrownFailure(error).reason}`) : remote(`${file}: ${message}`);
}

/** A file that is not there says down: somebody has to write it. */
export function startFile({ file }: FileProbe, done: (result: ProbeResult) => void): Probe {
  const start = (outcome: Outcome) => {
    const hangs = readHead(file, (error, text) => {
      if (error) outcome.fail(unreadable(file, error));
      else judge(text.trimStart().split('\n')[0] as string, outcome);
    });
    if (hangs) outcome.fail(local(`the last read of ${file} has not come back: its file system hangs`));
  };
  return beginProbe(start, () => {}, done);
}
