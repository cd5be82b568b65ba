/** Which events somebody wants to see. */
import type { ApiEvent } from './api.js';

/** What events are about, in the order of a life: the words of `kind`. */
export const EVENT_KINDS = [
  'start',
  'reload',
  'apply',
  'save',
  'override',
  'share',
  'verdict',
  'suspicion',
  'weight',
  'pool',
  'quorum',
  'drain',
  'table',
  'drift',
  'setting',
  'sync',
  'track',
  'vrrp',
  'notify',
  'process',
  'stop',
] as const;

export interface EventWish {
  /** Not before; ISO 8601. */
  readonly since_time?: string;
  /** One of EVENT_KINDS, or several with commas between. */
  readonly kind?: string;
  /** `web`: of the virtual server and of its real servers. */
  readonly subject?: string;
}

const kindsOf = (kind: string): readonly string[] => kind.split(',').map((one) => one.trim());

const timeOf = (text: string): string | undefined => {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
};

/** What is wrong with the wish, or undefined. */
export function wrongWish({ since_time: time, kind }: EventWish): string | undefined {
  if (time !== undefined && timeOf(time) === undefined) return `since_time "${time}" is no time: write 2026-11-28T10:00:00Z`;
  const unknown = kind === undefined ? undefined : kindsOf(kind).find((one) => !(EVENT_KINDS as readonly string[]).includes(one));
  return unknown === undefined ? undefined : `there are no events of the kind "${unknown}": there is ${EVENT_KINDS.join(', ')}`;
}

/** Whether an event is wanted. */
export function wishOf({ since_time: time, kind, subject }: EventWish): (event: ApiEvent) => boolean {
  const from = time === undefined ? '' : (timeOf(time) ?? '');
  const kinds = kind === undefined ? undefined : kindsOf(kind);
  return (event) =>
    event.at >= from &&
    (kinds === undefined || kinds.includes(event.kind)) &&
    (subject === undefined || event.subject === subject || event.subject.startsWith(`${subject}/`));
}
