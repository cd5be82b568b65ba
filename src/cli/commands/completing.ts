/** Completion in the shell: the script, and what the script asks while somebody types. */
import * as words from '../words.js';
import { type Define, optional, type Settle } from './kit.js';

export function addCompleting(define: Define, settle: Settle): void {
  define('completion SHELL', 'prints what completes lbctl in bash, zsh or fish; needs no daemon').action((shell) =>
    settle({ kind: 'completion', shell: words.readShell(shell) }),
  );
  define('__complete KIND [WORD] [SERVICE]', 'the names that lbd knows, for the scripts of completion').action(
    (kind, word, service) =>
      settle({ kind: 'complete', what: kind, word: word ?? '', service: optional(service, words.readName) }),
  );
}
