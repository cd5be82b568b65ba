// lbctl(1), from the grammar that commander has: a command that is defined there is here too.
import { also, bold, escaped, example, indented, italic, item, paragraph, section, styled, title } from './roff.mjs';

const placeholder = ({ name, required, variadic }) => {
  const word = `${italic(name)}${variadic ? '...' : ''}`;
  return required ? word : `[${word}]`;
};

/** `\fB-o\fR, \fB--output\fR \fIFORMAT\fR` */
function flagsOf({ words, value }) {
  const spelled = words.map(bold).join(', ');
  if (!value) return spelled;
  return value.optional ? `${spelled} [${italic(value.name)}]` : `${spelled} ${italic(value.name)}`;
}

function textOf({ text, value, usual }) {
  const choices = value && value.choices.length > 0 ? `: ${value.choices.join(', ')}` : '';
  return `${text}${choices}${usual === undefined ? '' : `; default: ${usual}`}`;
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const option = (one) => item(flagsOf(one), sentence(textOf(one)));

/** Those that every command has, whatever each of them says about it. */
function commonOptions({ commands }) {
  const first = commands[0]?.options ?? [];
  return first.filter(({ flags }) => commands.every(({ options }) => options.some((one) => one.flags === flags)));
}

function command(one, common) {
  const own = one.options.filter(({ flags }) => !common.some((other) => other.flags === flags));
  const needed = own.filter(({ mandatory }) => mandatory).map(flagsOf);
  const tag = [bold(one.name), ...one.arguments.map(placeholder), ...needed].join(' ');
  return [item(tag, sentence(one.summary)), ...(own.length > 0 ? indented(own.map(option)) : [])];
}

/** `# sentence`, then a command line and what it prints, as the test of this page runs it. */
export function examplesIn(text) {
  return text
    .split(/^# (?=.*\n\$ )/m)
    .slice(1)
    .map((block) => {
      const [sentence, ...lines] = block.trimEnd().split('\n');
      return { sentence, text: lines.join('\n') };
    });
}

const STATUSES = [
  [0, 'Done.'],
  [1, 'Refused or failed; doctor found something to do.'],
  [2, 'The command line is wrong; nothing was asked of lbd.'],
  [3, 'lbd cannot be reached.'],
  [4, 'The configuration is not valid; nothing was changed.'],
];

export function lbctlPage({ grammar, examples, version }) {
  const common = commonOptions(grammar);
  const reason = (one) => (one.words.includes('--reason') ? { ...one, text: 'kept with a change, and shown by why' } : one);
  return [
    title('LBCTL', 1, version),
    section('NAME'),
    escaped(`lbctl - ${grammar.summary}`),
    section('SYNOPSIS'),
    styled('*lbctl* [_OPTION_]... _COMMAND_ [_WORD_]...'),
    section('DESCRIPTION'),
    paragraph(
      'lbctl asks the running lbd over its control socket, and tells it what to do. A change takes effect at once, carries who made it, when and why, and outlives reload and restart.',
    ),
    paragraph('Options may stand before or after the words. These stand for names:'),
    item(italic('SERVICE'), 'A virtual server: its name, or tcp/192.0.2.10:80, or fwmark/7.'),
    item(
      italic('RS'),
      'A real server: ADDRESS:PORT. The port may be left out where it is unambiguous; an IPv6 address with a port stands in brackets.',
    ),
    item(italic('INSTANCE'), 'A VRRP instance, by its name.'),
    item(italic('TIME'), 'A number with ms, s, m, h or d; without, of seconds.'),
    paragraph(
      'At a terminal, what takes longer than a second says on standard error, in one line that goes with the answer, what is waited for and how long at most. In a pipe it says nothing.',
    ),
    section('OPTIONS'),
    ...common.map(reason).map(option),
    ...grammar.options.map(option),
    section('COMMANDS'),
    ...grammar.commands.flatMap((one) => command(one, common)),
    section('EXIT STATUS'),
    ...STATUSES.map(([status, text]) => item(bold(String(status)), text)),
    section('ENVIRONMENT'),
    item(bold('LBD_SOCKET'), 'The control socket, where --socket does not say another.'),
    item(bold('NO_COLOR'), 'No colours, at a terminal either.'),
    section('FILES'),
    item(italic('/run/lbd/lbd.sock'), 'The control socket, unless global.control.socket says another.'),
    section('EXAMPLES'),
    ...examplesIn(examples).flatMap(({ sentence, text }) => [paragraph(sentence), example(text)]),
    section('SEE ALSO'),
    also([
      ['lbd', 8],
      ['lbd.yaml', 5],
      ['ipvsadm', 8],
    ]),
  ];
}
