/** A request of lbctl -> the new list of overrides, or the sentence that refuses it. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint } from '../base/ip.js';
import { serviceKey } from '../base/service-id.js';
import {
  isRefused,
  MAX_SECONDS,
  MAX_THRESHOLD,
  MAX_WEIGHT,
  PROTOCOLS,
  parseChoice,
  parseForward,
  parseName,
  parseScheduler,
  parseServerWord,
  parseServiceTarget,
  parseWeightWord,
} from '../base/words.js';
import { whichPortFault } from '../config/build-server.js';
import type { Config, RealServerConfig } from '../config/types.js';
import { about, type Edit, findServer, findService, inRange, type Refusal, refuse, type Services } from './find.js';
import { buildIntent, effectiveWeight } from './merge.js';
import { type SetVsWords, setVs } from './set-vs.js';
import { ADMIN_TEXT, type DrainWords, drainAway, type StateContext, type StateWords, setHost, setState } from './state-change.js';
import type { Change, Override, Provenance, ServiceIntent } from './types.js';

/** Of all that is no state. */
interface ForATime {
  /** Seconds until it ends by itself. */
  readonly for?: number | undefined;
}

/** Words as they came over the control socket. */
export type ChangeRequest =
  | (ForATime & {
      readonly kind: 'add-rs';
      readonly service: string;
      readonly rs: string;
      readonly weight?: number | undefined;
      readonly forward?: string | undefined;
      readonly upper?: number | undefined;
      readonly lower?: number | undefined;
    })
  | (ForATime & { readonly kind: 'set-rs'; readonly service: string; readonly rs: string; readonly weight: string })
  /** `drain`: when its connections have ended, or at the deadline. */
  | (ForATime & {
      readonly kind: 'del-rs';
      readonly service: string;
      readonly rs: string;
      readonly drain?: boolean | undefined;
    } & DrainWords)
  | (ForATime & {
      readonly kind: 'add-vs';
      readonly name: string;
      readonly address: string;
      readonly protocol?: string | undefined;
      readonly scheduler?: string | undefined;
      readonly forward?: string | undefined;
      /** Seconds. */
      readonly persistence?: number | undefined;
      readonly one_packet?: boolean | undefined;
    })
  | (ForATime & { readonly kind: 'set-vs'; readonly service: string } & SetVsWords)
  | (ForATime & { readonly kind: 'del-vs'; readonly service: string })
  | ({ readonly kind: 'set-state'; readonly service: string; readonly rs: string; readonly state: string } & StateWords)
  | ({ readonly kind: 'set-host'; readonly host: string; readonly state: string } & StateWords);

export type Decision =
  | {
      readonly overrides: readonly Override[];
      readonly text: string;
      readonly subject: string;
      /** What comes of it beside that, each a sentence: of the answer alone. */
      readonly notes: readonly string[];
    }
  | { readonly refused: string };

const portOf = (service: ServiceIntent): number => (service.id.kind === 'address' ? service.id.port : 0);

function limits(request: Extract<ChangeRequest, { kind: 'add-rs' }>): { weight: number; upper: number; lower: number } | Refusal {
  const { weight = 1, upper = 0, lower = 0 } = request;
  if (!inRange(weight, MAX_WEIGHT)) return refuse(`weight ${weight} is outside 0 to ${MAX_WEIGHT}`);
  if (!inRange(upper, MAX_THRESHOLD) || !inRange(lower, MAX_THRESHOLD))
    return refuse(`connection thresholds are whole numbers from 0 to ${MAX_THRESHOLD}`);
  return lower > upper ? refuse(`lower (${lower}) is above upper (${upper})`) : { weight, upper, lower };
}

function addRs(config: Config, services: Services, request: Extract<ChangeRequest, { kind: 'add-rs' }>): Edit | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const server = parseServerWord(request.rs);
  if (isRefused(server)) return server;
  const method = request.forward === undefined ? undefined : parseForward(request.forward);
  if (method && isRefused(method)) return method;
  const numbers = limits(request);
  if ('refused' in numbers) return numbers;
  const { address } = server.value;
  const forward = method?.value;
  const unclear = server.value.port === undefined && whichPortFault(address, forward ?? service.forward, service);
  if (unclear) return refuse(unclear);
  const port = server.value.port ?? portOf(service);
  const key = formatEndpoint(address, port);
  if (service.realServers.some((one) => one.key === key)) return refuse(`${key} is a real server of ${service.name} already`);
  // A service added at run time may have the name of one that the file has and del-vs hides: only the file's own has the file's servers.
  const ofFile = service.source.kind === 'file' ? config.virtualServers.find((vs) => vs.name === service.name) : undefined;
  const inFile = ofFile?.realServers.find((one) => formatEndpoint(one.address, one.port) === key);
  const without = about(service, address, port);
  const subject = `${service.name}/${key}`;
  // Hidden by del-rs: bringing it back is undoing that, and the weight asked for is a set-rs on the file's server.
  if (inFile) {
    const other = otherThanFile(inFile, request);
    if (other)
      return refuse(
        `the file has ${key} in ${service.name}, hidden by del-rs, with ${other}: leave that out, or change the file`,
      );
    const weight = { kind: 'absolute', weight: numbers.weight } as const;
    const change: Change | undefined =
      request.weight === undefined || request.weight === inFile.weight
        ? undefined
        : { kind: 'set-rs', service: service.name, address, port, weight };
    return { change, without, subject, text: `${key} is a real server of ${service.name} again, as the file has it` };
  }
  const change: Change = { kind: 'add-rs', service: service.name, address, port, forward, ...numbers };
  const text = `added ${key} to ${service.name} with weight ${numbers.weight}`;
  return { change, without, subject, text, more: (after) => waiting(after, service.name, key) };
}

