/** Two directors beside each other: what of the one would be missing when the other takes over. Pure. */
import type { ApiInstance, ApiRealServer, ApiService, ApiStatus } from './api.js';

export interface Director {
  /** How it is called in sentences. */
  readonly name: string;
  readonly status: ApiStatus;
  readonly services: readonly ApiService[];
}

export interface Comparison {
  /** Why the other one should not take over, each a sentence. */
  readonly obstacles: readonly string[];
  /** What one should know. */
  readonly notes: readonly string[];
}

/** Obstacles that are told; of a table with another scheme there is one for each server. */
const TOLD = 10;

const named = <T>(items: readonly T[], name: (one: T) => string): ReadonlyMap<string, T> =>
  new Map(items.map((one) => [name(one), one]));

const list = (words: readonly string[]): string =>
  words.length > 5 ? `${words.slice(0, 5).join(', ')} and ${words.length - 5} more` : words.join(', ');

/** What is here and not there, and the other way round; undefined: nothing. */
function difference(here: readonly string[], there: readonly string[]): string | undefined {
  const lacks = here.filter((one) => !there.includes(one));
  const more = there.filter((one) => !here.includes(one));
  const parts = [
    ...(lacks.length > 0 ? [`it lacks ${list(lacks)}`] : []),
    ...(more.length > 0 ? [`it also has ${list(more)}`] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : undefined;
}

const stateOf = ({ wanted }: ApiRealServer): string => wanted.admin?.state ?? 'ready';
const isUp = ({ verdict }: ApiRealServer): boolean => verdict.state === 'up' || verdict.state === 'unchecked';

function* compareServer(where: string, peer: string, here: ApiRealServer, there: ApiRealServer): Generator<string> {
  const { weight, forward, upper, lower } = here.wanted;
  const other = there.wanted;
  if (weight !== other.weight) yield `${where} has weight ${other.weight} at ${peer}, ${weight} here`;
  if (forward !== other.forward) yield `${where} is forwarded by ${other.forward} at ${peer}, by ${forward} here`;
  if (upper !== other.upper || lower !== other.lower)
    yield `${where} has the thresholds ${other.upper} and ${other.lower} at ${peer}, ${upper} and ${lower} here`;
  if (stateOf(here) !== stateOf(there)) yield `${where} is ${stateOf(there)} at ${peer}, ${stateOf(here)} here`;
  if (isUp(here) && !isUp(there)) yield `${peer} has ${where} ${there.verdict.state}: ${there.verdict.reason}`;
}

function* compareService(peer: string, here: ApiService, there: ApiService): Generator<string> {
  const keys = difference(here.keys, there.keys);
  if (keys !== undefined) yield `${here.name} is another one at ${peer}: ${keys}`;
  if (here.scheduler !== there.scheduler)
    yield `${here.name} has the scheduler ${there.scheduler} at ${peer}, ${here.scheduler} here`;
  const options = difference(here.options, there.options);
  if (options !== undefined) yield `${here.name} has other options at ${peer}: ${options}`;
  const others = named(there.real_servers, ({ address }) => address);
  const servers = difference(
    here.real_servers.map(({ address }) => address),
    [...others.keys()],
  );
  if (servers !== undefined) yield `${here.name} has other real servers at ${peer}: ${servers}`;
  for (const server of here.real_servers) {
    const other = others.get(server.address);
    if (other) yield* compareServer(`${here.name}/${server.address}`, peer, server, other);
  }
  if (!there.in_sync) yield `the kernel of ${peer} does not have ${here.name} as ${peer} wants it`;
}

const isOurs = ({ source }: Pick<ApiService, 'source'>): boolean => source === 'file' || source === 'runtime';

/** By key: the names are each director's own affair. */
function* compareServices(here: Director, there: Director): Generator<string> {
  const others = new Map(there.services.filter(isOurs).flatMap((one) => one.keys.map((key) => [key, one] as const)));
  for (const service of here.services.filter(isOurs)) {
    const other = others.get(service.key);
    if (other) yield* compareService(there.name, service, other);
    else yield `${there.name} has no virtual server ${service.key} (${service.name} here)`;
  }
  if (!there.status.ipvs.usable) yield `${there.name} cannot use IPVS: ${there.status.ipvs.text}`;
}

/** Names of interfaces are each director's own. */
export type Office = Pick<ApiInstance, 'name' | 'family' | 'virtual_router_id' | 'version'>;

const sameOffice = (a: Office, b: Office): boolean =>
  a.virtual_router_id === b.virtual_router_id && a.family === b.family && a.version === b.version;

/** The other one's instance of the same office, by its name where a VRID is used on several links. */
export function counterpart<T extends Office>(ours: Office, theirs: readonly T[]): T | undefined {
  const same = theirs.filter((one) => sameOffice(ours, one));
  return same.find(({ name }) => name === ours.name) ?? same[0];
}

const officeOf = ({ virtual_router_id, family, version }: ApiInstance): string =>
  `VRID ${virtual_router_id}, ${family}, version ${version}`;

function* compareInstance(here: ApiInstance, there: Director): Generator<string> {
  const other = counterpart(here, there.status.instances);
  if (!other) return yield `${there.name} has no VRRP instance like ${here.name} (${officeOf(here)})`;
  if (other.state !== 'backup') yield `${there.name} cannot take ${here.name} over: it is ${other.state} there: ${other.reason}`;
  if (other.held_back) yield `${there.name} would not take ${here.name} over: ${other.reason}`;
  const addresses = difference(
    here.addresses.map(({ address }) => address),
    other.addresses.map(({ address }) => address),
  );
  if (addresses !== undefined) yield `${here.name} has other addresses at ${there.name}: ${addresses}`;
}

/** What only the two together can tell: whether the weights here ever make the other one master. */
function* compareWeights(here: ApiInstance, there: Director): Generator<string> {
  const other = counterpart(here, there.status.instances);
  const weighted = here.tracked.some(({ weight }) => weight !== 0);
  if (other?.state !== 'backup' || !weighted) return;
  const { name, priority, lowest_priority: lowest } = here;
  if (!other.preempt) yield `${there.name} does not preempt: the weights of ${name} here never make it master`;
  else if (lowest >= other.effective_priority)
    yield `the weights of ${name} lower its priority from ${priority} to ${lowest}, and ${there.name} has ${other.effective_priority}: they never make it master`;
}

function* compareSync(here: Director, there: Director): Generator<string> {
  const ours = here.status.connection_sync;
  if (!ours) return;
  const theirs = there.status.connection_sync;
  if (!theirs) return yield `${there.name} has no connection_sync: it knows no connection`;
  if (ours.problem !== null) yield `connection sync does not work here: ${ours.problem}`;
  if (theirs.problem !== null) yield `connection sync does not work at ${there.name}: ${theirs.problem}`;
  if (ours.id !== theirs.id)
    yield `connection sync has the id ${theirs.id} at ${there.name}, ${ours.id} here: neither hears the other`;
  if (!theirs.running.includes('backup')) yield `${there.name} does not take in connections: its backup daemon does not run`;
}

/** Connections of the kernel's table that somebody uses. */
export const activeOf = (services: readonly ApiService[]): number =>
  services.flatMap(({ real_servers }) => real_servers).reduce((sum, { kernel }) => sum + (kernel?.active ?? 0), 0);

function notesOf(here: Director, there: Director, instances: readonly ApiInstance[]): string[] {
  const revisions = `revision ${there.status.revision} there, ${here.status.revision} here (each counts its own)`;
  const notes = [`${there.name} runs lbd ${there.status.version}, ${revisions}`];
  if (here.services.length > 0 && here.status.connection_sync)
    notes.push(`active connections: ${activeOf(here.services)} here, ${activeOf(there.services)} at ${there.name}`);
  const critical = there.status.problems.filter(({ severity }) => severity === 'critical');
  const weights = instances.flatMap((one) => [...compareWeights(one, there)]);
  return [...notes, ...weights, ...critical.map(({ text }) => `${there.name} says: ${text}`)];
}

/** Everything that differs, each a sentence. */
export const differencesBetween = (here: Director, there: Director, instances: readonly ApiInstance[]): readonly string[] => [
  ...instances.flatMap((one) => [...compareInstance(one, there)]),
  ...compareServices(here, there),
  ...compareSync(here, there),
];

/** `instances`: those that would change hands. */
export function compareDirectors(here: Director, there: Director, instances: readonly ApiInstance[]): Comparison {
  const found = differencesBetween(here, there, instances);
  const more = found.length - TOLD;
  return {
    obstacles: more > 0 ? [...found.slice(0, TOLD), `and ${more} more differences`] : found,
    notes: notesOf(here, there, instances),
  };
}
