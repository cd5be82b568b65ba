/** What the administrator has said of real servers and hosts, and which word counts where there are two. */
import type { Admin, Change, RealServerIntent, ServiceIntent, Source } from './types.js';

type Word = Pick<Admin, 'state' | 'until' | 'sticky'>;

/** The deadline of a drain has passed: what was left is cut. `now`: wall clock in ms since 1970. */
export const isCut = ({ state, until }: Pick<Word, 'state' | 'until'>, now: number): boolean =>
  state === 'drain' && until !== undefined && now >= until;

/**
 * A real server is out of service by its own word or by its host's: of both the one that takes more away counts. Disabled is more than a
 * drain; of two drains the one that is cut first; persistent clients stay only when neither sends them away.
 */
export function counting(said: readonly Admin[]): Admin | undefined {
  const [only, ...more] = said;
  if (!only || more.length === 0) return only;
  // It is ready again when the last word has ended.
  const last = Math.max(...said.map(({ expires = Infinity }) => expires));
  const expires = last === Infinity ? undefined : last;
  const disabled = said.find((one) => one.state === 'disabled');
  if (disabled) return { ...disabled, expires };
  const [first = only] = [...said].sort((a, b) => (a.until ?? Infinity) - (b.until ?? Infinity));
  const remove = said.some((one) => one.remove) ? ({ remove: true } as const) : {};
  const broken = said.find((one) => one.sticky !== 'honour');
  return { ...first, expires, ...(broken ? { sticky: broken.sticky } : {}), ...remove };
}

/** With one word more; of two about the same thing the last one stays. */
export function withWord(server: RealServerIntent, word: Admin): RealServerIntent {
  const said = [...(server.said ?? []).filter((one) => one.host !== word.host), word];
  return { ...server, said, admin: counting(said) as Admin };
}

/** Datagrams without a connection that ends: a steady sender holds its entry for ever. */
export const isEndless = ({ id, onePacket }: Pick<ServiceIntent, 'id' | 'onePacket'>): boolean =>
  id.kind === 'address' && id.protocol === 'udp' && !onePacket;

/** What a word about a host is for a real server of this service. */
export function hostWord(
  { kind: _, address: __, udpUntil, ...state }: Extract<Change, { kind: 'set-host' }>,
  service: Pick<ServiceIntent, 'id' | 'onePacket'>,
  source: Source,
): Admin {
  const until = state.until ?? (isEndless(service) ? udpUntil : undefined);
  return { ...state, ...(until === undefined ? {} : { until }), source, host: true };
}

/** The word about the server itself. */
export const ownWord = ({ said = [] }: Pick<RealServerIntent, 'said'>): Admin | undefined => said.find((one) => !one.host);

/** Its persistent clients keep coming while it drains. */
export const honours = (
  { persistence }: Pick<ServiceIntent, 'persistence'>,
  { admin }: Pick<RealServerIntent, 'admin'>,
  now: number,
): boolean => persistence !== undefined && admin?.state === 'drain' && admin.sticky === 'honour' && !isCut(admin, now);
