/** What set-vs may set, and how it is written: of a virtual server as it is. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint } from '../base/ip.js';
import type { ServiceSet } from './changed.js';
import type { RealServerConfig, ServiceSettings } from './types.js';

export type Setting = keyof ServiceSet;

type Settings = Omit<ServiceSettings, 'sorry'> & { readonly sorry: Pick<RealServerConfig, 'address' | 'port'> | undefined };

const TEXTS: { readonly [K in Setting]: (settings: Settings) => string } = {
  scheduler: ({ scheduler }) => scheduler,
  scheduler_flags: ({ schedulerFlags: flags }) => (flags.length === 0 ? 'none' : flags.join(',')),
  persistence: ({ persistence }) => (persistence ? formatDuration(persistence.timeout * 1000) : 'none'),
  persistence_prefix: ({ persistence }) => (persistence ? String(persistence.prefix) : 'none'),
  quorum: ({ quorum }) => String(quorum),
  hysteresis: ({ hysteresis }) => String(hysteresis),
  on_failure: ({ onFailure }) => onFailure,
  slow_start: ({ slowStart }) => (slowStart === undefined ? 'none' : formatDuration(slowStart)),
  sorry_server: ({ sorry }) => (sorry ? formatEndpoint(sorry.address, sorry.port) : 'none'),
};

export const SETTINGS = Object.keys(TEXTS) as Setting[];

/** `rr`, `5m`, `none`. */
export const settingText = (settings: Settings, setting: Setting): string => TEXTS[setting](settings);

/** Those in which two differ. */
export const differences = (before: Settings, after: Settings): Setting[] =>
  SETTINGS.filter((one) => settingText(before, one) !== settingText(after, one));
