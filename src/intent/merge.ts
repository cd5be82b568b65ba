/**
 * Config + overrides -> what the administrator wants. Overrides apply in the order they were made, on top of the file:
 *
 *   add-vs   adds a virtual server          dropped when the file has one of that name or address now
 *   del-vs   hides a virtual server         dropped when there is none of that name any more
 *   add-rs   adds a real server             dropped when its service is gone, or the file has the server now
 *   set-rs   sets a real server's weight    dropped when the server is gone; a percentage is of the configured weight
 *   del-rs   hides a real server            dropped when there is none any more
 */
import { addressBits, familyOf, formatEndpoint, type Ip } from '../base/ip.js';
import { type ServiceId, serviceKey } from '../base/service-id.js';
import { isHashed, MAX_WEIGHT } from '../base/words.js';
import type { Config, Forward, RealServerConfig, VirtualServerConfig } from '../config/types.js';
import type {
  Change,
  DirectorIntent,
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
  /** What it is made of: the file's entry, or the override that added it. */
  readonly from: object;
  /** What was applied to it. */
  readonly applied: Override[];
  readonly service: Omit<ServiceIntent, 'realServers'>;
  readonly checks: VirtualServerConfig['checks'];
  readonly servers: Map<string, RealServerIntent>;
}

const FROM_FILE: Source = { kind: 'file' };

const fromOverride = ({ id, who, when, why }: Override): Source => ({ kind: 'override', override: { id, who, when, why } });

function draftServer(server: RealServerConfig, source: Source): RealServerIntent {
  const key = formatEndpoint(server.address, server.port);
  return { ...server, key, configuredWeight: server.weight, source, weightSource: source };
}

function draftService(vs: VirtualServerConfig, source: Source, from: object): Draft {
  const { checks, realServers, ...settings } = vs;
  const id = settings.ids[0] as ServiceId;
  const servers = new Map(
    realServers.map((server) => [formatEndpoint(server.address, server.port), draftServer(server, FROM_FILE)]),
  );
  return { from, applied: [], service: { ...settings, key: serviceKey(id), id, source }, checks, servers };
}

/** The weight that a setting means for a server; a share of a positive weight stays positive unless it is 0%. */
export function effectiveWeight(setting: WeightSetting, configured: number): number {
  if (setting.kind === 'absolute') return setting.weight;
  if (setting.percent === 0) return 0;
  return Math.min(MAX_WEIGHT, Math.max(Math.min(1, configured), Math.round((configured * setting.percent) / 100)));
}

/** By name. What nobody changes is not drafted: a change costs the same in a large table. */
type Drafts = Map<string, Draft | VirtualServerConfig>;

const isDraft = (one: Draft | VirtualServerConfig): one is Draft => 'applied' in one;

function draftOf(drafts: Drafts, name: string): Draft | undefined {
  const one = drafts.get(name);
  if (!one || isDraft(one)) return one;
  const draft = draftService(one, FROM_FILE, one);
  drafts.set(name, draft);
  return draft;
}

/** Why an override does not apply; undefined when it does (and has been applied). */
type Applied = string | undefined;

function applyAddVs(drafts: Drafts, change: Extract<Change, { kind: 'add-vs' }>, override: Override): Applied {
  const key = serviceKey(change.id);
  if (drafts.has(change.name)) return `the file has a virtual server ${change.name} now`;
  for (const one of drafts.values()) {
    const { name, ids } = isDraft(one) ? one.service : one;
    if (ids.some((id) => serviceKey(id) === key)) return `${key} is the address of ${name} in the file now`;
  }
  drafts.set(change.name, draftService(addedService(change), fromOverride(override), override));
  return undefined;
}

