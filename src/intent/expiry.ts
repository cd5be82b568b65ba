/** Overrides that end by themselves: states with an end of their own, and real servers that are removed when they are drained. */
import { formatEndpoint } from '../base/ip.js';
import type { Config } from '../config/types.js';
import { buildIntent } from './merge.js';
import type { Override, Provenance } from './types.js';

/** For an event. */
export interface Ended {
  readonly subject: string;
  readonly text: string;
}

export interface Settled {
  readonly overrides: readonly Override[];
  readonly ended: readonly Ended[];
}

const WORDS = { drain: 'its drain', disabled: 'being disabled' } as const;

const by = ({ who, when, why }: Provenance): string => `by ${who} at ${when}${why ? `: ${why}` : ''}`;

/** When an override is next to end, wall clock in ms since 1970. */
export function nextEnd(overrides: readonly Override[]): number | undefined {
  let next: number | undefined;
  for (const { change, ends } of overrides) {
    if (ends !== undefined) next = Math.min(next ?? ends, ends);
    if (change.kind !== 'set-state' && change.kind !== 'set-host') continue;
    const end = change.kind === 'set-state' && change.remove ? change.until : change.expires;
    if (end !== undefined) next = Math.min(next ?? end, end);
  }
  return next;
}

const isRemoval = ({ change }: Override): boolean => change.kind === 'set-state' && change.remove === true;

/** The drain is over, and del-rs comes of it: a server of the file stays hidden, one that was added at run time is gone. */
function remove(config: Config, overrides: readonly Override[], override: Override, how: string): Settled {
  const { change } = override;
  if (change.kind !== 'set-state') return { overrides, ended: [] };
  const { service, address, port } = change;
  const key = formatEndpoint(address, port);
  const found = buildIntent(config, overrides, 0).intent.services.find((one) => one.name === service);
  const server = found?.realServers.find((one) => one.key === key);
  const rest = overrides.filter(({ change: one }) => {
    const same = 'port' in one && 'service' in one && one.service === service && one.address === address && one.port === port;
    return !same;
  });
  const hidden: Override = { ...override, change: { kind: 'del-rs', service, address, port } };
  const text = `${how}: removed, as asked for ${by(override)}`;
  return {
    overrides: server?.source.kind === 'file' ? [...rest, hidden] : rest,
    ended: [{ subject: `${service}/${key}`, text }],
  };
}

function end(override: Override): Ended {
  const { change } = override;
  if (change.kind === 'set-host')
    return { subject: `host ${change.address}`, text: `ready again: ${WORDS[change.state]} has ended (${by(override)})` };
  if (change.kind !== 'set-state') throw new Error(`an override of kind ${change.kind} has no end`);
  const subject = `${change.service}/${formatEndpoint(change.address, change.port)}`;
  return { subject, text: `ready again: ${WORDS[change.state]} has ended (${by(override)})` };
}

const AGAIN: Readonly<Partial<Record<Override['change']['kind'], string>>> = {
  'add-rs': 'removed again',
  'add-vs': 'removed again',
  'set-rs': 'the weight is the configured one again',
  'set-vs': 'the settings are as before again',
  'del-rs': 'there again',
  'del-vs': 'there again',
};

/** What was said for a time. */
function endOfTime(override: Override): Ended {
  const { change } = override;
  const service = change.kind === 'add-vs' ? change.name : change.kind === 'set-host' ? `host ${change.address}` : change.service;
  const server = 'port' in change ? `/${formatEndpoint(change.address, change.port)}` : '';
  return { subject: `${service}${server}`, text: `${AGAIN[change.kind] ?? 'as before'}: its time is over (${by(override)})` };
}

/** What is over now. */
export function settle(config: Config, overrides: readonly Override[], now: number): Settled {
  let left = overrides;
  const ended: Ended[] = [];
  for (const override of overrides) {
    const { change } = override;
    const over = (at: number | undefined) => at !== undefined && at <= now;
    if (over(override.ends)) {
      left = left.filter((one) => one !== override);
      ended.push(endOfTime(override));
    }
    if (change.kind !== 'set-state' && change.kind !== 'set-host') continue;
    if (isRemoval(override) && over(change.until)) {
      const removed = remove(config, left, override, 'the deadline of its drain has come');
      left = removed.overrides;
      ended.push(...removed.ended);
    } else if (over(change.expires)) {
      left = left.filter((one) => one !== override);
      ended.push(end(override));
    }
  }
  return { overrides: left, ended };
}

/** The real server of override `id` is empty: it is removed if that was asked for. */
export function removeDrained(config: Config, overrides: readonly Override[], id: number): Settled {
  const override = overrides.find((one) => one.id === id && isRemoval(one));
  return override ? remove(config, overrides, override, 'it is empty') : { overrides, ended: [] };
}
