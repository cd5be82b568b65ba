/** The grammar of lbctl: commands, their words and options, and what each asks of the daemon. */
import { Command, CommanderError, Option } from 'commander';
import { didYouMean } from '../base/suggest.js';
import { VERSION } from '../base/version.js';
import { addChanging } from './commands/changing.js';
import { addCompleting } from './commands/completing.js';
import { addDirector, addRevisions } from './commands/director.js';
import type { Define, Format, Options, Settle, Work } from './commands/kit.js';
import { addLooking } from './commands/looking.js';
import { addStates } from './commands/states.js';
import { addTools } from './commands/tools.js';
import { addWaiting } from './commands/waiting.js';
import { completed, expandOptions, isDuration, optionName } from './prefixes.js';
import type { Columns } from './render/text.js';
import * as words from './words.js';

export const DEFAULT_SOCKET = '/run/lbd/lbd.sock';

export type { DrainOrder, EventWords, Format, Work } from './commands/kit.js';

export interface Invocation {
  readonly work: Work;
  readonly format: Format;
  readonly columns: Columns;
  readonly socket: string;
  /** A status with problems is exit status 1. */
  readonly judged: boolean;
  /** Shown anew every so many ms; undefined: once. */
  readonly watch: number | undefined;
}

export const FORMATS: readonly Format[] = ['table', 'json', 'yaml', 'wide'];
const COMMANDS =
  'status list show stats top add-rs set-rs del-rs drain undrain disable enable add-vs set-vs del-vs take-over vrrp failover why wait doctor reload plan apply confirm rollback history batch diff save events check-config import completion'.split(
    ' ',
  );
/** Asked by the scripts of completion: in no help, and no command is taken for it. */
const HIDDEN = '__complete';
/** Options that take the next word. */
const VALUED = new Set(
  '-o --output --socket --reason --weight --forward --upper --lower --protocol --scheduler --persistence --since --limit --kind --subject --sort --interval --count --deadline --drain --sticky --for --timeout --host --confirm --expected-revision --scheduler-flags --persistence-prefix --quorum --hysteresis --on-failure --slow-start --sorry-server --unset -i --config-id'.split(
    ' ',
  ),
);

/** Takes the next word where that is a duration. */
const WATCH = '--watch';
/** Need no command. */
const ASKING = new Set(['-h', '--help', '-V', '--version']);
const FLAGS = new Set([
  ...ASKING,
  '-f',
  '--follow',
  '--dry-run',
  '--one-packet',
  '--wait',
  '--stats',
  '--rate',
  '--all',
  '--check',
  '--undo',
  '--force',
  '--file',
  '--kernel',
  '--peer',
  '--strict',
  WATCH,
]);

/** Where the command stands among options that came before it; -1 when there is none. Throws UsageError for an option of no command. */
function commandAt(argv: readonly string[]): number {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') return i + 1 < argv.length ? i + 1 : -1;
    if (!word.startsWith('-') || word === '-') return i;
    if (takesNext(word, argv[i + 1])) i++;
  }
  return -1;
}

/**
 * Whether the word after an option is its value. Of one that is unknown, or short for several of which only some have a value, the command
 * cannot be known: it is refused by its own name.
 */
function takesNext(word: string, next: string | undefined): boolean {
  const long = word.startsWith('--');
  const name = long ? optionName(word) : word.slice(0, 2);
  const known = [...VALUED, ...FLAGS].filter((option) => (long ? option.startsWith(name) : option === name));
  const meant = known.includes(name) ? [name] : known;
  const all = [...VALUED, ...FLAGS].filter((option) => option.startsWith('--'));
  if (meant.length === 0) throw new words.UsageError(`unknown option "${name}"${didYouMean(name, all)}`);
  if (word !== name) return false;
  if (meant.length === 1 && meant[0] === WATCH) return isDuration(next);
  const valued = meant.filter((option) => VALUED.has(option));
  if (valued.length > 0 && valued.length < meant.length) completed('option', name, meant);
  return valued.length > 0;
}

const isOutput = (word: string): boolean => word.length > 3 && '--output'.startsWith(word);

/** The format that errors are told in, also when the command line does not parse. */
export function formatOf(argv: readonly string[]): string {
  let format = 'table';
  for (const [i, word] of argv.entries()) {
    if (word === '--') break;
    if (word === '-o' || isOutput(word)) format = argv[i + 1] ?? '';
    else format = (isOutput(optionName(word)) ? /=(.+)$/s : /^-o(.+)$/s).exec(word)?.[1] ?? format;
  }
  return format;
}

const FOOTER = `
SERVICE is a name, tcp/192.0.2.10:80 or fwmark/7; RS is ADDRESS:PORT. Options may stand before or after the words.
Commands and long options may be shortened as long as it is clear which is meant: lbctl ev --si 10m.
Exit status: 0 done; 1 refused or failed, or doctor (or status --check) found something to do; 2 the command line is wrong; 3 lbd cannot be reached; 4 invalid configuration.`;

/** Takes the options of a command that is not asked for. */
const UNUSED = {
  option: () => UNUSED,
  addOption: () => UNUSED,
  requiredOption: () => UNUSED,
  action: () => UNUSED,
} as unknown as Command;

