/**
 * Everything that VRRP instances track and that must not share a loop with their adverts. What was found is told to core when it changes, and
 * every few seconds in any case: vrrp takes silence for a watcher that is no more.
 */
import type { Watch } from '../../intent/watches.js';
import type { Reading } from '../../vrrp/track.js';
import type { ChildLink } from '../child.js';
import { watchFiles } from './watch-files.js';
import { watchProcesses } from './watch-processes.js';
import { watchScripts } from './watch-scripts.js';

const AGAIN_MS = 5000;

export interface Watcher {
  want(watches: readonly Watch[]): void;
  /** The quorum of a virtual server may be another. */
  changed(): void;
  close(): void;
}

/** `quorumOf`: of a virtual server by its name; undefined: it is not decided. */
export function createWatcher(
  link: Pick<ChildLink<never>, 'send' | 'log'>,
  quorumOf: (name: string) => Reading | undefined,
): Watcher {
  let watches: readonly Watch[] = [];
  let coming: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let told = '';
  const scripts = watchScripts(changed);
  const processes = watchProcesses(changed, (text) => link.log('warn', text));
  const files = watchFiles(changed);

  function read(watch: Watch): Reading | undefined {
    switch (watch.kind) {
      case 'script':
        return scripts.reading(watch.script.name);
      case 'process':
        return processes.reading(watch.name);
      case 'file':
        return files.reading(watch.name);
      case 'virtual_server':
        return quorumOf(watch.name);
    }
  }

  function tell(again: boolean): void {
    coming = undefined;
    const known = watches.flatMap((one) => {
      const reading = read(one);
      return reading ? [[one.key, reading] as const] : [];
    });
    const text = JSON.stringify(known);
    if (known.length === 0 || (text === told && !again)) return;
    told = text;
    link.send({ type: 'watched', readings: Object.fromEntries(known) });
  }

  /** What changes together is told together. */
  function changed(): void {
    if (watches.length > 0) coming ??= setImmediate(tell, false);
  }

  const named = (kind: 'process' | 'file') => watches.flatMap((one) => (one.kind === kind ? [one.name] : []));
  return {
    want(next) {
      watches = next;
      told = '';
      scripts.want(next.flatMap((one) => (one.kind === 'script' ? [one.script] : [])));
      processes.want(named('process'));
      files.want(named('file'));
      clearInterval(timer);
      timer = next.length === 0 ? undefined : setInterval(tell, AGAIN_MS, true);
      changed();
    },
    changed,
    close() {
      clearImmediate(coming);
      clearInterval(timer);
      scripts.close();
      processes.close();
      files.close();
    },
  };
}
