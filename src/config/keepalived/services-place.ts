/** The real servers of one virtual server of lbd: which of them, at which port, and where their checks knock. */
import { type Family, familyOf, formatEndpoint, type Ip, isLinkLocal6 } from '../../base/ip.js';
import { unusable } from '../../base/words.js';
import type { Forward } from '../passage.js';
import type { CheckDraft } from './checkers-common.js';
import type { ServerDraft } from './servers.js';
import type { Output } from './services-outputs.js';
import { type Notebook, type Place, tellWhole } from './services-words.js';

export interface Placed {
  readonly server: ServerDraft;
  /** `10.0.0.21:80`, or without the port where it is the service's or none. */
  readonly address: string;
  readonly checks: readonly PlacedCheck[];
}

export interface PlacedCheck {
  readonly draft: CheckDraft;
  /** That must be said: it is another one than lbd would take. */
  readonly port: number | undefined;
}

interface Where extends Output {
  readonly isPersistent: boolean;
}

/** A persistent service of every port sends a client to the port that it named. */
const keepsPort = ({ ports, isPersistent }: Where): boolean => isPersistent && ports.every((port) => port === 0);

/** Where the kernel sends packets; undefined: where the client did, or to the port of the service, of several. */
function portOf({ address: _, port }: Place, forward: Forward, where: Where): number | undefined {
  const [only] = where.ports.length === 1 ? where.ports : [];
  if (forward !== 'nat') return only || undefined;
  return keepsPort(where) ? undefined : (port ?? (only || undefined));
}

const endpoint = (address: Ip, port: number | undefined): string => {
  if (port !== undefined) return formatEndpoint(address, port);
  return familyOf(address) === 6 ? `[${address}]` : address;
};

export const placeWord = (place: Place, forward: Forward, where: Where): string =>
  endpoint(place.address, portOf(place, forward, where));

function placeChecks(server: ServerDraft, where: Where, notes: Notebook): PlacedCheck[] {
  const { place, forward, checks } = server;
  const own = portOf(place, forward, where) ?? where.ports[0] ?? 0;
  const wanted = place.port ?? own;
  return checks.flatMap((draft): PlacedCheck[] => {
    const said = draft.words.some(([key]) => key === 'port');
    if (!draft.needsPort || said) return [{ draft, port: undefined }];
    if (wanted === 0) {
      const [head] = draft.heads;
      if (head) notes.refuse(head, `in ${where.name} there is no port to look at: the check needs one of its own there`);
      return [];
    }
    return [{ draft, port: wanted === own ? undefined : wanted }];
  });
}

/** Why the kernel would not take it; keepalived skips the first, too. */
export function unfit(address: Ip, forward: Forward, family: Family): readonly ['noEffect' | 'refuse', string] | undefined {
  if (familyOf(address) !== family && forward !== 'tun')
    return [
      'noEffect',
      `keepalived skips it: it is IPv${familyOf(address)}, its virtual server IPv${family}, and only a tunnel carries one in the other`,
    ];
  if (isLinkLocal6(address)) return ['refuse', 'it is link-local, and the kernel takes no such real server'];
  const why = unusable(address);
  return why === undefined ? undefined : ['refuse', why];
}

/** What the kernel would tell it from others by. */
export const keysOf = (place: Place, forward: Forward, where: Where): string[] =>
  (forward === 'nat' ? [portOf(place, forward, where) ?? where.ports[0] ?? 0] : where.ports).map(
    (port) => `${place.address} ${port}`,
  );

const TWIN = 'it is there already: to the kernel they are one real server, which is that of the first';

/** One that is not among those that lbd has. */
export interface Dropped {
  readonly server: ServerDraft;
  readonly outcome: 'noEffect' | 'refuse';
  readonly why: string;
}

function tellPort({ statement, place, forward }: ServerDraft, where: Where, notes: Notebook): void {
  const port = portOf(place, forward, where);
  if (place.port === undefined || port === place.port) return;
  notes.change(
    statement,
    forward === 'nat'
      ? `clients keep the port that they named, as the virtual server is persistent and of every port; ${place.port} is where it is checked`
      : `${forward} does not change ports: packets keep that of the virtual server, and ${place.port} is where it is checked`,
  );
}

export function placeServers(servers: readonly ServerDraft[], where: Where, notes: Notebook) {
  const seen = new Set<string>();
  const [placed, dropped]: [Placed[], Dropped[]] = [[], []];
  for (const server of servers) {
    const { place, forward, statement } = server;
    const keys = keysOf(place, forward, where);
    const twin = keys.some((key) => seen.has(key)) ? (['noEffect', TWIN] as const) : undefined;
    const [outcome, why] = unfit(place.address, forward, where.family) ?? twin ?? [];
    if (outcome) {
      tellWhole(statement, outcome, why as string, notes);
      dropped.push({ server, outcome, why: why as string });
      continue;
    }
    for (const key of keys) seen.add(key);
    tellPort(server, where, notes);
    placed.push({ server, address: placeWord(place, forward, where), checks: placeChecks(server, where, notes) });
  }
  return { placed, dropped };
}
