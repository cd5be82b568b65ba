/** The grammar of lbctl as data: what completion and the manual page are made of, at build time. */
import type { Argument, Command, Option } from 'commander';

export interface DescribedValue {
  /** `SERVICE`, `TIME`: what the help calls it. */
  readonly name: string;
  /** The words that it may be, where commander was told. */
  readonly choices: readonly string[];
}

export interface DescribedArgument extends DescribedValue {
  readonly required: boolean;
  /** It takes all words that follow. */
  readonly variadic: boolean;
}

export interface DescribedOption {
  /** `-o, --output <FORMAT>` */
  readonly flags: string;
  /** `-o`, `--output` */
  readonly words: readonly string[];
  /** Undefined: it is a flag. */
  readonly value: (DescribedValue & { readonly optional: boolean }) | undefined;
  readonly text: string;
  /** The command cannot be without it. */
  readonly mandatory: boolean;
  readonly usual: string | undefined;
}

export interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly DescribedArgument[];
  readonly options: readonly DescribedOption[];
}

export interface DescribedGrammar {
  readonly summary: string;
  /** Without hidden ones. */
  readonly commands: readonly DescribedCommand[];
  /** Those of lbctl without a command: help and version. */
  readonly options: readonly DescribedOption[];
}

const describeArgument = (one: Argument): DescribedArgument => ({
  name: one.name(),
  choices: one.argChoices ?? [],
  required: one.required,
  variadic: one.variadic,
});

function describeOption(one: Option): DescribedOption {
  const [, name] = /[<[]([^>\]]+)[>\]]/.exec(one.flags) ?? [];
  return {
    flags: one.flags,
    words: [one.short, one.long].filter((word) => word !== undefined),
    value: name === undefined ? undefined : { name, choices: one.argChoices ?? [], optional: one.optional },
    text: one.description,
    mandatory: one.mandatory,
    usual: one.defaultValue === undefined ? undefined : String(one.defaultValue),
  };
}

const describeCommand = (command: Command): DescribedCommand => ({
  name: command.name(),
  summary: command.description(),
  arguments: command.registeredArguments.map(describeArgument),
  options: command.options.filter(({ hidden }) => !hidden).map(describeOption),
});

export function describeProgram(program: Command): DescribedGrammar {
  // What the help shows: without what is hidden, and with the option for the help itself.
  const help = program.createHelp();
  return {
    summary: program.description(),
    commands: help.visibleCommands(program).map(describeCommand),
    options: help.visibleOptions(program).map(describeOption),
  };
}
