/** The agent and file checkers: words of the real server about itself, from a port or from a file. */
import { close, constants, open, read } from 'node:fs';
import type { AgentProbe, FileProbe } from '../../config/types.js';
import type { ProbeResult } from '../../health/types.js';
import { parseAgent } from '../../wire/agent.js';
import { connectProbe } from './connection.js';
import { excerpt } from './expectation.js';
import { beginProbe, type Outcome } from './outcome.js';
import { local, remote } from './reasons.js';
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

type Heard = (error: NodeJS.ErrnoException | null, text: string) => void;

/** Reads that have not come back, and who waits for them. BOUNDED by the files of the configuration. */
const reading = new Map<string, { readonly since: number; readonly heard: Heard[] }>();
/** A read that takes longer hangs: it holds one thread of Node.js, and gets no second one. */
const HANGS_MS = 1000;

/** The beginning of a file, whatever it is: O_NONBLOCK, or a FIFO without a writer would hold the thread that opens it. */
function readHead(file: string, first: Heard): void {
  const heard = [first];
  reading.set(file, { since: performance.now(), heard });
  const end = (fd: number | undefined, error: NodeJS.ErrnoException | null, text: string) => {
    if (fd !== undefined) close(fd, () => {});
    reading.delete(file);
    for (const one of heard) one(error, text);
  };
  open(file, constants.O_RDONLY | constants.O_NONBLOCK, (refused, fd) => {
    if (refused) return end(undefined, refused, '');
    read(fd, Buffer.alloc(MAX_LINE), 0, MAX_LINE, null, (error, count, buffer) =>
      end(fd, error, buffer.toString('utf8', 0, count)),
    );
  });
}

/** A file that is not there says down: somebody has to write it. */
export function startFile({ file }: FileProbe, done: (result: ProbeResult) => void): Probe {
  const start = (outcome: Outcome) => {
    const heard: Heard = (error, text) => {
      if (error) outcome.fail(remote(error.code === 'ENOENT' ? `${file} does not exist` : `${file}: ${error.message}`));
      else judge(text.split('\n')[0] as string, outcome);
    };
    const under = reading.get(file);
    if (!under) return readHead(file, heard);
    if (performance.now() - under.since < HANGS_MS) under.heard.push(heard);
    else outcome.fail(local(`the last read of ${file} has not come back: its file system hangs`));
  };
  return beginProbe(start, () => {}, done);
}
