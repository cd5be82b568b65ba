/** The grammar of lbctl: commands, their words and options, and what each asks of the daemon. */
import { Command, CommanderError, Option } from 'commander';
import { didYouMean } from '../base/suggest.js';
import { VERSION } from '../base/version.js';
import { SCHEDULERS } from '../base/words.js';
import type { ChangeOptions, MethodName, Methods, StateOptions } from '../control/api.js';
import type { Columns } from './render/text.js';
import * as words from './words.js';

export const DEFAULT_SOCKET = '/run/lbd/lbd.sock';

/** Of one real server, of all on a host, or of one that is removed then. */
export type DrainOrder = {
  readonly [M in 'set_state' | 'set_host' | 'del_rs']: { readonly method: M; readonly params: Methods[M]['params'] };
}['set_state' | 'set_host' | 'del_rs'];

/** What a command line asks for. */
export type Work =
  | {
      readonly [M in MethodName]: { readonly kind: 'call'; readonly method: M; readonly params: Methods[M]['params'] };
    }[MethodName]
  /** A drain, until nobody new comes, or until it is over. */
  | { readonly kind: 'drain'; readonly order: DrainOrder; readonly wait: boolean }
  | { readonly kind: 'follow'; readonly params: { since?: number; limit?: number } }
  | { readonly kind: 'check-config'; readonly file: string }
  /** Undefined: as the daemon is configured, or would be. */
  | { readonly kind: 'doctor'; readonly file: string | undefined }
  /** Help or the version, asked for. */
  | { readonly kind: 'text'; readonly text: string };

export type Format = 'table' | 'wide' | 'json' | 'yaml';

export interface Invocation {
  readonly work: Work;
  readonly format: Format;
  readonly columns: Columns;
  readonly socket: string;
}

const FORMATS: readonly Format[] = ['table', 'json', 'yaml', 'wide'];
const COMMANDS =
  'status list show stats add-rs set-rs del-rs drain undrain disable enable add-vs del-vs take-over vrrp failover why doctor reload events check-config'.split(
    ' ',
  );
/** Of the design, and not built yet. */
const LATER = new Set('set-vs plan apply confirm rollback diff save top import completion'.split(' '));
/** Options that take the next word. */
const VALUED = new Set(
  '-o --output --socket --reason --weight --forward --upper --lower --protocol --scheduler --persistence --since --limit --deadline --drain --sticky --for --host'.split(
    ' ',
  ),
);

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
]);

/** Where the command stands among options that came before it; -1 when there is none. Throws UsageError for an option of no command. */
function commandAt(argv: readonly string[]): number {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') return i + 1 < argv.length ? i + 1 : -1;
    if (!word.startsWith('-') || word === '-') return i;
    if (VALUED.has(word)) i++;
    else checkOption(word);
  }
  return -1;
}

/** Whether the word after an unknown option is its value or the command cannot be known: it is refused by its own name. */
function checkOption(word: string): void {
  const name = word.startsWith('--') ? word.replace(/=.*$/s, '') : word.slice(0, 2);
  if (FLAGS.has(name) || VALUED.has(name)) return;
  const known = [...VALUED, ...FLAGS].filter((option) => option.startsWith('--'));
  throw new words.UsageError(`unknown option "${name}"${didYouMean(name, known)}`);
}

/** The format that errors are told in, also when the command line does not parse. */
export function formatOf(argv: readonly string[]): string {
  let format = 'table';
  for (const [i, word] of argv.entries()) {
    if (word === '--') break;
    if (word === '-o' || word === '--output') format = argv[i + 1] ?? '';
    else format = /^(?:-o|--output=)(.+)$/s.exec(word)?.[1] ?? format;
  }
  return format;
}