function waiting(services: Services, name: string, key: string): string {
  const server = services.find((one) => one.name === name)?.realServers.find((one) => one.key === key);
  if (server?.admin)
    return `; its host ${server.address} is ${ADMIN_TEXT[server.admin.state]}: it takes no traffic before that ends`;
  return server && server.checks.length > 0 ? '; it takes traffic when its checks pass' : '';
}

/** What was asked for and is otherwise in the file, as the file has it. */
function otherThanFile(server: RealServerConfig, request: Extract<ChangeRequest, { kind: 'add-rs' }>): string | undefined {
  const key = (['forward', 'upper', 'lower'] as const).find((one) => request[one] !== undefined && request[one] !== server[one]);
  return key && `${key} ${server[key]}`;
}

function setRs(services: Services, request: Extract<ChangeRequest, { kind: 'set-rs' }>): Edit | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const server = findServer(service, request.rs);
  if ('refused' in server) return server;
  const weight = parseWeightWord(request.weight);
  if (isRefused(weight)) return weight;
  const { address, port, key } = server;
  const same = about(service, address, port);
  const effective = effectiveWeight(weight.value, server.configuredWeight);
  // The weight of the file is set by saying nothing else.
  const isFiles = weight.value.kind === 'absolute' && effective === server.configuredWeight && server.source.kind === 'file';
  return {
    change: isFiles ? undefined : { kind: 'set-rs', service: service.name, address, port, weight: weight.value },
    without: (change) => same(change) && change.kind === 'set-rs',
    subject: `${service.name}/${key}`,
    text: `weight of ${key} in ${service.name}: ${server.weight} -> ${effective}${weight.value.kind === 'percent' ? ` (${request.weight} of ${server.configuredWeight})` : ''}`,
  };
}

function delRs(context: StateContext, request: Extract<ChangeRequest, { kind: 'del-rs' }>): Edit | Refusal {
  if (request.drain) return drainAway(context, request);
  const { services } = context;
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const server = findServer(service, request.rs);
  if ('refused' in server) return server;
  const { address, port, key } = server;
  const change: Change | undefined =
    server.source.kind === 'file' ? { kind: 'del-rs', service: service.name, address, port } : undefined;
  return {
    change,
    without: about(service, address, port),
    subject: `${service.name}/${key}`,
    text: `removed ${key} from ${service.name}`,
  };
}

/** The words of add-vs, each read. */
function readNewService(request: Extract<ChangeRequest, { kind: 'add-vs' }>): Extract<Change, { kind: 'add-vs' }> | Refusal {
  const { persistence, one_packet: onePacket = false } = request;
  const name = parseName('name of a virtual server', request.name);
  if (isRefused(name)) return name;
  const protocol = parseChoice('protocol', request.protocol ?? (onePacket ? 'udp' : 'tcp'), PROTOCOLS);
  if (isRefused(protocol)) return protocol;
  const id = parseServiceTarget(request.address, protocol.value);
  if (isRefused(id)) return id;
  if (id.value.kind === 'fwmark' && request.protocol !== undefined)
    return refuse('a fwmark service takes every protocol: leave --protocol out');
  const scheduler = request.scheduler === undefined ? undefined : parseScheduler(request.scheduler);
  if (scheduler && isRefused(scheduler)) return scheduler;
  const forward = request.forward === undefined ? undefined : parseForward(request.forward);
  if (forward && isRefused(forward)) return forward;
  if (!inRange(persistence, MAX_SECONDS)) return refuse(`persistence ${persistence} is outside 0 to ${MAX_SECONDS} seconds`);
  const settings = { scheduler: scheduler?.value, forward: forward?.value, persistence, onePacket };
  return { kind: 'add-vs', name: name.value, id: id.value, ...settings };
}

