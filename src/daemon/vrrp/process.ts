/**
 * The vrrp process: adverts and addresses, and nothing else that could keep its loop busy. It outlives core for a while, so that a
 * restarted core's vrrp process can go on where this one is.
 */
import { linkToCore } from '../child.js';
import { takeLease } from '../lease.js';
import type { VrrpCommand } from './messages.js';
import { createRouter } from './router.js';

/** Core is gone: how long to go on for a successor before handing over to the other director. */
const ORPHAN_MS = 15_000;
/** Time for the last messages to reach core. */
const LAST_WORDS_MS = 20;

export function runVrrpProcess(): void {
  const link = linkToCore<VrrpCommand>();
  const router = createRouter(link);
  /** At once, everything kept: the state on disk is what the successor goes on from. */
  const exit = (): never => {
    router.save();
    process.exit(0);
  };
  const stop = (): void => router.stop(() => setTimeout(() => process.exit(0), LAST_WORDS_MS));
  link.onCommand((command) => {
    switch (command.type) {
      case 'configure':
        return router.configure(command.instances, command.runDir, command.groups, command.keys);
      case 'gate':
        return router.gate({ forwarding: command.forwarding, reason: command.reason });
      case 'watched':
        return router.watched(command.readings);
      case 'synced':
        return router.synced(command.instances);
      case 'query':
        if (command.failover) {
          const { id } = command;
          return void router.failover(command.failover).then((outcome) => link.send({ type: 'answer', id, ...outcome }));
        }
        return link.send({ type: 'answer', id: command.id, instances: router.report() });
      case 'stop':
        return stop();
      case 'exit':
        return exit();
    }
  });
  link.onOrphan(() => {
    link.log('error', `core is gone: VRRP goes on for ${ORPHAN_MS / 1000}s for a successor, then hands over`);
    setTimeout(stop, ORPHAN_MS);
  });
  process.on('SIGUSR2', exit);
  void takeLease('vrrp', exit).then((alone) => {
    if (!alone) link.log('error', 'an older vrrp process does not end: two of them command one set of addresses');
    link.send({ type: 'ready' });
  });
}
