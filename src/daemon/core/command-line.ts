/** Command lines that lbctl hands over: the grammar and the words of lbctl are loaded when there is time, or with the first of them. */
import { VERSION } from '../../base/version.js';
import type { CommandLine } from '../../control/api.js';
import type { Session } from '../../control/command-line.js';
import type { ServiceIntent } from '../../intent/types.js';

/** A list of more real servers than these is made in lbctl's own process. */
const MANY_SERVERS = 1000;

export const isLarge = (services: readonly Pick<ServiceIntent, 'realServers'>[]): boolean =>
  services.reduce((count, { realServers }) => count + realServers.length, 0) > MANY_SERVERS;

/**
 * Reads a command line of no effect, so that the first one does not wait until everything is loaded and compiled. Costs some milliseconds
 * and 0.3 MB. False: it read nothing.
 */
export async function prepare(): Promise<boolean> {
  const { serve } = await import('../../cli/served.js');
  const argv = ['set-rs', 'web', '192.0.2.1:80', '--weight', '1'];
  const served = await serve({ version: VERSION, socket: '/', lbd_socket: '/', argv }, () => false);
  return typeof served !== 'string';
}

async function run(line: CommandLine, session: Session, large: () => boolean): Promise<void> {
  const { serve } = await import('../../cli/served.js');
  const served = await serve(line, large);
  if (typeof served === 'string') return session.decline(served);
  const accepted = await session.accept(served.died, served.quiet).then(
    () => true,
    () => false,
  );
  if (!accepted) return;
  const { out, err, waits, connect, gone } = session;
  session.end(await served.run({ out, err, waits, connect, stop: gone }));
}

/** What a bug throws is told to `warn`, and to who asked. */
export const createCommandLines =
  (large: () => boolean, warn: (text: string) => void) =>
  async (line: CommandLine, session: Session): Promise<void> => {
    try {
      await run(line, session, large);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // Before it was accepted lbctl takes this for no answer, and turns to Node.js.
      warn(`control: a command line failed unexpectedly: ${text}`);
      session.err(`lbctl: this is a bug: ${text}\n`);
      session.end(1);
    }
  };
