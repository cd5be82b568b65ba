/** Commands that need no daemon. */
import * as words from '../words.js';
import { type Define, optional, type Settle } from './kit.js';

export function addTools(define: Define, settle: Settle): void {
  define('doctor [FILE]', 'what of this host is not as lbd, or FILE, needs it, with the cure; needs no daemon').action((file) =>
    settle({ kind: 'doctor', file: optional(file, words.readName) }),
  );
  define('check-config FILE', 'checks a configuration file; needs no daemon').action((file) =>
    settle({ kind: 'check-config', file: words.readName(file) }),
  );
  define('import FILE', 'writes the configuration of lbd that means what keepalived.conf FILE does; needs no daemon')
    .option('--strict', 'fails where anything of it is lost')
    .option(
      '-i, --config-id <ID>',
      'what keepalived is given with -i (default: the host name up to the first dot): which of its @ lines count',
    )
    .action((file, { strict = false, configId }) => settle({ kind: 'import', file: words.readName(file), strict, configId }));
}
