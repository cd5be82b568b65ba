/** What of VRRP is a problem, for `lbctl status`. */
import type { ApiInstance, ApiProblemLine } from '../../control/api.js';
import { critical, warning } from './problem-lines.js';

/** Refused adverts are a problem while they come, and for this long after. */
const RECENT_S = 300;
/** Lateness below is a timer's own grain, whatever the interval. */
const GRAIN_MS = 3;

/** Backups wait for three intervals and a bit: what is more than a tenth of one late takes from that. */
function lateness({ name, state, lateness: late, advert_interval_ms: interval }: ApiInstance): ApiProblemLine[] {
  if (state !== 'master' || late.last_minute_ms <= Math.max(GRAIN_MS, interval / 10)) return [];
  const advice = 'this process does not get the processor when it needs it';
  return [
    warning(`${name}: adverts left up to ${late.last_minute_ms} ms late in the last minute (every ${interval} ms): ${advice}`),
  ];
}

/** Refused adverts of another master are told with it, with their meaning. */
function refused({ name, rejected, rivals }: ApiInstance): ApiProblemLine[] {
  const told = new Set(rivals.map((one) => one.address));
  return rejected
    .filter((one) => one.last_seconds <= RECENT_S && !(told.size > 0 && one.senders.every(({ address }) => told.has(address))))
    .map(({ reason, count, from }) => warning(`${name}: ${count} adverts refused: ${reason}, last from ${from}`));
}

/** In FAULT the reason says it. */
const trackedDown = ({ name, tracked }: ApiInstance): ApiProblemLine[] =>
  tracked
    .filter((one) => one.state === 'down')
    .map(({ what, text, effect }) => warning(`${name}: ${what} is down: ${text}${effect === '' ? '' : ` (${effect})`}`));

/** What a master should have and has not. */
const missingOf = ({ addresses, paths, virtual_mac: mac }: ApiInstance): string[] => [
  ...addresses.filter((one) => !one.held).map((one) => one.address),
  ...(mac && !mac.up ? [`the interface ${mac.interface}`] : []),
  ...paths.filter((one) => !one.there).map(({ what, text }) => (text === '' ? what : `${what} (${text})`)),
];

function problemsOf(instance: ApiInstance): ApiProblemLine[] {
  const { name, state, rivals, announcements } = instance;
  const missing = state === 'master' ? missingOf(instance) : [];
  return [
    ...rivals.map((one) => critical(`${name}: two masters: ${one.text}`)),
    ...(state === 'fault' ? [critical(`${name}: FAULT: ${instance.reason}`)] : trackedDown(instance)),
    ...(instance.held_back ? [critical(`${name}: does not take over: ${instance.reason}`)] : []),
    ...(missing.length > 0 ? [critical(`${name}: master without ${missing.join(', ')}`)] : []),
    ...(instance.accept_problem !== null && state !== 'fault'
      ? [critical(`${name}: accept: false is not kept: ${instance.accept_problem}`)]
      : []),
    ...(instance.weights_problem === null ? [] : [warning(`${name}: weights of no use: ${instance.weights_problem}`)]),
    ...(announcements.verify === 'failed' ? [critical(`${name}: ${announcements.text}`)] : []),
    ...(announcements.verify === 'impossible' ? [warning(`${name}: announcements are not verified: ${announcements.text}`)] : []),
    ...lateness(instance),
    ...refused(instance),
  ];
}

/** An error text instead of an answer; undefined when the process is not needed. */
export function vrrpProblems(vrrp: readonly ApiInstance[] | string | undefined): ApiProblemLine[] {
  if (vrrp === undefined) return [];
  return typeof vrrp === 'string' ? [critical(`VRRP: ${vrrp}`)] : vrrp.flatMap(problemsOf);
}
