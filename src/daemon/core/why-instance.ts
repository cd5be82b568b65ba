/** `lbctl why VI_1`: what an instance is, and everything that speaks for or against it, the worst first. */
import type { ApiInstance, ApiWhy } from '../../control/api.js';
import { signingText } from '../../control/signing-text.js';

function roleStep({ state, master, effective_priority: own }: ApiInstance): string[] {
  if (state === 'master') return [`this director is master, with priority ${own}`];
  if (!master) return [];
  const { address, priority, last_advert_seconds: ago } = master;
  return [`master is ${address} with priority ${priority}, last heard ${ago}s ago; own priority ${own}`];
}

const rivalStep = ({ text, since_seconds: since, last_seconds: last, adverts }: ApiInstance['rivals'][number]): string =>
  `two masters: ${text}; ${adverts} adverts in ${since}s, the last ${last}s ago`;

function refusedStep({ reason, count, from, last_seconds: last, senders }: ApiInstance['rejected'][number]): string {
  const others = senders.slice(1).map((one) => `${one.address} ${one.count} times`);
  const more = others.length > 0 ? `; before it ${others.join(', ')}` : '';
  return `refused ${count} adverts: ${reason}; last from ${from} ${last}s ago${more}`;
}

function latenessStep({ state, lateness, advert_interval_ms: interval }: ApiInstance): string[] {
  if (state !== 'master' || lateness.adverts === 0) return [];
  const { p99_ms: p99, last_minute_ms: recent, max_ms: most } = lateness;
  return [
    `own adverts, every ${interval} ms: 99 % at most ${p99} ms late, up to ${recent} ms in the last minute and ${most} ms ever`,
  ];
}

const announcementsStep = ({ verify, text }: ApiInstance['announcements']): string[] =>
  verify === 'off' ? [] : [`announcements ${verify}: ${text}`];

function acceptStep({ accept, accept_problem: problem }: ApiInstance): string[] {
  if (problem !== null) return [`accept: false is not kept: ${problem}`];
  return accept
    ? []
    : ['accept: false: packets to its addresses are dropped, but what IPVS takes (nft list table inet lbd_vrrp)'];
}

/** What goes with the office beside addresses. */
const besideSteps = ({ paths, virtual_mac: mac }: ApiInstance): string[] => [
  ...(mac ? [`interface ${mac.interface} with the MAC ${mac.mac}: ${mac.up ? 'up' : mac.there ? 'down' : 'not there'}`] : []),
  ...paths.map(({ what, there, text }) => `${what}: ${there ? 'there' : 'not there'}${text === '' ? '' : `: ${text}`}`),
];

function waitStep({ takes_over_in_seconds: wait, waits_for: what }: ApiInstance): string[] {
  if (wait === null) return [];
  const early = what === null ? '' : `when it has the connections (${what}), or `;
  return [`takes over from it ${early}in ${wait}s, unless something goes wrong here before`];
}

/** What lowers or raises its priority, and what it moves with. */
function trackedSteps({ group, tracked, effective_priority: own, priority, weights_problem: useless }: ApiInstance): string[] {
  return [
    ...(own !== priority && own > 0 ? [`priority ${own} instead of ${priority} by what it tracks`] : []),
    ...(group === null ? [] : [`moves with the sync group ${group}`]),
    ...tracked.map(
      ({ what, state, since_seconds: since, effect, text }) =>
        `tracks ${what}: ${state} for ${since}s: ${text}${effect === '' ? '' : ` (${effect})`}`,
    ),
    ...(useless === null ? [] : [`weights of no use: ${useless}`]),
  ];
}

export function whyInstance(instance: ApiInstance): ApiWhy {
  const { name, state, reason, since_seconds: since, addresses } = instance;
  const [rival] = instance.rivals;
  const steps = [
    `${state} for ${since}s: ${reason}`,
    ...instance.rivals.map(rivalStep),
    ...roleStep(instance),
    ...trackedSteps(instance),
    ...waitStep(instance),
    ...addresses.map(
      ({ address, held, advertised }) => `${address}: ${held ? 'held' : 'not held'}${advertised ? '' : ', not advertised'}`,
    ),
    ...besideSteps(instance),
    ...acceptStep(instance),
    ...announcementsStep(instance.announcements),
    ...(instance.signing ? [signingText(instance.signing)] : []),
    ...latenessStep(instance),
    ...instance.rejected.map(refusedStep),
  ];
  const summary = rival ? `${name} is ${state}, and not alone: ${rival.text}` : `${name} is ${state}: ${reason}`;
  return { target: name, summary, steps, checks: [] };
}
