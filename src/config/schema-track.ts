/** What VRRP instances track, the scripts that they may name, and sync groups. */
import * as v from 'valibot';
import { timing } from './schema-check.js';
import { command } from './schema-notify.js';
import { choice, duration, interfaceName, list, mapping, name, path, text, whole } from './schema-tools.js';

/** The least and the most that still leaves a priority of 1 to 254. */
const MOST = 253;
/** A number in a file times this; 254 and more of it is out of every range. */
const MOST_OF_FILE = 254;
const LONGEST_DELAY = 3_600_000;
const MOST_PROCESSES = 65_535;

const weight = v.optional(whole('weight', -MOST, MOST), 0);
const delays = {
  up_delay: v.optional(duration('up_delay', 0, LONGEST_DELAY), '0s'),
  down_delay: v.optional(duration('down_delay', 0, LONGEST_DELAY), '0s'),
};

const lists = {
  interfaces: v.optional(
    list('interfaces', mapping('a tracked interface', { name: interfaceName('name of an interface'), weight, ...delays })),
    [],
  ),
  scripts: v.optional(list('scripts', mapping('a tracked script', { name: name('name of a script'), weight })), []),
  processes: v.optional(
    list(
      'processes',
      mapping('a tracked process', {
        name: v.pipe(
          text('name of a process'),
          v.check(
            (word) => !/[\0\n]/.test(word) && word.trim() === word,
            'the name of a process is one line without space around it',
          ),
        ),
        count: v.optional(whole('count', 1, MOST_PROCESSES), 1),
        weight,
        ...delays,
      }),
    ),
    [],
  ),
  files: v.optional(
    list(
      'files',
      mapping('a tracked file', { path: path('path'), weight: v.optional(whole('weight', -MOST_OF_FILE, MOST_OF_FILE), 1) }),
    ),
    [],
  ),
  virtual_servers: v.optional(
    list('virtual_servers', mapping('a tracked virtual server', { name: name('name of a virtual server'), weight })),
    [],
  ),
};

export const track = v.optional(mapping('track', lists));

export const script = mapping('a script', {
  name: name('name of a script'),
  command,
  interval: timing.interval,
  timeout: timing.timeout,
  rise: timing.rise,
  fall: timing.fall,
  user: v.optional(text('user')),
  init: v.optional(choice('beginning of a script', ['wait', 'up', 'down'])),
});

export const syncGroup = mapping('a sync group', {
  name: name('name of a sync group'),
  members: v.pipe(
    list('members', name('name of a VRRP instance')),
    v.minLength(1, 'members is empty: name the VRRP instances of the group'),
  ),
  track,
});

export type TrackShape = NonNullable<v.InferOutput<typeof track>>;
export type ScriptShape = v.InferOutput<typeof script>;
export type SyncGroupShape = v.InferOutput<typeof syncGroup>;
