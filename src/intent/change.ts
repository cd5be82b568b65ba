/** A request of lbctl -> the new list of overrides, or the sentence that refuses it. */
import { formatEndpoint, type Ip, isLinkLocal6 } from '../base/ip.js';
import { serviceKey } from '../base/service-id.js';
import { didYouMean } from '../base/suggest.js';
import {
  isRefused,
  MAX_SECONDS,
  MAX_THRESHOLD,
  MAX_WEIGHT,
  PROTOCOLS,
  parseChoice,
  parseForward,
  parseScheduler,
  parseServerWord,
  parseServiceTarget,
  parseWeightWord,
} from '../base/words.js';
import type { Config, Forward } from '../config/types.js';
import { buildIntent, effectiveWeight, misfit } from './merge.js';
import type { Change, Override, Provenance, RealServerIntent, ServiceIntent } from './types.js';

/** Words as they came over the control socket. */
export type ChangeRequest =
  | {
      readonly kind: 'add-rs';
      readonly service: string;
      readonly rs: string;
      readonly weight?: number | undefined;
      readonly forward?: string | undefined;
      readonly upper?: number | undefined;
      readonly lower?: number | undefined;
    }
  | { readonly kind: 'set-rs'; readonly service: string; readonly rs: string; readonly weight: string }
  | { readonly kind: 'del-rs'; readonly service: string; readonly rs: string }
  | {
      readonly kind: 'add-vs';
      readonly name: string;
      readonly address: string;
      readonly protocol?: string | undefined;
      readonly scheduler?: string | undefined;
      readonly forward?: string | undefined;
      /** Seconds. */
      readonly persistence?: number | undefined;
      readonly one_packet?: boolean | undefined;
    }
  | { readonly kind: 'del-vs'; readonly service: string };

export type Decision =
  | { readonly overrides: readonly Override[]; readonly text: string; readonly subject: string }
  | { readonly refused: string };

type Refusal = { readonly refused: string };
type Services = readonly ServiceIntent[];

const refuse = (refused: string): Refusal => ({ refused });

function findService(services: Services, word: string): ServiceIntent | Refusal {
  const found =
    services.find((one) => one.name === word) ?? services.find((one) => one.ids.some((id) => serviceKey(id) === word));
  if (found) return found;
  const names = services.map((one) => one.name);
  const hint = didYouMean(word, names) || (names.length > 0 && names.length <= 20 ? `; there is ${names.join(', ')}` : '');
  return refuse(`unknown service "${word}"${hint}`);
}

function findServer(service: ServiceIntent, word: string): RealServerIntent | Refusal {
  const parsed = parseServerWord(word);
  if (isRefused(parsed)) return parsed;
  const { address, port } = parsed.value;
  const matches = service.realServers.filter((one) => one.address === address && (port === undefined || one.port === port));
  if (matches.length === 1) return matches[0] as RealServerIntent;
  if (matches.length > 1) return refuse(`the port is ambiguous: ${matches.map((one) => one.key).join(', ')}`);
  const there = service.realServers.map((one) => one.key);
  return refuse(
    `${service.name} has no real server ${word}${there.length > 0 && there.length <= 20 ? `; it has ${there.join(', ')}` : ''}`,
  );
}

const portOf = (service: ServiceIntent): number => (service.id.kind === 'address' ? service.id.port : 0);

function checkNewServer(service: ServiceIntent, address: Ip, port: number, forward: Forward): string | undefined {
  const key = formatEndpoint(address, port);
  if (service.realServers.some((one) => one.key === key)) return `${key} is a real server of ${service.name} already`;
  if (isLinkLocal6(address)) return `${address} is link-local: the kernel takes no such real server`;
  return misfit(service, address, port, forward);
}

const inRange = (value: number | undefined, max: number): boolean =>
  value === undefined || (Number.isInteger(value) && value >= 0 && value <= max);

function limits(request: Extract<ChangeRequest, { kind: 'add-rs' }>): { weight: number; upper: number; lower: number } | Refusal {
  const { weight = 1, upper = 0, lower = 0 } = request;
  if (!inRange(weight, MAX_WEIGHT)) return refuse(`weight ${weight} is outside 0 to ${MAX_WEIGHT}`);
  if (!inRange(upper, MAX_THRESHOLD) || !inRange(lower, MAX_THRESHOLD))
    return refuse(`connection thresholds are whole numbers from 0 to ${MAX_THRESHOLD}`);
  return lower > upper ? refuse(`lower (${lower}) is above upper (${upper})`) : { weight, upper, lower };
}

type Edit = {
  readonly change: Change | undefined;
  readonly without: (change: Change) => boolean;
  readonly text: string;
  readonly subject: string;
};

