/** drain, undrain, disable, enable of a real server or of a host, and del-rs that drains first. */
import { formatDuration } from '../base/duration.js';
import { type Ip, parseIp } from '../base/ip.js';
import { isRefused, MAX_SECONDS, parseChoice, refusesIdle } from '../base/words.js';
import type { Config } from '../config/types.js';
import { isEndless, ownWord } from './admin.js';
import { about, type Edit, findServer, findService, inRange, type Refusal, refuse, type Services } from './find.js';
import { decideSticky } from './sticky.js';
import type { Admin, AdminState, Override, RealServerIntent, ServiceIntent, Sticky } from './types.js';

export interface DrainWords {
  /** Seconds until what is left is cut. */
  readonly deadline?: number | undefined;
  /** Nothing is ever cut, UDP neither. */
  readonly no_deadline?: boolean | undefined;
  readonly sticky?: string | undefined;
}

export interface StateWords extends DrainWords {
  /** Seconds until the state ends by itself. */
  readonly for?: number | undefined;
}

export interface StateContext {
  readonly config: Config;
  readonly services: Services;
  readonly overrides: readonly Override[];
  /** Wall clock in ms since 1970. */
  readonly now: number;
}

/** What the kernel keeps a silent UDP flow for, unless `timeouts` says otherwise (ip_vs_proto_udp.c). */
const UDP_SECONDS = 300;

const ADMIN_WORDS = { drain: 'drain', disable: 'disabled', undrain: 'drain', enable: 'disabled' } as const;
export const ADMIN_TEXT = { drain: 'draining', disabled: 'disabled' } as const;
const STICKY: readonly Sticky[] = ['honour', 'break'];

interface Words {
  readonly word: keyof typeof ADMIN_WORDS;
  readonly sticky: Sticky | undefined;
}

const isEnd = (word: keyof typeof ADMIN_WORDS): boolean => word === 'undrain' || word === 'enable';

/** The words of a request, each read. */
function readWords(request: StateWords & { readonly state: string }): Words | Refusal {
  const { deadline, no_deadline: never, for: length } = request;
  const word = parseChoice('state', request.state, Object.keys(ADMIN_WORDS) as (keyof typeof ADMIN_WORDS)[]);
  if (isRefused(word)) return word;
  const sticky = request.sticky === undefined ? undefined : parseChoice('choice for sticky', request.sticky, STICKY);
  if (sticky && isRefused(sticky)) return sticky;
  if (!inRange(deadline, MAX_SECONDS)) return refuse(`deadline ${deadline} is outside 0 to ${MAX_SECONDS} seconds`);
  if (!inRange(length, MAX_SECONDS) || length === 0) return refuse(`for ${length} is outside 1 to ${MAX_SECONDS} seconds`);
  if (deadline !== undefined && never) return refuse('either a deadline or none: both were said');
  const ofDrain = deadline !== undefined || never || sticky;
  if (word.value !== 'drain' && ofDrain) return refuse(`deadline and sticky belong to drain, not to ${word.value}`);
  if (isEnd(word.value) && length !== undefined) return refuse(`for belongs to drain and disable, not to ${word.value}`);
  if (deadline !== undefined && length !== undefined && deadline >= length)
    return refuse(`the deadline (${span(deadline)}) would come after the end of the drain (${span(length)})`);
  return { word: word.value, sticky: sticky?.value };
}

const span = (seconds: number): string => formatDuration(seconds * 1000);

interface Times {
  readonly state: Pick<AdminState, 'until' | 'expires'>;
  /** `until` of UDP services where none was said. */
  readonly udpUntil: number | undefined;
  readonly udpSeconds: number;
}

function timesOf({ config, now }: StateContext, request: StateWords): Times {
  const { deadline, no_deadline: never, for: length } = request;
  const udpSeconds = config.timeouts.udp || UDP_SECONDS;
  const isDefault = deadline === undefined && !never && (length === undefined || length > udpSeconds);
  return {
    state: {
      ...(deadline === undefined ? {} : { until: now + deadline * 1000 }),
      ...(length === undefined ? {} : { expires: now + length * 1000 }),
    },
    udpUntil: isDefault ? now + udpSeconds * 1000 : undefined,
    udpSeconds,
  };
}

const back = ({ for: length }: StateWords): string => (length === undefined ? '' : `; ready again after ${span(length)}`);

function cutText({ deadline }: StateWords, udpSeconds: number | undefined): string {
  if (deadline !== undefined) return `; what is left after ${span(deadline)} is cut`;
  if (udpSeconds === undefined) return '';
  return `; UDP that is left after ${span(udpSeconds)} is cut, for a steady sender never ends (--deadline never: not at all)`;
}

/** Each director has its own overrides. */
const otherDirector = ({ config }: StateContext): string[] =>
  config.vrrpInstances.length > 0 && !config.global.peers.some(({ share }) => share)
    ? ['this director alone knows of it: give the other one the same command']
    : [];

