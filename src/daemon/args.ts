/** The command line of lbd: few options, refused by name when unknown. */

export const DEFAULT_CONFIG = '/etc/lbd/lbd.yaml';

export type Invocation =
  | { readonly mode: 'run'; readonly file: string }
  | { readonly mode: 'check-config'; readonly file: string }
  | { readonly mode: 'parse-config'; readonly file: string }
  | { readonly mode: 'edit-config'; readonly file: string }
  /** What lbctl doctor runs where no daemon does. */
  | { readonly mode: 'doctor'; readonly file: string }
  | { readonly mode: 'role'; readonly role: 'check' | 'vrrp' }
  | { readonly mode: 'version' }
  | { readonly mode: 'help' }
  | { readonly mode: 'bad'; readonly message: string };

export const HELP = `lbd - layer-4 load balancer with built-in high availability

  lbd [-c FILE]                 run in the foreground; FILE is ${DEFAULT_CONFIG} unless named
  lbd [-c FILE] --check-config  check the configuration and exit (0 valid, 4 invalid)
  lbd --doctor FILE             what of this host is not as FILE needs it, as JSON (lbctl doctor shows it)
  lbd --version | --help

Signals: SIGHUP reloads; SIGTERM and SIGINT stop in order (a second one at once); SIGUSR2 exits at once and keeps the
IPVS table and the virtual addresses for a successor. Exit status: 0 after an ordered stop, 4 bad configuration, 1 otherwise.
`;

const bad = (message: string): Invocation => ({ mode: 'bad', message: `${message}; see lbd --help` });

export function parseArguments(argv: readonly string[]): Invocation {
  let file = DEFAULT_CONFIG;
  let check = false;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    const [name, inline] = /^--[a-z-]+=/.test(word)
      ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]
      : [word];
    const value = () => inline ?? argv[++i];
    if (name === '-h' || name === '--help') return { mode: 'help' };
    if (name === '-V' || name === '--version') return { mode: 'version' };
    if (name === '--check-config') check = true;
    else if (name === '--role') return roleOf(value());
    else if (
      name === '-c' ||
      name === '--config' ||
      name === '--parse-config' ||
      name === '--edit-config' ||
      name === '--doctor'
    ) {
      const given = value();
      if (given === undefined || given === '') return bad(`${name} needs a file name`);
      if (name === '--parse-config') return { mode: 'parse-config', file: given };
      if (name === '--edit-config') return { mode: 'edit-config', file: given };
      if (name === '--doctor') return { mode: 'doctor', file: given };
      file = given;
    } else return bad(`unknown ${word.startsWith('-') ? 'option' : 'argument'} "${word}"`);
  }
  return { mode: check ? 'check-config' : 'run', file };
}

function roleOf(word: string | undefined): Invocation {
  if (word === 'check' || word === 'vrrp') return { mode: 'role', role: word };
  return bad('--role is for lbd itself');
}