/** Overrides that speak of this real server. */
const about =
  (service: ServiceIntent, address: Ip, port: number) =>
  (change: Change): boolean =>
    'port' in change &&
    'service' in change &&
    change.service === service.name &&
    change.address === address &&
    change.port === port;

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
  const port = server.value.port ?? portOf(service);
  const forward = method?.value;
  const why = checkNewServer(service, address, port, forward ?? service.forward);
  if (why) return refuse(why);
  const key = formatEndpoint(address, port);
  // A service added at run time may have the name of one that the file has and del-vs hides: only the file's own has the file's servers.
  const ofFile = service.source.kind === 'file' ? config.virtualServers.find((vs) => vs.name === service.name) : undefined;
  const inFile = ofFile?.realServers.some((one) => formatEndpoint(one.address, one.port) === key);
  const without = about(service, address, port);
  const subject = `${service.name}/${key}`;
  // Hidden by del-rs: bringing it back is undoing that, and the weight asked for is a set-rs on the file's server.
  if (inFile) {
    const weight = { kind: 'absolute', weight: numbers.weight } as const;
    const change: Change | undefined =
      request.weight === undefined ? undefined : { kind: 'set-rs', service: service.name, address, port, weight };
    return { change, without, subject, text: `${key} is a real server of ${service.name} again, as the file has it` };
  }
  const change: Change = { kind: 'add-rs', service: service.name, address, port, forward, ...numbers };
  const waits = (ofFile?.checks.length ?? 0) > 0;
  const text = `added ${key} to ${service.name} with weight ${numbers.weight}${waits ? '; it takes traffic when its checks pass' : ''}`;
  return { change, without, subject, text };
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
  return {
    change: { kind: 'set-rs', service: service.name, address, port, weight: weight.value },
    without: (change) => same(change) && change.kind === 'set-rs',
    subject: `${service.name}/${key}`,
    text: `weight of ${key} in ${service.name}: ${server.weight} -> ${effective}${weight.value.kind === 'percent' ? ` (${request.weight} of ${server.configuredWeight})` : ''}`,
  };
}

function delRs(services: Services, request: Extract<ChangeRequest, { kind: 'del-rs' }>): Edit | Refusal {
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
  const { name, persistence = 0, one_packet: onePacket = false } = request;
  const protocol = parseChoice('protocol', request.protocol ?? (onePacket ? 'udp' : 'tcp'), PROTOCOLS);
  if (isRefused(protocol)) return protocol;
  const id = parseServiceTarget(request.address, protocol.value);
  if (isRefused(id)) return id;
  const scheduler = parseScheduler(request.scheduler ?? 'wlc');
  if (isRefused(scheduler)) return scheduler;
  const forward = parseForward(request.forward ?? 'nat');
  if (isRefused(forward)) return forward;
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
    return refuse(`"${name}" is no name of a virtual server: letters, digits, "_", "-" and ".", at most 63`);
  if (!inRange(persistence, MAX_SECONDS)) return refuse(`persistence ${persistence} is outside 0 to ${MAX_SECONDS} seconds`);
  if (onePacket && id.value.kind === 'address' && protocol.value !== 'udp')
    return refuse(`one-packet scheduling acts on UDP only: the kernel would ignore it for ${protocol.value}`);
  if (onePacket && request.forward === undefined)
    return refuse(
      'with one-packet scheduling and nat, answers do not come from the service: name the method (--forward dr, tun, or nat all the same)',
    );
  return { kind: 'add-vs', name, id: id.value, scheduler: scheduler.value, forward: forward.value, persistence, onePacket };
}

function addVs(services: Services, request: Extract<ChangeRequest, { kind: 'add-vs' }>): Edit | Refusal {
  const change = readNewService(request);
  if ('refused' in change) return change;
  const key = serviceKey(change.id);
  for (const other of services) {
    if (other.name === change.name) return refuse(`there is a virtual server named "${change.name}" already`);
    if (other.ids.some((id) => serviceKey(id) === key)) return refuse(`${key} is the address of "${other.name}" already`);
  }
  const text = `added the virtual server ${change.name} (${key}, ${change.scheduler}, ${change.forward})`;
  return { change, without: () => false, subject: change.name, text };
}

function delVs(services: Services, request: Extract<ChangeRequest, { kind: 'del-vs' }>): Edit | Refusal {
  const service = findService(services, request.service);
  if ('refused' in service) return service;
  const { name, key } = service;
  // Whatever was said of its real servers goes with it; one of that name in the file stays hidden.
  const without = (change: Change) =>
    change.kind === 'add-vs' ? change.name === name : change.service === name && change.kind !== 'del-vs';
  const change: Change | undefined = service.source.kind === 'file' ? { kind: 'del-vs', service: name } : undefined;
  return { change, without, subject: name, text: `removed the virtual server ${name} (${key})` };
}

function edit(config: Config, services: Services, request: ChangeRequest): Edit | Refusal {
  switch (request.kind) {
    case 'add-rs':
      return addRs(config, services, request);
    case 'set-rs':
      return setRs(services, request);
    case 'del-rs':
      return delRs(services, request);
    case 'add-vs':
      return addVs(services, request);
    case 'del-vs':
      return delVs(services, request);
  }
}

export function decideChange(
  config: Config,
  overrides: readonly Override[],
  request: ChangeRequest,
  provenance: Provenance,
): Decision {
  const { services } = buildIntent(config, overrides, 0).intent;
  const result = edit(config, services, request);
  if ('refused' in result) return result;
  const rest = overrides.filter((override) => !result.without(override.change));
  const next = result.change ? [...rest, { ...provenance, change: result.change }] : rest;
  return { overrides: next, text: result.text, subject: result.subject };
}