/** The kernel chooses the server all the same, and then refuses the client. */
function refusalNotes(services: readonly ServiceIntent[]): string[] {
  const names = services.flatMap(({ name, scheduler, schedulerFlags }) => (refusesIdle(scheduler, schedulerFlags) ? [name] : []));
  if (names.length === 0) return [];
  const [one] = services.filter(({ name }) => name === names[0]);
  const which = one?.scheduler === 'dh' ? 'dh' : `${one?.scheduler} without ${one?.scheduler}-fallback`;
  return [
    `${which} still chooses it: new clients that it is chosen for are refused in ${named(names)}; lbctl disable gives them to others`,
  ];
}

const without = (services: Services, isConcerned: (service: ServiceIntent, server: RealServerIntent) => boolean): Services =>
  services.map((one) =>
    one.realServers.some((server) => isConcerned(one, server))
      ? { ...one, realServers: one.realServers.filter((server) => !isConcerned(one, server)) }
      : one,
  );

const by = ({ source }: Admin): string => (source.kind === 'override' ? ` (by ${source.override.who})` : '');

// ---- one real server -------------------------------------------------------------------------------------------------------------

interface Target {
  readonly service: ServiceIntent;
  readonly server: RealServerIntent;
  readonly subject: string;
}

function targetOf({ services }: StateContext, request: { readonly service: string; readonly rs: string }): Target | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const server = findServer(service, request.rs);
  if ('refused' in server) return server;
  return { service, server, subject: `${service.name}/${server.key}` };
}

function endState(target: Target, word: keyof typeof ADMIN_WORDS, context: StateContext): Edit | Refusal {
  const { service, server, subject } = target;
  const { address, port, key } = server;
  const state = ADMIN_WORDS[word];
  const own = ownWord(server);
  const host = server.said?.find((one) => one.host);
  if (own?.state !== state) {
    if (host?.state === state)
      return refuse(`${key} in ${service.name} is ${ADMIN_TEXT[state]} with its host: lbctl ${word} --host ${address} ends that`);
    return refuse(`${key} in ${service.name} is not ${ADMIN_TEXT[state]}${own ? `: it is ${ADMIN_TEXT[own.state]}` : ''}`);
  }
  const same = about(service, address, port);
  const text = host
    ? `${key} in ${service.name} is no more ${ADMIN_TEXT[state]} by itself, but its host ${address} is ${ADMIN_TEXT[host.state]}${by(host)}`
    : `${key} in ${service.name} is ready again`;
  return {
    change: undefined,
    without: (change) => same(change) && change.kind === 'set-state',
    subject,
    text,
    notes: otherDirector(context),
  };
}

/** The word that a real server drains. */
function beginDrain(
  target: Target,
  request: StateWords,
  asked: Sticky | undefined,
  context: StateContext,
): { readonly state: AdminState; readonly cut: string; readonly notes: readonly string[] } | Refusal {
  const { service, server } = target;
  if (asked && !service.persistence) return refuse(`${service.name} is not persistent: leave --sticky out`);
  const others = without(context.services, (one, each) => one.name === service.name && each.key === server.key);
  const { kernel } = context.config;
  const decided = decideSticky({ asked, concerned: [service], others, kernel, now: context.now });
  if ('refused' in decided) return decided;
  const { state, udpUntil, udpSeconds } = timesOf(context, request);
  const isDefault = udpUntil !== undefined && isEndless(service);
  return {
    state: {
      state: 'drain',
      ...state,
      ...(isDefault ? { until: udpUntil } : {}),
      ...(decided.sticky ? { sticky: decided.sticky } : {}),
    },
    cut: cutText(request, isDefault ? udpSeconds : undefined),
    notes: [...decided.notes, ...refusalNotes([service]), ...otherDirector(context)],
  };
}

export function setState(
  context: StateContext,
  request: StateWords & { readonly service: string; readonly rs: string; readonly state: string },
): Edit | Refusal {
  const target = targetOf(context, request);
  if ('refused' in target) return target;
  const words = readWords(request);
  if ('refused' in words) return words;
  if (isEnd(words.word)) return endState(target, words.word, context);
  const { service, server, subject } = target;
  const { address, port, key } = server;
  const same = about(service, address, port);
  const edit = { without: (change: Parameters<typeof same>[0]) => same(change) && change.kind === 'set-state', subject };
  const place = { kind: 'set-state', service: service.name, address, port } as const;
  if (words.word === 'disable') {
    const text = `${key} in ${service.name} is disabled: out of the table, its connections are cut${back(request)}`;
    const change = { ...place, state: 'disabled' as const, ...timesOf(context, request).state };
    return { ...edit, change, text, notes: otherDirector(context) };
  }
  const drain = beginDrain(target, request, words.sticky, context);
  if ('refused' in drain) return drain;
  const text = `${key} in ${service.name} drains: no new connections${drain.cut}${back(request)}`;
  return { ...edit, change: { ...place, ...drain.state }, text, notes: drain.notes };
}

