/** notify_master and its kin, of instances and groups -> `notify` of an instance. */
import { commandWords, programOf, runAs } from './programs.js';
import { Listing, type Mapping, type Plain, plainValue } from './sheet.js';
import type { Statement } from './types.js';
import { idleEntry } from './vrrp-entries.js';
import { type Handlers, type Importing, refuseWhole } from './walk.js';

/** By keyword, the states that its program is told of; undefined: all. */
const STATES: Readonly<Record<string, readonly string[] | undefined>> = {
  notify_master: ['master'],
  notify_backup: ['backup'],
  notify_fault: ['fault'],
  notify_stop: ['stopped'],
  notify: undefined,
};
const STOPPED = 'it is told STOPPED where keepalived says STOP';

export interface NotifyPlace {
  /** The instance with whose states the program is called. */
  readonly mapping: Mapping;
  /** What keepalived puts behind the words of `notify`. */
  readonly words: readonly string[];
  readonly scriptUser: string | undefined;
  readonly importing: Importing;
}

export const instanceWords = ['INSTANCE', '{name}', '{STATE}', '{priority}'];
export const groupWords = (name: string): readonly string[] => ['GROUP', name, '{STATE}', '0'];

const shown = (value: Plain): string => JSON.stringify(plainValue(value));

export function notifyHandlers({ mapping, words, scriptUser, importing }: NotifyPlace): Handlers {
  const { sheet, notes } = importing;
  const said = new Set<string>();
  const read = (statement: Statement): void => {
    const keyword = statement.key.text;
    const [line, ...who] = commandWords(statement).map((one) => one.text);
    if (said.has(keyword)) return refuseWhole(statement, `${keyword} was said before: keepalived passes over it`, importing);
    said.add(keyword);
    const program = line === undefined ? { refused: 'it names no program: keepalived passes over it' } : programOf(line);
    if ('refused' in program) return refuseWhole(statement, program.refused, importing);
    const { user, note } = runAs(who, scriptUser);
    const states = STATES[keyword];
    const command = states ? program.command : [...program.command, ...words];
    const made = { command, states, user: user === 'root' ? undefined : user };
    if (mapping.get('notify') === undefined) sheet.set(mapping, 'notify', new Listing());
    const list = sheet.listOf(mapping, 'notify');
    if (isThere(list, made))
      return idleEntry(statement, 'the instance has the same program: keepalived calls it once, too', importing);
    for (const one of [note, program.note]) if (one !== undefined) notes.change(statement, one);
    if (!states) notes.change(statement, STOPPED);
    sheet.add(list, made, statement);
  };
  return Object.fromEntries(Object.keys(STATES).map((word) => [word, read]));
}

const isThere = ({ items }: Listing, made: Plain): boolean => items.some(({ value }) => shown(value) === shown(made));
