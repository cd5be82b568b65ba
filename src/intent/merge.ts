/**
 * Config + overrides -> what the administrator wants. Overrides apply in the order they were made, on top of the file:
 *
 *   add-vs   adds a virtual server          dropped when the file has one of that name or address now
 *   del-vs   hides a virtual server         dropped when there is none of that name any more
 *   set-vs   sets some of its settings      dropped when it is gone, when the file says all of them too, or when the rules of the file refuse
 *                                           what both say together; one made later says what counts of a setting
 *   add-rs   adds a real server             dropped when its service is gone, or the file has the server now
 *   set-rs   sets a real server's weight    dropped when the server is gone, or the file has that weight now; a percentage is of the
 *                                           configured weight
 *   del-rs   hides a real server            dropped when there is none any more
 *   set-state  drains or disables a server  dropped when the server is gone
 *   set-host   the same for every server    never dropped: the host is what is being serviced, and a server that comes to it later,
 *              with that address            by reload or at run time, must not take traffic
 */
import { formatEndpoint, type Ip } from '../base/ip.js';
import { type ServiceId, serviceKey } from '../base/service-id.js';
import { isRefused, MAX_WEIGHT } from '../base/words.js';
import { buildAddedServer, buildAddedService } from '../config/added.js';
import { mixedFault } from '../config/build-director.js';
import { twinFinder } from '../config/build-service.js';
import { changeService } from '../config/changed.js';
import { destinationsOf } from '../config/destinations.js';
import { markFault } from '../config/passage.js';
import { differences, settingText } from '../config/settable.js';
import type { Config, DefaultsConfig, RealServerConfig, VirtualServerConfig } from '../config/types.js';
import { hostWord, withWord } from './admin.js';
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
  /** What it was added with beside that. */
  readonly defaults?: DefaultsConfig;
  /** What was applied to it. */
  readonly applied: Override[];
  service: Omit<ServiceIntent, 'realServers'>;
  readonly checks: VirtualServerConfig['checks'];
  readonly servers: Map<string, RealServerIntent>;
  /** A memo: knows all that may be in its table; undefined: has to be made anew. */
  findTwin?: ReturnType<typeof twinFinder> | undefined;
}

const FROM_FILE: Source = { kind: 'file' };

const fromOverride = ({ change: _, ...override }: Override): Source => ({ kind: 'override', override });

/** Key by key: for ten thousand of them a spread takes ten times as long. */
function draftServer(server: RealServerConfig, source: Source): RealServerIntent {
  const { address, port, weight, forward, tunnel, upper, lower, checks, needed, slowStart, tier } = server;
  return {
    key: formatEndpoint(address, port),
    address,
    port,
    weight,
    configuredWeight: weight,
    forward,
    tunnel,
    upper,
    lower,
    checks,
    needed,
    slowStart,
    tier,
    source,
    weightSource: source,
  };
}