/** Of one command: to define them all takes longer than everything else here. `only` undefined: all, for the help. */
function build(settle: Settle, only: string | undefined): Command {
  const program = new Command('lbctl')
    .description('tells lbd, the layer-4 load balancer, what to do, and shows what it does')
    .version(`lbctl ${VERSION}`, '-V, --version', 'the version of lbctl')
    .helpOption('-h, --help', 'help for lbctl or a command')
    .helpCommand(false)
    .configureHelp({ helpWidth: 100, showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => settle({ kind: 'text', text }), writeErr: () => {}, outputError: () => {} })
    .exitOverride()
    .addHelpText('after', FOOTER);
  const define: Define = (usage, summary, changes = false) => {
    const [name = '', ...args] = usage.split(' ');
    if (only !== undefined && name !== only) return UNUSED;
    const command = program
      .command(name, { hidden: name === HIDDEN })
      .description(summary)
      .allowExcessArguments(false);
    for (const arg of args) command.argument(arg.startsWith('[') ? arg : `<${arg}>`);
    command.addOption(new Option('-o, --output <FORMAT>', FORMATS.join(', ')).default('table'));
    command.option('--socket <PATH>', `lbd's control socket (LBD_SOCKET; default ${DEFAULT_SOCKET})`);
    command.option('--reason <TEXT>', changes ? 'kept with the change and shown by why' : 'only of use for a change');
    if (changes) {
      command.option('--dry-run', 'says what would be done, and does nothing');
      command.option('--expected-revision <N>', 'refuses when another revision is in force');
    }
    return command;
  };
  addLooking(define, settle);
  addWaiting(define, settle);
  addChanging(define, settle);
  addDirector(define, settle);
  addRevisions(define, settle);
  addStates(define, settle);
  addTools(define, settle);
  addCompleting(define, settle);
  return program;
}

/** A memo, by the command's name: core reads many command lines. Commander forgets what it read when it begins to read again. */
const programs = new Map<string | undefined, { readonly program: Command; readonly settled: Work[] }>();

function programFor(name: string | undefined): { readonly program: Command; readonly settled: Work[] } {
  const known = programs.get(name);
  if (known) return known;
  const settled: Work[] = [];
  const made = { program: build((work) => settled.push(work), name), settled };
  programs.set(name, made);
  return made;
}

/** All of it, for what is made of it at build time. */
export const wholeProgram = (): Command => build(() => {}, undefined);

/** `lbctl set-rs SERVICE RS --weight <N|P%>` */
function usageOf(command: Command): string {
  const names = command.registeredArguments.map((one) => (one.required ? one.name() : `[${one.name()}]`));
  const needed = command.options.filter((option) => option.mandatory).map((option) => option.flags);
  return ['lbctl', command.name(), ...names, ...needed].join(' ');
}

/** Words are missing, or too many. */
const ABOUT_WORDS = new Set(['commander.missingArgument', 'commander.excessArguments', 'commander.missingMandatoryOptionValue']);

/** Commander's words in the form of ours: no `error: `, one line. */
function reword(error: CommanderError, command: Command | undefined): string {
  if (command && ABOUT_WORDS.has(error.code)) return `${rewordText(error)} (usage: ${usageOf(command)})`;
  return rewordText(error);
}

function rewordText(error: CommanderError): string {
  const text = error.message.replace(/^error: /, '').replace(/'/g, '"');
  return text.replace(
    /\n\(Did you mean (?:one of )?(.+?)\?\)/s,
    (_, found) => `; did you mean ${found.replace(/^([^"].*)$/, '"$1"')}?`,
  );
}

/** The command first, as commander wants it. Throws UsageError for one that does not exist. */
function arrange(argv: readonly string[]): readonly string[] {
  const at = commandAt(argv);
  if (at === -1) {
    if (argv.some((word) => ASKING.has(word))) return argv;
    throw new words.UsageError('no command (see lbctl --help)');
  }
  const name = argv[at] as string;
  if (name !== 'help') return [checkCommand(name), ...argv.slice(0, at), ...argv.slice(at + 1)];
  const subject = argv[at + 1];
  return subject === undefined || subject.startsWith('-') ? ['--help'] : [checkCommand(subject), '--help'];
}

function checkCommand(name: string): string {
  if (COMMANDS.includes(name) || name === HIDDEN) return name;
  const found = name === '' ? undefined : completed('command', name, COMMANDS);
  if (found !== undefined) return found;
  throw new words.UsageError(`unknown command "${name}"${didYouMean(name, COMMANDS)} (see lbctl --help)`);
}

function readFormat(word: string): Format {
  if (FORMATS.includes(word as Format)) return word as Format;
  throw new words.UsageError(`unknown output format "${word}": there is ${FORMATS.join(', ')}${didYouMean(word, FORMATS)}`);
}

/** Reads a command line. Throws UsageError, whose message is one line. */
export function parseCommandLine(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Invocation {
  const arranged = arrange(argv);
  const name = [...COMMANDS, HIDDEN].find((one) => one === arranged[0]);
  const { program, settled } = programFor(name);
  settled.length = 0;
  const command = program.commands.find((one) => one.name() === name);
  const expanded = command ? [command.name(), ...expandOptions(arranged.slice(1), command.options)] : arranged;
  try {
    program.parse(expanded, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (settled.length === 0) throw new words.UsageError(reword(error, command));
  }
  const options: Options = command?.opts() ?? {};
  const text = settled.filter((work) => work.kind === 'text').map((work) => work.text);
  const work: Work | undefined = text.length > 0 ? { kind: 'text', text: text.join('') } : settled[0];
  if (!work) throw new words.UsageError('no command (see lbctl --help)');
  const watch = typeof options.watch === 'string' ? words.readInterval(options.watch) : undefined;
  const columns = { counters: options.stats === true, rates: options.rate === true };
  const socket = (options.socket as string | undefined) ?? env.LBD_SOCKET ?? DEFAULT_SOCKET;
  return {
    work,
    columns,
    watch,
    judged: name === 'status' && options.check === true,
    format: readFormat(String(options.output ?? 'table')),
    socket: socket === '' ? DEFAULT_SOCKET : socket,
  };
}