/** Only what was given: the API's optional fields are absent, never undefined. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

type Options = Readonly<Record<string, string | boolean | undefined>>;

const optional = <T>(word: unknown, read: (word: string) => T): T | undefined =>
  typeof word === 'string' ? read(word) : undefined;

const changing = (options: Options) =>
  given({ dry_run: options.dryRun as true | undefined, reason: options.reason as string | undefined });

const serverOptions = (options: Options) =>
  given({
    weight: optional(options.weight, words.readWeight),
    forward: optional(options.forward, words.readForward),
    upper: optional(options.upper, words.readThreshold),
    lower: optional(options.lower, words.readThreshold),
  });

const serviceOptions = (options: Options) =>
  given({
    protocol: optional(options.protocol, words.readProtocol),
    scheduler: optional(options.scheduler, words.readScheduler),
    forward: optional(options.forward, words.readForward),
    persistence: optional(options.persistence, words.readSeconds),
    one_packet: options.onePacket === true ? true : undefined,
  });

type Settle = (work: Work) => void;
type Define = (name: string, summary: string, changes?: boolean) => Command;

const call = <M extends MethodName>(method: M, params: Methods[M]['params']): Work => ({ kind: 'call', method, params }) as Work;

function addLooking(define: Define, settle: Settle): void {
  define('status', 'role, addresses, problems worst first, services at a glance').action(() => settle(call('status', {})));
  define('list [SERVICE]', 'services and real servers: wanted, checked, in the kernel')
    .option('--host <ADDRESS>', 'only real servers with that address')
    .option('--stats', 'with connections, packets and bytes so far')
    .option('--rate', 'with connections, packets and bytes a second')
    .option('--all', 'with what lbd has in the kernel for checks via: vip')
    .action((service, options: Options) => {
      const counters = options.stats || options.rate ? true : undefined;
      const host = optional(options.host, words.readHost);
      if (host !== undefined && service !== undefined) throw new words.UsageError('list takes a SERVICE or --host, not both');
      const all = options.all === true ? true : undefined;
      settle(call('list', given({ service: optional(service, words.readService), host, counters, all })));
    });
  define('show SERVICE [RS]', 'one service or real server, with its checks').action((service, rs) =>
    settle(call('show', given({ service: words.readService(service), rs: optional(rs, words.readRealServer) }))),
  );
  define('stats [SERVICE]', 'connections, packets and bytes of services and real servers; -o wide tells them to the last digit')
    .option('--rate', 'a second, as the kernel averages them; default: so far')
    .action((service) => settle(call('stats', given({ service: optional(service, words.readService) }))));
  define('vrrp [INSTANCE]', 'VRRP instances').action((instance) =>
    settle(call('vrrp', given({ instance: optional(instance, words.readName) }))),
  );
  define('why TARGET [RS]', 'why a service, a real server (SERVICE/RS) or an instance is as it is').action((target, rs) =>
    settle(call('why', given({ target: words.readTarget(target), rs: optional(rs, words.readRealServer) }))),
  );
  define('doctor [FILE]', 'what of this host is not as lbd, or FILE, needs it, with the cure; needs no daemon').action((file) =>
    settle({ kind: 'doctor', file: optional(file, words.readName) }),
  );
  define('events', 'what happened')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--since <ID>', 'only events after this number')
    .option('--limit <N>', 'at most so many of the past')
    .action((options: Options) => {
      const params = given({ since: optional(options.since, words.readCount), limit: optional(options.limit, words.readCount) });
      settle(options.follow ? { kind: 'follow', params } : call('events', params));
    });
}

/** `--deadline 10m`, `--deadline never`, `--sticky honour`. */
function drainOptions(deadline: unknown, sticky: unknown) {
  const time = optional(deadline, words.readDeadline);
  return given({
    deadline: time === 'never' ? undefined : time,
    no_deadline: time === 'never' ? true : undefined,
    sticky: optional(sticky, words.readSticky),
  });
}

type StateTarget = { readonly host: string } | { readonly service: string; readonly rs: string };

/** SERVICE RS, or `--host`. */
function stateTarget(name: string, service: string | undefined, rs: string | undefined, options: Options): StateTarget {
  const host = optional(options.host, words.readHost);
  if (host !== undefined && service === undefined) return { host };
  if (host !== undefined) throw new words.UsageError(`${name} takes SERVICE RS or --host, not both`);
  if (service === undefined || rs === undefined) throw new words.UsageError(`${name} needs SERVICE RS, or --host ADDRESS`);
  return { service: words.readService(service), rs: words.readRealServer(rs) };
}

type StateWords = { readonly state: string } & StateOptions & ChangeOptions;

const stateOrder = (target: StateTarget, params: StateWords): Exclude<DrainOrder, { method: 'del_rs' }> =>
  'host' in target
    ? { method: 'set_host', params: { ...target, ...params } }
    : { method: 'set_state', params: { ...target, ...params } };

const STICKY_HELP = 'honour: persistent clients keep coming; break: they go to others; default: break';

