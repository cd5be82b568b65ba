/** vrrp_script -> scripts. */
import { commandWords, runAs } from './programs.js';
import { Mapping } from './sheet.js';
import type { OldScript } from './track-definitions.js';
import type { Statement } from './types.js';
import { allOf, lastOf, passOver, textsOf, timeOf, wholeOf, written } from './vrrp-values.js';
import { type Handlers, type Importing, leaveNamed, refuseWhole, walk } from './walk.js';

const ORDER = ['name', 'command', 'interval', 'timeout', 'rise', 'fall', 'user', 'init'];
const SECOND = 1000;
const LEAST = 10;
const LONGEST = { interval: 3_600_000, timeout: 600_000 } as const;
const MOST = 1000;

const within = (ms: number, most: number): number => Math.min(most, Math.max(LEAST, ms));

/** Milliseconds of a word; keepalived takes 0 for 1 s. */
function given(statement: Statement, word: string): number | undefined {
  const ms = timeOf(lastOf(statement, word)?.args[0]?.text);
  return ms === 0 ? SECOND : ms;
}

interface Times {
  readonly interval: number;
  readonly timeout: number | undefined;
}

function timesOf(statement: Statement): Times {
  const interval = within(given(statement, 'interval') ?? SECOND, LONGEST.interval);
  const wanted = given(statement, 'timeout');
  const timeout = wanted === undefined ? undefined : within(wanted, LONGEST.timeout);
  return { interval, timeout };
}

function handlersOf(section: Mapping, old: OldScript, times: Times, importing: Importing): Handlers {
  const { sheet, notes } = importing;
  const time = (key: 'interval' | 'timeout') => (statement: Statement) => {
    const ms = timeOf(textsOf(statement)[0]);
    const value = times[key];
    if (ms === undefined || value === undefined) return passOver(statement, 'it is no time', importing);
    if (value !== ms)
      notes.change(statement, `it is ${written(value)}: ${key} is ${written(LEAST)} to ${written(LONGEST[key])} in lbd`);
    sheet.set(section, key, written(value), statement);
  };
  const count = (key: string) => (statement: Statement) => {
    const value = wholeOf(textsOf(statement)[0], 1, 2 ** 31 - 1);
    if (value === undefined) return passOver(statement, 'it is no number of 1 or more', importing);
    if (value > MOST) notes.change(statement, `lbd counts to ${MOST}`);
    sheet.set(section, key, Math.min(MOST, value), statement);
  };
  return {
    script(statement) {
      if ('refused' in old.program) return refuseWhole(statement, old.program.refused, importing);
      const [, ...more] = commandWords(statement);
      if (more.length > 0)
        notes.change(
          statement,
          `a command with words is in quotes: keepalived passes over ${more.map((one) => one.text).join(' ')}, and so it is written`,
        );
      if (old.program.note !== undefined) notes.change(statement, old.program.note);
      sheet.set(section, 'command', old.program.command, statement);
    },
    interval: time('interval'),
    timeout: time('timeout'),
    // It stands where the script is tracked, or at the foot.
    weight() {},
    rise: count('rise'),
    fall: count('fall'),
    user(statement) {
      const { user, note } = runAs(textsOf(statement), undefined);
      if (note !== undefined) notes.change(statement, note);
      sheet.set(section, 'user', user, statement);
    },
    init_fail: (statement) => sheet.set(section, 'init', 'down', statement),
  };
}

export function writeScript(old: OldScript, scriptUser: string | undefined, importing: Importing): void {
  const { sheet, notes } = importing;
  const { statement } = old;
  if ('refused' in old.program) return refuseWhole(statement, old.program.refused, importing);
  const section = new Mapping(ORDER);
  const times = timesOf(statement);
  sheet.add(sheet.listOf(sheet.root, 'scripts'), section, statement);
  sheet.set(section, 'name', old.name);
  if (old.name !== old.oldName) notes.change(statement, `a name of lbd has letters, digits, "_", "-" and ".": it is ${old.name}`);
  walk('vrrp_script', statement.block ?? [], handlersOf(section, old, times, importing), importing);
  if (section.get('interval') === undefined && times.interval !== SECOND) sheet.set(section, 'interval', written(times.interval));
  if (section.get('user') === undefined) {
    const { user, note } = runAs([], scriptUser);
    if (note !== undefined) notes.change(statement, note);
    sheet.set(section, 'user', user);
  }
  // Those that count nowhere: who tracks the script says another one, or nobody does.
  for (const one of allOf(statement, 'weight')) if (!sheet.isSpent(one)) leaveNamed(one, sheet);
  sheet.end(section, statement.below);
}
