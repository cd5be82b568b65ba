/** The check process: what it hears from core, and how it ends. Its work is in pool.ts. */
import { enableLinearRegex } from '../../os/linear-regex.js';
import { linkToCore } from '../child.js';
import { takeLease } from '../lease.js';
import type { CheckCommand } from '../messages.js';
import { answer } from './answers.js';
import { createPool, type Pool } from './pool.js';
import { createWatcher } from './watcher.js';

/** Core is gone: how long to go on for a successor. */
const ORPHAN_MS = 15_000;

export function runCheckProcess(): void {
  enableLinearRegex();
  const link = linkToCore<CheckCommand>();
  let pool: Pool | undefined;
  const watcher = createWatcher(link, (name) => pool?.quorum(name));
  link.onCommand((command) => {
    switch (command.type) {
      case 'configure':
        if (pool) pool.configure(command);
        else pool = createPool(command, link, undefined, watcher.changed);
        break;
      case 'update':
        pool?.update(command);
        break;
      case 'roles':
        pool?.roles(command.roles);
        break;
      case 'watch':
        watcher.want(command.watches);
        break;
      case 'query':
        void answer(pool, command.query).then((found) => link.send({ type: 'answer', id: command.id, ...found }));
        break;
      case 'recheck':
        pool?.recheck();
        break;
      case 'stop':
        void end(pool, true);
        break;
      case 'exit':
        void end(pool, false);
    }
  });
  link.onOrphan(() => {
    link.log('error', `core is gone; checks go on for ${ORPHAN_MS / 1000}s for a successor`);
    setTimeout(() => void end(pool, false), ORPHAN_MS);
  });
  process.on('SIGUSR2', () => void end(pool, false));
  void takeLease('check', () => void end(pool, false)).then((alone) => {
    if (!alone) link.log('error', 'an older check process does not end: two of them command one IPVS table');
    link.send({ type: 'ready' });
  });
}

async function end(pool: Pool | undefined, ordered: boolean): Promise<void> {
  await pool?.close(ordered);
  process.exit(0);
}