/** What lbctl does not say is as in a file that does not say it. */
function addedService({
  name,
  id,
  scheduler,
  forward,
  persistence,
  onePacket,
}: Extract<Change, { kind: 'add-vs' }>): VirtualServerConfig {
  return {
    name,
    ids: [id],
    scheduler,
    schedulerFlags: isHashed(scheduler) ? [`${scheduler}-fallback`] : [],
    persistence: persistence === 0 ? undefined : { timeout: persistence, prefix: addressBits(id.family), engine: '' },
    onePacket,
    forward,
    tunnel: { type: 'ipip', port: 0, checksum: 'none' },
    mss: 'auto',
    snat: false,
    follow: 'auto',
    onFailure: isHashed(scheduler) ? 'quiesce' : 'remove',
    checks: [],
    realServers: [],
  };
}

function applyAddRs(draft: Draft, change: Extract<Change, { kind: 'add-rs' }>, override: Override): Applied {
  const { address, port, weight, upper, lower } = change;
  const key = formatEndpoint(address, port);
  if (draft.servers.has(key)) return `the file has ${key} in ${draft.service.name} now`;
  const forward = change.forward ?? draft.service.forward;
  const why = misfit(draft.service, address, port, forward);
  if (why) return why;
  const { tunnel } = draft.service;
  const server = { address, port, weight, forward, tunnel, upper, lower, checks: draft.checks };
  draft.servers.set(key, draftServer(server, fromOverride(override)));
  return undefined;
}

/** Why a real server cannot be one of this service, if it cannot. */
export function misfit(
  service: Pick<ServiceIntent, 'name' | 'ids'>,
  address: Ip,
  port: number,
  forward: Forward,
): string | undefined {
  const family = service.ids[0]?.family;
  if (familyOf(address) !== family && forward !== 'tun')
    return `${address} is IPv${familyOf(address)}, ${service.name} is IPv${family}: only a tunnel carries one in the other`;
  const ports = service.ids.map((id) => (id.kind === 'address' ? id.port : 0));
  if (ports.includes(0)) return undefined;
  if (port === 0) return `port 0 is no port: ${service.name} has port ${ports[0]}`;
  if (forward !== 'nat' && !ports.includes(port))
    return `${forward} does not change ports: ${formatEndpoint(address, port)} must have port ${ports[0]}`;
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
  const draft = draftOf(drafts, change.service);
  if (!draft) return `there is no virtual server ${change.service} any more`;
  if (change.kind === 'del-vs') {
    drafts.delete(change.service);
    return undefined;
  }
  const reason = change.kind === 'add-rs' ? applyAddRs(draft, change, override) : applyToServer(draft, change, override);
  if (reason === undefined) draft.applied.push(override);
  return reason;
}

/**
 * A memo: what has not changed is the same object as before, so that everything after this sees by identity what there is to do, and
 * a change of one real server costs the same in a table of ten services and of ten thousand.
 */
const finished = new WeakMap<object, { readonly applied: readonly Override[]; readonly service: ServiceIntent }>();

function finish(one: Draft | VirtualServerConfig): ServiceIntent {
  const { from, applied } = isDraft(one) ? one : { from: one, applied: [] };
  const known = finished.get(from);
  if (known && known.applied.length === applied.length && known.applied.every((done, i) => done === applied[i]))
    return known.service;
  const draft = isDraft(one) ? one : draftService(one, FROM_FILE, one);
  const service = { ...draft.service, realServers: [...draft.servers.values()] };
  finished.set(from, { applied, service });
  return service;
}

/** A memo, as above. */
const directors = new WeakMap<Config, DirectorIntent>();

function directorOf(config: Config): DirectorIntent {
  const { kernel, connectionSync, timeouts } = config;
  const director = directors.get(config) ?? { kernel, connectionSync, timeouts };
  directors.set(config, director);
  return director;
}

export function buildIntent(config: Config, overrides: readonly Override[], revision: number): Merged {
  const drafts: Drafts = new Map(config.virtualServers.map((vs) => [vs.name, vs]));
  const kept: Override[] = [];
  const dropped: DroppedOverride[] = [];
  for (const override of overrides) {
    const reason = apply(drafts, override);
    if (reason === undefined) kept.push(override);
    else dropped.push({ override, reason });
  }
  const { vrrpInstances: instances } = config;
  const services = [...drafts.values()].map(finish);
  return { intent: { revision, services, instances, director: directorOf(config) }, kept, dropped };
}