function draftService(vs: VirtualServerConfig, source: Source, from: object): Draft {
  const { checks, realServers, sorry: last, ...settings } = vs;
  const sorry = last && draftServer(last, source);
  const id = settings.ids[0] as ServiceId;
  const servers = new Map(
    realServers.map((server) => [formatEndpoint(server.address, server.port), draftServer(server, FROM_FILE)]),
  );
  return { from, applied: [], service: { ...settings, sorry, key: serviceKey(id), id, source }, checks, servers };
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

function applyAddVs(config: Config, drafts: Drafts, change: Extract<Change, { kind: 'add-vs' }>, override: Override): Applied {
  const key = serviceKey(change.id);
  if (drafts.has(change.name)) return `the file has a virtual server ${change.name} now`;
  for (const one of drafts.values()) {
    const { name, ids } = isDraft(one) ? one.service : one;
    if (ids.some((id) => serviceKey(id) === key)) return `${key} is the address of ${name} in the file now`;
  }
  const fault = change.id.kind === 'fwmark' ? markFault(config.checking.probeMarks, change.id.fwmark) : undefined;
  if (fault) return fault;
  const service = buildAddedService(change, config.defaults);
  if (isRefused(service)) return service.refused;
  drafts.set(change.name, { ...draftService(service.value, fromOverride(override), override), defaults: config.defaults });
  return undefined;
}

function twinsOf({ service, servers }: Draft): ReturnType<typeof twinFinder> {
  const findTwin = twinFinder(service.name, service);
  for (const other of destinationsOf({ realServers: [...servers.values()], sorry: service.sorry })) findTwin(other);
  return findTwin;
}

function applyAddRs(config: Config, draft: Draft, change: Extract<Change, { kind: 'add-rs' }>, override: Override): Applied {
  const { name } = draft.service;
  const key = formatEndpoint(change.address, change.port);
  if (draft.servers.has(key)) return `the file has ${key} in ${name} now`;
  const server = buildAddedServer(change, { name, settings: draft.service, checks: draft.checks });
  if (isRefused(server)) return server.refused;
  const findTwin = draft.findTwin ?? twinsOf(draft);
  draft.findTwin = undefined;
  const fault = findTwin(server.value) ?? (config.connectionSync && mixedFault(draft.service, [server.value]));
  if (fault) return fault;
  draft.findTwin = findTwin;
  draft.servers.set(key, draftServer(server.value, fromOverride(override)));
  return undefined;
}

/** Servers that are slow to start as the service is go on with it; those with a time of their own keep it (changeService). */
function applySetVs(config: Config, draft: Draft, change: Extract<Change, { kind: 'set-vs' }>, override: Override): Applied {
  const { service: before, checks } = draft;
  const { name } = before;
  const servers = [...draft.servers.values()];
  const changed = changeService({ name, settings: before, servers, checks }, change.set, config.defaults);
  if (isRefused(changed)) return changed.refused;
  draft.findTwin = undefined;
  const { settings } = changed.value;
  const others = differences(before, settings);
  if (others.length === 0)
    return before.source.kind === 'file' ? `the file says the same of ${name} now` : `${name} is so without it`;
  const source = fromOverride(override);
  const isOther = settings.sorry !== before.sorry;
  const fault = isOther && settings.sorry && config.connectionSync && mixedFault(before, [settings.sorry]);
  if (fault) return fault;
  const sorry = isOther ? settings.sorry && draftServer(settings.sorry, source) : before.sorry;
  const told = others.map((one) => ({
    setting: one,
    value: settingText(settings, one),
    before: before.changed?.find(({ setting }) => setting === one)?.before ?? settingText(before, one),
    source,
  }));
  const earlier = (before.changed ?? []).filter(({ setting }) => !others.includes(setting));
  draft.service = { ...before, ...settings, sorry, changed: [...earlier, ...told] };
  for (const [i, server] of servers.entries()) {
    const { slowStart } = changed.value.servers[i] ?? server;
    if (slowStart !== server.slowStart) draft.servers.set(server.key, { ...server, slowStart });
  }
  return undefined;
}

function applyToServer(
  draft: Draft,
  change: Extract<Change, { kind: 'set-rs' | 'del-rs' | 'set-state' }>,
  override: Override,
): Applied {
  const key = formatEndpoint(change.address, change.port);
  const server = draft.servers.get(key);
  if (!server) return `${draft.service.name} has no real server ${key} any more`;
  if (change.kind === 'del-rs') {
    draft.servers.delete(key);
    draft.findTwin = undefined;
  } else if (change.kind === 'set-state') {
    const { kind: _, service: __, address: ___, port: ____, ...state } = change;
    draft.servers.set(key, withWord(server, { ...state, source: fromOverride(override) }));
  } else {
    const weight = effectiveWeight(change.weight, server.configuredWeight);
    const isFiles = change.weight.kind === 'absolute' && weight === server.configuredWeight && server.source.kind === 'file';
    if (isFiles) return `the file has weight ${weight} for ${key} in ${draft.service.name} now`;
    draft.servers.set(key, { ...server, weight, weightSource: fromOverride(override) });
  }
  return undefined;
}

/** A memo: names of the file's virtual servers by the addresses of their real servers. */
const addresses = new WeakMap<Config, Map<Ip, string[]>>();

function servicesAt(config: Config, drafts: Drafts, address: Ip): Set<string> {
  let index = addresses.get(config);
  if (!index) {
    index = new Map();
    for (const { name, realServers } of config.virtualServers) {
      for (const { address: one } of realServers) {
        const names = index.get(one);
        if (names) names.push(name);
        else index.set(one, [name]);
      }
    }
    addresses.set(config, index);
  }
  const added = [...drafts].flatMap(([name, one]) => (isDraft(one) ? [name] : []));
  return new Set([...(index.get(address) ?? []), ...added]);
}

/** After all others: whatever has come to the host by then. */
function applyToHost(
  config: Config,
  drafts: Drafts,
  change: Extract<Change, { kind: 'set-host' }>,
  override: Override,
): undefined {
  for (const name of servicesAt(config, drafts, change.address)) {
    const draft = draftOf(drafts, name);
    const servers = [...(draft?.servers.values() ?? [])].filter((one) => one.address === change.address);
    if (!draft || servers.length === 0) continue;
    const word = hostWord(change, draft.service, fromOverride(override));
    for (const server of servers) draft.servers.set(server.key, withWord(server, word));
    draft.applied.push(override);
  }
}

type OfService = Exclude<Change, { kind: 'add-vs' | 'del-vs' | 'set-host' }>;

function applyToService(config: Config, draft: Draft, change: OfService, override: Override): Applied {
  if (change.kind === 'add-rs') return applyAddRs(config, draft, change, override);
  if (change.kind === 'set-vs') return applySetVs(config, draft, change, override);
  return applyToServer(draft, change, override);
}

function apply(config: Config, drafts: Drafts, override: Override): Applied {
  const { change } = override;
  if (change.kind === 'add-vs') return applyAddVs(config, drafts, change, override);
  if (change.kind === 'set-host') return applyToHost(config, drafts, change, override);
  const draft = draftOf(drafts, change.service);
  if (!draft) return `there is no virtual server ${change.service} any more`;
  if (change.kind === 'del-vs') {
    drafts.delete(change.service);
    return undefined;
  }
  const reason = applyToService(config, draft, change, override);
  if (reason === undefined) draft.applied.push(override);
  return reason;
}

/**
 * A memo: what has not changed is the same object as before, so that everything after this sees by identity what there is to do, and
 * a change of one real server costs the same in a table of ten services and of ten thousand.
 */
const finished = new WeakMap<object, Pick<Draft, 'applied' | 'defaults'> & { readonly service: ServiceIntent }>();

function finish(one: Draft | VirtualServerConfig): ServiceIntent {
  const { from, applied, defaults }: Pick<Draft, 'from' | 'applied' | 'defaults'> = isDraft(one)
    ? one
    : { from: one, applied: [] };
  const known = finished.get(from);
  const same = known && known.defaults === defaults && known.applied.length === applied.length;
  if (same && known.applied.every((done, i) => done === applied[i])) return known.service;
  const draft = isDraft(one) ? one : draftService(one, FROM_FILE, one);
  const service = { ...draft.service, realServers: [...draft.servers.values()] };
  finished.set(from, { applied, defaults, service });
  return service;
}

/** A memo, as above. */
const directors = new WeakMap<Config, DirectorIntent>();

function directorOf(config: Config): DirectorIntent {
  const { kernel, connectionSync, timeouts, checking } = config;
  const director = directors.get(config) ?? { kernel, connectionSync, timeouts, checking };
  directors.set(config, director);
  return director;
}

const ofHosts = (override: Override): boolean => override.change.kind === 'set-host';

/** What was built of all but the last override, to go on from there; undefined: nothing was, or hosts have the last word. */
function earlier(known: readonly Built[], overrides: readonly Override[]): Built | undefined {
  if (overrides.length === 0 || overrides.some(ofHosts)) return undefined;
  const before = overrides.slice(0, -1);
  return known.find((one) => sameOverrides(one.overrides, before));
}

/** The drafts of what was built, with a copy of the one that `change` is about: what was built stays as it is. */
function goOn({ drafts }: Built, { change }: Override): Drafts {
  const next: Drafts = new Map(drafts);
  const draft = 'service' in change ? next.get(change.service) : undefined;
  if (!draft || !isDraft(draft)) return next;
  const { findTwin, applied, servers } = draft;
  next.set(draft.service.name, { ...draft, applied: [...applied], servers: new Map(servers), findTwin });
  // It knows one more server in a moment.
  draft.findTwin = undefined;
  return next;
}

/** A batch asks after each of its changes: to begin anew each time would stop core for minutes. */
function build(config: Config, overrides: readonly Override[], known: readonly Built[]): Built {
  const base = earlier(known, overrides);
  const last = overrides.at(-1);
  const drafts: Drafts = base && last ? goOn(base, last) : new Map(config.virtualServers.map((vs) => [vs.name, vs]));
  const dropped: DroppedOverride[] = base ? [...base.dropped] : [];
  const todo = base && last ? [last] : [...overrides.filter((one) => !ofHosts(one)), ...overrides.filter(ofHosts)];
  for (const override of todo) {
    const reason = apply(config, drafts, override);
    if (reason !== undefined) dropped.push({ override, reason });
  }
  const gone = new Set(dropped.map((one) => one.override));
  const kept = overrides.filter((one) => !gone.has(one));
  const { vrrpInstances: instances, syncGroups: groups, scripts } = config;
  const services = [...drafts.values()].map(finish);
  return { overrides, drafts, intent: { services, instances, groups, scripts, director: directorOf(config) }, kept, dropped };
}

interface Built extends Omit<Merged, 'intent'> {
  readonly overrides: readonly Override[];
  readonly drafts: Drafts;
  readonly intent: Omit<Intent, 'revision'>;
}

/** A memo: what was last built of each configuration. Who decides on a change and who adopts it ask for the same. */
const built = new WeakMap<Config, readonly Built[]>();
const REMEMBERED = 2;

const sameOverrides = (a: readonly Override[], b: readonly Override[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);

export function buildIntent(config: Config, overrides: readonly Override[], revision: number): Merged {
  const known = built.get(config) ?? [];
  const found = known.find((one) => sameOverrides(one.overrides, overrides)) ?? build(config, overrides, known);
  built.set(config, [found, ...known.filter((one) => one !== found)].slice(0, REMEMBERED));
  const { intent, kept, dropped } = found;
  return { intent: { revision, ...intent }, kept, dropped };
}