function addStates(define: Define, settle: Settle): void {
  const host = '--host <ADDRESS>';
  define('drain [SERVICE] [RS]', 'no new connections to a real server; it comes back by undrain, or after --for', true)
    .option(host, 'every real server with that address, those that come later too')
    .option(
      '--deadline <TIME>',
      'what is left then is cut: 30s, 10m, never; default: never, UDP services after their idle timeout',
    )
    .option('--sticky <CHOICE>', STICKY_HELP)
    .option('--for <TIME>', 'it comes back by itself: 30m, 2h')
    .option('--wait', 'ends when no connection is left, or the deadline has cut the rest')
    .action((service, rs, options) => {
      const target = stateTarget('drain', service, rs, options);
      const length = given({ for: optional(options.for, words.readSeconds) });
      const own = { state: 'drain', ...drainOptions(options.deadline, options.sticky), ...length, ...changing(options) };
      const drain = stateOrder(target, own);
      settle(options.dryRun ? { kind: 'call', ...drain } : { kind: 'drain', order: drain, wait: options.wait === true });
    });
  const others = [
    ['undrain', 'ends a drain, also one that is over'],
    ['disable', 'takes a real server out of the table; its connections are cut'],
    ['enable', 'ends disable'],
  ] as const;
  for (const [state, summary] of others) {
    const command = define(`${state} [SERVICE] [RS]`, summary, true).option(host, 'every real server with that address');
    if (state === 'disable') command.option('--for <TIME>', 'it comes back by itself: 30m, 2h');
    command.action((service, rs, options) => {
      const length = given({ for: optional(options.for, words.readSeconds) });
      const target = stateTarget(state, service, rs, options);
      settle({ kind: 'call', ...stateOrder(target, { state, ...length, ...changing(options) }) });
    });
  }
}

/** At once, or by a drain. */
function addRemoval(define: Define, settle: Settle): void {
  define('del-rs SERVICE RS', 'takes a real server out of its service', true)
    .option('--drain <DEADLINE>', 'when no connection is left, or after that time: 30s, 10m, never; undrain keeps it')
    .option('--sticky <CHOICE>', `with --drain; ${STICKY_HELP}`)
    .option('--wait', 'with --drain: ends when it is gone')
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      if (options.drain === undefined && (options.sticky !== undefined || options.wait))
        throw new words.UsageError('--sticky and --wait of del-rs belong to --drain');
      if (options.drain === undefined) return settle(call('del_rs', { ...target, ...changing(options) }));
      const params = { ...target, drain: true, ...drainOptions(options.drain, options.sticky), ...changing(options) };
      if (options.dryRun) return settle(call('del_rs', params));
      settle({ kind: 'drain', order: { method: 'del_rs', params }, wait: options.wait === true });
    });
}

function addChanging(define: Define, settle: Settle): void {
  define('add-rs SERVICE RS', 'adds a real server now; it takes traffic when its checks pass', true)
    .option('--weight <N>', 'default 1')
    .option('--forward <METHOD>', 'dr, nat or tun; default: as the service')
    .option('--upper <N>', 'no new connections above so many')
    .option('--lower <N>', 'new connections again below so many')
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      settle(call('add_rs', { ...target, ...serverOptions(options), ...changing(options) }));
    });
  define('set-rs SERVICE RS', 'sets the weight of a real server', true)
    .requiredOption('--weight <N|P%>', 'the weight, or a percentage of the configured one')
    .action((service, rs, options) => {
      const target = { service: words.readService(service), rs: words.readRealServer(rs) };
      settle(call('set_rs', { ...target, weight: words.readWeightOrPercent(options.weight), ...changing(options) }));
    });
  addRemoval(define, settle);
  define('add-vs NAME ADDRESS', 'adds a virtual server; what is not said is as the defaults of the file say', true)
    .option('--protocol <P>', 'tcp, udp or sctp; default tcp')
    .option('--scheduler <S>', SCHEDULERS.join(', '))
    .option('--forward <METHOD>', 'dr, nat or tun')
    .option('--persistence <TIME>', 'a client keeps its real server for so long: 300s, 5m')
    .option('--one-packet', 'every UDP datagram is scheduled by itself (with --forward dr or tun)')
    .action((name, address, options) => {
      const target = { name: words.readNewName(name), address: words.readServiceTarget(address) };
      settle(call('add_vs', { ...target, ...serviceOptions(options), ...changing(options) }));
    });
  define('del-vs SERVICE', 'removes a virtual server', true).action((service, options) =>
    settle(call('del_vs', { service: words.readService(service), ...changing(options) })),
  );
  define('take-over SERVICE', "makes a service that somebody else put into the kernel lbd's own", true).action(
    (service, options) => settle(call('take_over', { service: words.readService(service), ...changing(options) })),
  );
  define(
    'failover INSTANCE',
    'gives the addresses to another director without a gap; this one stays back until that one fails',
    true,
  )
    .option('--check', 'compares both directors (global.peers), says whether it would be done, and does nothing')
    .option('--force', 'though the other director is not fit for it, or does not tell')
    .option('--for <TIME>', 'this one may take over again after that time: 10m, 2h')
    .option('--undo', 'this one may take over again now')
    .action((instance, options) => {
      if (options.undo && (options.check || options.for !== undefined))
        throw new words.UsageError('--undo of failover stands alone');
      if (options.force && (options.check || options.undo)) throw new words.UsageError('--force of failover only gives away');
      const length = given({ for: optional(options.for, words.readSeconds) });
      const flags = given({ undo: options.undo, check: options.check, force: options.force } as Record<string, true | undefined>);
      settle(call('failover', { instance: words.readName(instance), ...length, ...flags, ...changing(options) }));
    });
  define('reload', 'reads the configuration file again; any error in it changes nothing', true).action((options) =>
    settle(call('reload', changing(options))),
  );
}

