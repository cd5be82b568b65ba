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
}
