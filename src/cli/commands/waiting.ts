/** `wait`: until something is so. */
import { CONDITIONS, readCondition } from '../conditions.js';
import * as words from '../words.js';
import { type Define, optional, type Settle } from './kit.js';

const MEANING =
  'up and down are what checks say (of a SERVICE: of all, of none of its real servers), serving is a weight in the kernel, in-sync the kernel as wanted';
const HELP = `${Object.values(CONDITIONS).join('; ')}: ${MEANING}`;

export function addWaiting(define: Define, settle: Settle): void {
  define('wait [TARGET] [RS]', 'ends with 0 when it is so, with 1 and the present state when the time is over')
    .requiredOption('--for <CONDITION>', HELP)
    .option('--timeout <TIME>', 'how long at most: 30s, 5m, 0 looks once; default: without an end')
    .action((target, rs, options) => {
      const condition = readCondition(String(options.for), target, rs);
      settle({ kind: 'wait', condition, timeout: optional(options.timeout, words.readDuration) });
    });
}
