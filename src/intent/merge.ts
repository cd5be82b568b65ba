/**
 * Config + overrides -> what the administrator wants. Overrides apply in the order they were made, on top of the file:
 *
 *   add-vs   adds a virtual server          dropped when the file has one of that name or address now
 *   del-vs   hides a virtual server         dropped when there is none of that name any more
 *   add-rs   adds a real server             dropped when its service is gone, or the file has the server now
 *   set-rs   sets a real server's weight    dropped when the server is gone; a percentage is of the configured weight
 *   del-rs   hides a real server            dropped when there is none any more
 */
import { familyOf, formatEndpoint } from '../base/ip.js';
import { MAX_WEIGHT } from '../base/words.js';
import type { Config, RealServerConfig, VirtualServerConfig } from '../config/types.js';
import { type ServiceId, serviceKey } from '../ipvs/types.js';
import type {
  Change,
  DroppedOverride,
  Intent,
  Override,
  RealServerIntent,
  ServiceIntent,
  Source,
  WeightSetting,
} from './types.js';

export interface Merged {
  readonly intent: Intent;
  readonly kept: readonly Override[];
  readonly dropped: readonly DroppedOverride[];
}

/** A service on its way to becoming an intent; its servers by key, in order. */
interface Draft {
  service: Omit<ServiceIntent, 'realServers'>;
  readonly checks: VirtualServerConfig['checks'];
  readonly servers: Map<string, RealServerIntent>;
}

const FROM_FILE: Source = { kind: 'file' };

const fromOverride = ({ id, who, when, why }: Override): Source => ({ kind: 'override', override: { id, who, when, why } });

function idOf(vs: Pick<VirtualServerConfig, 'protocol' | 'address' | 'port'>): ServiceId {
  return { kind: 'address', family: familyOf(vs.address), protocol: vs.protocol, address: vs.address, port: vs.port };
}

function draftServer(server: RealServerConfig, source: Source): RealServerIntent {
  const { address, port, weight, forward, upper, lower, checks } = server;
  const key = formatEndpoint(address, port);
  return { key, address, port, weight, configuredWeight: weight, forward, upper, lower, checks, source, weightSource: source };
}

function draftService(vs: VirtualServerConfig, source: Source): Draft {
  const id = idOf(vs);
  const { name, scheduler, forward, onFailure } = vs;
  const servers = new Map(
    vs.realServers.map((server) => [formatEndpoint(server.address, server.port), draftServer(server, FROM_FILE)]),
  );
  return { service: { name, key: serviceKey(id), id, scheduler, forward, onFailure, source }, checks: vs.checks, servers };
}

/** The weight that a setting means for a server; a share of a positive weight stays positive unless it is 0%. */
export function effectiveWeight(setting: WeightSetting, configured: number): number {
  if (setting.kind === 'absolute') return setting.weight;
  if (setting.percent === 0) return 0;
  return Math.min(MAX_WEIGHT, Math.max(Math.min(1, configured), Math.round((configured * setting.percent) / 100)));
}

type Drafts = Map<string, Draft>;
/** Why an override does not apply; undefined when it does (and has been applied). */
type Applied = string | undefined;

function applyAddVs(drafts: Drafts, change: Extract<Change, { kind: 'add-vs' }>, override: Override): Applied {
  const key = serviceKey(idOf(change));
  if (drafts.has(change.name)) return `the file has a virtual server ${change.name} now`;
  for (const draft of drafts.values())
    if (draft.service.key === key) return `${key} is the address of ${draft.service.name} in the file now`;
  const { name, protocol, address, port, scheduler, forward } = change;
  const vs: VirtualServerConfig = {
    name,
    protocol,
    address,
    port,
    scheduler,
    forward,
    onFailure: 'remove',
    checks: [],
    realServers: [],
  };
  drafts.set(name, draftService(vs, fromOverride(override)));
  return undefined;
}

function applyAddRs(draft: Draft, change: Extract<Change, { kind: 'add-rs' }>, override: Override): Applied {
  const { address, port, weight, upper, lower } = change;
  const key = formatEndpoint(address, port);
  if (draft.servers.has(key)) return `the file has ${key} in ${draft.service.name} now`;
  const forward = change.forward ?? draft.service.forward;
  const { id } = draft.service;
  if (familyOf(address) !== id.family) return `${draft.service.name} is IPv${id.family} now`;
  if (forward !== 'nat' && id.kind === 'address' && port !== id.port)
    return `${draft.service.name} has port ${id.port} now, which ${forward} cannot change`;
  draft.servers.set(
    key,
    draftServer({ address, port, weight, forward, upper, lower, checks: draft.checks }, fromOverride(override)),
  );
  return undefined;
}

function applyToServer(draft: Draft, change: Extract<Change, { kind: 'set-rs' | 'del-rs' }>, override: Override): Applied {
  const key = formatEndpoint(change.address, change.port);
  const server = draft.servers.get(key);
  if (!server) return `${draft.service.name} has no real server ${key} any more`;
  if (change.kind === 'del-rs') draft.servers.delete(key);
  else {
    const weight = effectiveWeight(change.weight, server.configuredWeight);
    draft.servers.set(key, { ...server, weight, weightSource: fromOverride(override) });
  }
  return undefined;
}

function apply(drafts: Drafts, override: Override): Applied {
  const { change } = override;
  if (change.kind === 'add-vs') return applyAddVs(drafts, change, override);
  const draft = drafts.get(change.service);
  if (!draft) return `there is no virtual server ${change.service} any more`;
  if (change.kind === 'del-vs') {
    drafts.delete(change.service);
    return undefined;
  }
  return change.kind === 'add-rs' ? applyAddRs(draft, change, override) : applyToServer(draft, change, override);
}

export function buildIntent(config: Config, overrides: readonly Override[], revision: number): Merged {
  const drafts: Drafts = new Map(config.virtualServers.map((vs) => [vs.name, draftService(vs, FROM_FILE)]));
  const kept: Override[] = [];
  const dropped: DroppedOverride[] = [];
  for (const override of overrides) {
    const reason = apply(drafts, override);
    if (reason === undefined) kept.push(override);
    else dropped.push({ override, reason });
  }
  const services = [...drafts.values()].map(({ service, servers }) => ({ ...service, realServers: [...servers.values()] }));
  return { intent: { revision, services, instances: config.vrrpInstances }, kept, dropped };
}
