/** Gratuitous ARP and unsolicited NA of the old file -> `announcements`. */
import { ANNOUNCEMENTS } from '../../base/announcements.js';
import { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import { passOver, textsOf, wholeOf, written } from './vrrp-values.js';
import type { Handlers, Importing } from './walk.js';

/** Times in milliseconds, 0 for none. What is not said is keepalived's default. */
export interface Garps {
  readonly repeat?: number;
  readonly delay?: number;
  readonly refresh?: number;
  readonly refreshRepeat?: number;
  readonly lowerRepeat?: number;
  readonly lowerDelay?: number;
  /** Between two frames, of IPv4 and of IPv6. */
  readonly garpInterval?: number;
  readonly gnaInterval?: number;
}

type Word = Exclude<keyof Garps, 'garpInterval' | 'gnaInterval'>;

interface Meaning {
  readonly word: Word;
  /** Of the number in the old file. */
  readonly least: number;
  readonly most: number;
  readonly isTime: boolean;
}

const HOUR = 3600;
const DAY = 86_400;
const ROUNDS = 100;

const WORDS: Readonly<Record<string, Meaning>> = {
  garp_master_delay: { word: 'delay', least: 0, most: HOUR, isTime: true },
  garp_master_repeat: { word: 'repeat', least: 1, most: ROUNDS, isTime: false },
  garp_master_refresh: { word: 'refresh', least: 0, most: DAY, isTime: true },
  garp_master_refresh_repeat: { word: 'refreshRepeat', least: 1, most: ROUNDS, isTime: false },
  garp_lower_prio_delay: { word: 'lowerDelay', least: 0, most: HOUR, isTime: true },
  garp_lower_prio_repeat: { word: 'lowerRepeat', least: 0, most: ROUNDS, isTime: false },
};

const MOST = 2 ** 32 - 1;

/** Handlers of the words, `prefix` before each; `keep` is told what each of them says. */
export function garpWords(prefix: string, importing: Importing, keep: (found: Garps, statement: Statement) => void): Handlers {
  const { notes } = importing;
  const handler = ({ word, least, most, isTime }: Meaning) => {
    return (statement: Statement): void => {
      const given = wholeOf(textsOf(statement)[0], 0, MOST);
      if (given === undefined) return passOver(statement, 'it is no number', importing);
      const value = Math.min(most, Math.max(least, given));
      if (value !== given) notes.change(statement, `lbd has ${least} to ${most}: it is ${value}`);
      keep({ [word]: isTime ? value * 1000 : value }, statement);
    };
  };
  return Object.fromEntries(Object.entries(WORDS).map(([word, meaning]) => [`${prefix}${word}`, handler(meaning)]));
}

const ORDER = ['repeat', 'delay', 'refresh', 'refresh_repeat', 'interval', 'other_master'];
const timeOrOff = (ms: number): string => (ms === 0 ? 'off' : written(ms));

const KEYS: Readonly<Record<Word, string>> = {
  repeat: 'repeat',
  delay: 'delay',
  refresh: 'refresh',
  refreshRepeat: 'refresh_repeat',
  lowerRepeat: 'repeat',
  lowerDelay: 'delay',
};
const TIMES: readonly Word[] = ['delay', 'refresh', 'lowerDelay'];
const isLower = (word: Word): boolean => word === 'lowerRepeat' || word === 'lowerDelay';

export interface AnnouncementsSheet {
  /** What an instance says itself. */
  put(found: Garps, from?: Statement): void;
  /** What it does not say: `inherited`, where lbd's own default is another. */
  fill(inherited: Garps, family: 4 | 6): void;
}

/** The most that an instance waits between two frames, milliseconds. */
const MOST_INTERVAL = 1000;

export function announcementsSheet(instance: Mapping, { sheet }: Importing): AnnouncementsSheet {
  const mapping = new Mapping(ORDER);
  /** What waits for something stands before all of it. */
  const attach = (): void => {
    if (instance.get('announcements') === undefined) sheet.set(instance, 'announcements', mapping);
  };
  const said = new Set<Word>();
  const put = (found: Garps, from?: Statement): void => {
    attach();
    for (const [word, value] of Object.entries(found) as [Word, number][]) {
      const home = isLower(word) ? sheet.mappingOf(mapping, 'other_master') : mapping;
      sheet.set(home, KEYS[word], TIMES.includes(word) ? timeOrOff(value) : value, from);
      said.add(word);
    }
  };
  return {
    put,
    fill({ garpInterval, gnaInterval, ...inherited }, family) {
      const usual: Readonly<Record<Word, number | undefined>> = {
        ...ANNOUNCEMENTS,
        lowerRepeat: undefined,
        lowerDelay: undefined,
      };
      const wanted = { refresh: 0, ...inherited };
      for (const [word, value] of Object.entries(wanted) as [Word, number][])
        if (!said.has(word) && value !== usual[word]) put({ [word]: value });
      const interval = family === 4 ? garpInterval : gnaInterval;
      if (!interval) return;
      attach();
      sheet.set(mapping, 'interval', `${Math.min(MOST_INTERVAL, interval)}ms`);
    },
  };
}
