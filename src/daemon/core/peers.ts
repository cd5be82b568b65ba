/** The other directors as their API tells of them: before the office is given to one of them, both are compared. */
import type { PeerConfig } from '../../config/control-types.js';
import type { ApiBrief, ApiInstance } from '../../control/api.js';
import { type Comparison, compareDirectors, counterpart, type Director } from '../../control/compare.js';
import { askPeer, type PeerAddress } from '../../control/http/peer.js';
import { readPem, readToken } from '../secrets.js';

/** Throws an Error of one sentence. */
export function addressOf({ name, url, tokenFile, ca, serverName }: PeerConfig): PeerAddress {
  return {
    name,
    url,
    token: tokenFile === undefined ? undefined : readToken(`token_file of peer ${name}`, tokenFile),
    serverName,
    ca: ca === undefined ? undefined : readPem(`ca of peer ${name}`, ca),
  };
}

/** Rejects with an Error of one sentence that names the peer. */
export async function lookAt(peer: PeerConfig): Promise<Director> {
  const address = addressOf(peer);
  const [status, { services }] = await Promise.all([askPeer(address, 'status'), askPeer(address, 'list')]);
  if (!Array.isArray(status.instances) || !Array.isArray(services))
    throw new Error(`${peer.name} (${peer.url}) cannot be asked: what answers there is no lbd that this one understands`);
  return { name: peer.name, status, services };
}

/** The little that `status` shows of it. Rejects with an Error of one sentence that names the peer. */
export const briefOf = async (peer: PeerConfig): Promise<ApiBrief> => askPeer(addressOf(peer), 'brief');

/** Active connections in its kernel. Rejects with an Error of one sentence that names the peer. */
export const connectionsAt = async (peer: PeerConfig): Promise<number> => (await askPeer(addressOf(peer), 'stats')).totals.active;

const isOf = (instances: readonly ApiInstance[], one: Director): boolean =>
  instances.some((instance) => counterpart(instance, one.status.instances) !== undefined);

/**
 * Each peer may be the one that takes over: all must answer, and what differs at one of them is an obstacle. A peer without any of the
 * instances is none of these, unless nobody has them.
 */
export async function compareWithPeers(
  peers: readonly PeerConfig[],
  here: Director,
  instances: readonly ApiInstance[],
): Promise<Comparison> {
  const looks = await Promise.all(peers.map((peer) => lookAt(peer).catch((error: Error) => error.message)));
  const there = looks.filter((one) => typeof one !== 'string');
  const silent = looks.filter((one) => typeof one === 'string');
  const fit = there.filter((one) => isOf(instances, one));
  const found = (fit.length > 0 ? fit : there).map((one) => compareDirectors(here, one, instances));
  return {
    obstacles: [...silent, ...found.flatMap(({ obstacles }) => obstacles)],
    notes: found.flatMap(({ notes }) => notes),
  };
}