/** del-rs that drains first: an override of a drain, of which a del-rs comes when it is over (expiry.ts). */
export function drainAway(
  context: StateContext,
  request: DrainWords & { readonly service: string; readonly rs: string },
): Edit | Refusal {
  const target = targetOf(context, request);
  if ('refused' in target) return target;
  const words = readWords({ ...request, state: 'drain' });
  if ('refused' in words) return words;
  const drain = beginDrain(target, request, words.sticky, context);
  if ('refused' in drain) return drain;
  const { service, server, subject } = target;
  const { address, port, key } = server;
  const same = about(service, address, port);
  const change = { kind: 'set-state', service: service.name, address, port, ...drain.state, remove: true } as const;
  const text = `${key} in ${service.name} drains: no new connections; it is removed when it is empty${drain.cut}`;
  return {
    change,
    without: (one) => same(one) && one.kind === 'set-state',
    subject,
    text,
    notes: [...drain.notes, 'lbctl undrain keeps it, as long as it is there'],
  };
}

// ---- a host ----------------------------------------------------------------------------------------------------------------------

/** So many services are named. */
const NAMED = 10;

function named(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

interface Host {
  readonly address: Ip;
  readonly servers: readonly { readonly service: ServiceIntent; readonly server: RealServerIntent }[];
  /** `2 real servers (web, mail)` */
  readonly text: string;
}

function hostOf({ services }: StateContext, word: string): Host | Refusal {
  const address = parseIp(word);
  if (!address) return refuse(`"${word}" is no address of a host: give it without a port`);
  const servers = services.flatMap((service) =>
    service.realServers.flatMap((server) => (server.address === address ? [{ service, server }] : [])),
  );
  const names = [...new Set(servers.map(({ service }) => service.name))];
  const count = servers.length === 1 ? '1 real server' : `${servers.length} real servers`;
  return { address, servers, text: names.length === 0 ? 'no real server at present' : `${count} (${named(names)})` };
}

/** What goes on beside what was said of the host. */
function hostNotes({ services }: StateContext, { address, servers }: Host, ends: boolean): string[] {
  const own = servers.flatMap(({ service, server }) => {
    const word = ownWord(server);
    return word ? [`${service.name}/${server.key} is ${ADMIN_TEXT[word.state]}${by(word)}`] : [];
  });
  const sorry = services.filter((one) => one.sorry?.address === address).map((one) => one.name);
  return [
    ...(own.length > 0 ? [`${ends ? 'by words of their own' : 'beside that, by words of their own'}: ${named(own)}`] : []),
    ...(sorry.length > 0 && !ends ? [`it stays the sorry server of ${named(sorry)}`] : []),
  ];
}

function endHost(context: StateContext, host: Host, word: keyof typeof ADMIN_WORDS): Edit | Refusal {
  const { address } = host;
  const state = ADMIN_WORDS[word];
  const found = context.overrides.find(({ change }) => change.kind === 'set-host' && change.address === address)?.change;
  const is = found?.kind === 'set-host' ? found.state : undefined;
  if (is !== state) return refuse(`host ${address} is not ${ADMIN_TEXT[state]}${is ? `: it is ${ADMIN_TEXT[is]}` : ''}`);
  return {
    change: undefined,
    without: (change) => change.kind === 'set-host' && change.address === address,
    subject: `host ${address}`,
    text: `host ${address} is ready again: ${host.text}`,
    notes: [...hostNotes(context, host, true), ...otherDirector(context)],
  };
}

export function setHost(
  context: StateContext,
  request: StateWords & { readonly host: string; readonly state: string },
): Edit | Refusal {
  const host = hostOf(context, request.host);
  if ('refused' in host) return host;
  const words = readWords(request);
  if ('refused' in words) return words;
  if (isEnd(words.word)) return endHost(context, host, words.word);
  const { address, servers } = host;
  if (servers.length === 0) return refuse(`no real server has the address ${address}`);
  const { state, udpUntil, udpSeconds } = timesOf(context, request);
  const edit = {
    without: (change: Override['change']) => change.kind === 'set-host' && change.address === address,
    subject: `host ${address}`,
  };
  const change = { kind: 'set-host', address, state: ADMIN_WORDS[words.word], ...state } as const;
  const notes = [...hostNotes(context, host, false), ...otherDirector(context)];
  if (words.word === 'disable') {
    const text = `host ${address} is disabled: ${host.text} out of the table, their connections are cut${back(request)}`;
    return { ...edit, change, text, notes };
  }
  const concerned = [...new Set(servers.map(({ service }) => service))];
  const others = without(context.services, (_, server) => server.address === address);
  const decided = decideSticky({ asked: words.sticky, concerned, others, kernel: context.config.kernel, now: context.now });
  if ('refused' in decided) return decided;
  const udp = udpUntil !== undefined && concerned.some(isEndless);
  const text = `host ${address} drains: no new connections to ${host.text}${cutText(request, udp ? udpSeconds : undefined)}${back(request)}`;
  return {
    ...edit,
    change: {
      ...change,
      ...(udpUntil === undefined ? {} : { udpUntil }),
      ...(decided.sticky ? { sticky: decided.sticky } : {}),
    },
    text,
    notes: [...decided.notes, ...refusalNotes(concerned), ...notes],
  };
}