const FOOTER = `
SERVICE is a name, tcp/192.0.2.10:80 or fwmark/7; RS is ADDRESS:PORT. Options may stand before or after the words.
Exit status: 0 done; 1 refused or failed, or doctor found something to do; 2 the command line is wrong; 3 lbd cannot be reached; 4 invalid configuration.`;

/** Takes the options of a command that is not asked for. */
const UNUSED = { option: () => UNUSED, requiredOption: () => UNUSED, action: () => UNUSED } as unknown as Command;

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
    const command = program.command(name).description(summary).allowExcessArguments(false);
    for (const arg of args) command.argument(arg.startsWith('[') ? arg : `<${arg}>`);
    command.addOption(new Option('-o, --output <FORMAT>', FORMATS.join(', ')).default('table'));
    command.option('--socket <PATH>', `lbd's control socket (LBD_SOCKET; default ${DEFAULT_SOCKET})`);
    command.option('--reason <TEXT>', changes ? 'kept with the change and shown by why' : 'only of use for a change');
    if (changes) command.option('--dry-run', 'says what would be done, and does nothing');
    return command;
  };
  addLooking(define, settle);
  addChanging(define, settle);
  addStates(define, settle);
  define('check-config FILE', 'checks a configuration file; needs no daemon').action((file) =>
    settle({ kind: 'check-config', file: words.readName(file) }),
  );
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
  if (COMMANDS.includes(name)) return name;
  if (LATER.has(name)) throw new words.UsageError(`this version of lbd does not have "${name}" yet`);
  throw new words.UsageError(`unknown command "${name}"${didYouMean(name, COMMANDS)} (see lbctl --help)`);
}

function readFormat(word: string): Format {
  if (FORMATS.includes(word as Format)) return word as Format;
  throw new words.UsageError(`unknown output format "${word}": there is ${FORMATS.join(', ')}${didYouMean(word, FORMATS)}`);
}

/** Reads a command line. Throws UsageError, whose message is one line. */
export function parseCommandLine(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Invocation {
  const arranged = arrange(argv);
  const name = COMMANDS.find((one) => one === arranged[0]);
  const { program, settled } = programFor(name);
  settled.length = 0;
  const command = program.commands.find((one) => one.name() === name);
  try {
    program.parse(arranged, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (settled.length === 0) throw new words.UsageError(reword(error, command));
  }
  const options: Options = command?.opts() ?? {};
  const text = settled.filter((work) => work.kind === 'text').map((work) => work.text);
  const work: Work | undefined = text.length > 0 ? { kind: 'text', text: text.join('') } : settled[0];
  if (!work) throw new words.UsageError('no command (see lbctl --help)');
  const columns = { counters: options.stats === true, rates: options.rate === true };
  const socket = (options.socket as string | undefined) ?? env.LBD_SOCKET ?? DEFAULT_SOCKET;
  return {
    work,
    columns,
    format: readFormat(String(options.output ?? 'table')),
    socket: socket === '' ? DEFAULT_SOCKET : socket,
  };
}