/** As it will be, with the file's defaults. */
function describeNew(service: ServiceIntent | Refusal, checks: Config['defaults']): string {
  if ('refused' in service) return '';
  const kinds = [...new Set(checks?.checks?.map((check) => check.type))];
  const checked = kinds.length > 0 ? `checks of the defaults: ${kinds.join(', ')}` : 'no checks: its real servers are always up';
  const kept = service.persistence ? `, persistent for ${service.persistence.timeout}s` : '';
  return ` (${service.key}, ${service.scheduler}, ${service.forward}${kept}; ${checked})`;
}

function addVs(config: Config, services: Services, request: Extract<ChangeRequest, { kind: 'add-vs' }>): Edit | Refusal {
  const change = readNewService(request);
  if ('refused' in change) return change;
  const key = serviceKey(change.id);
  for (const other of services) {
    if (other.name === change.name) return refuse(`there is a virtual server named "${change.name}" already`);
    if (other.ids.some((id) => serviceKey(id) === key)) return refuse(`${key} is the address of "${other.name}" already`);
  }
  if (change.onePacket && (change.forward ?? config.defaults?.forward ?? 'nat') === 'nat' && request.forward === undefined)
    return refuse(
      'with one-packet scheduling and nat, answers do not come from the service: name the method (--forward dr, tun, or nat all the same)',
    );
  const more = (after: Services) => describeNew(findService(after, change.name), config.defaults);
  return { change, without: () => false, subject: change.name, text: `added the virtual server ${change.name}`, more };
}

function delVs(services: Services, request: Extract<ChangeRequest, { kind: 'del-vs' }>): Edit | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const { name, key } = service;
  // Whatever was said of its real servers goes with it; one of that name in the file stays hidden.
  const without = (change: Change) =>
    change.kind === 'add-vs' ? change.name === name : 'service' in change && change.service === name && change.kind !== 'del-vs';
  const change: Change | undefined = service.source.kind === 'file' ? { kind: 'del-vs', service: name } : undefined;
  return { change, without, subject: name, text: `removed the virtual server ${name} (${key})` };
}

function edit(context: StateContext, request: ChangeRequest): Edit | Refusal {
  const { config, services } = context;
  switch (request.kind) {
    case 'add-rs':
      return addRs(config, services, request);
    case 'set-rs':
      return setRs(services, request);
    case 'del-rs':
      return delRs(context, request);
    case 'add-vs':
      return addVs(config, services, request);
    case 'set-vs':
      return setVs(context, request);
    case 'del-vs':
      return delVs(services, request);
    case 'set-state':
      return setState(context, request);
    case 'set-host':
      return setHost(context, request);
  }
}

/** `--for` of what is no state: those have times of their own. */
function timeOf(request: ChangeRequest, { change }: Edit): { readonly seconds: number | undefined } | Refusal {
  if (request.kind === 'set-state' || request.kind === 'set-host' || request.for === undefined) return { seconds: undefined };
  if (request.for < 1 || !inRange(request.for, MAX_SECONDS)) return refuse(`--for is from 1s to ${MAX_SECONDS}s`);
  if (change?.kind === 'set-state') return refuse('del-rs with --drain is for good: leave --for out');
  return change ? { seconds: request.for } : refuse('--for means nothing here: there is nothing that could end');
}

/** The override with what is left of it. */
function trimmed(override: Override, { trim }: Edit): readonly Override[] {
  const change = trim ? trim(override.change) : override.change;
  if (change === override.change) return [override];
  return change === undefined ? [] : [{ ...override, change }];
}

export function decideChange(
  config: Config,
  overrides: readonly Override[],
  request: ChangeRequest,
  provenance: Provenance,
): Decision {
  const { services } = buildIntent(config, overrides, 0).intent;
  const result = edit({ config, services, overrides, now: Date.parse(provenance.when) }, request);
  if ('refused' in result) return result;
  const rest = overrides.filter((override) => !result.without(override.change)).flatMap((override) => trimmed(override, result));
  const time = timeOf(request, result);
  if ('refused' in time) return time;
  const ends = time.seconds === undefined ? {} : { ends: Date.parse(provenance.when) + time.seconds * 1000 };
  const mine: Override | undefined = result.change && { ...provenance, ...ends, change: result.change };
  const next = mine ? [...rest, mine] : rest;
  // What would be dropped by the next reload is refused now, for the same reason.
  const after = buildIntent(config, next, 0);
  const lost = after.dropped.find(({ override }) => override === mine);
  if (lost) return refuse(lost.reason);
  const length = time.seconds === undefined ? '' : `, for ${formatDuration(time.seconds * 1000)}`;
  const text = `${result.text}${length}${result.more?.(after.intent.services) ?? ''}`;
  return { overrides: next, text, subject: result.subject, notes: result.notes ?? [] };
}
