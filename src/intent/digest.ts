/** Whether two directors want the same table, in a few characters: what one of them would tell another for nothing. */
import { createHash } from 'node:crypto';
import { serviceKey } from '../base/service-id.js';
import type { RealServerIntent, ServiceIntent } from './types.js';

const LENGTH = 16;

/** What is a director's own affair (names, checks, who said what and until when) is left out. */
const serverWords = ({ key, weight, forward, tunnel, upper, lower, tier = 0, admin }: RealServerIntent) =>
  [key, weight, forward, forward === 'tun' ? tunnel : null, upper, lower, tier, admin?.state ?? null] as const;

const serviceText = ({ ids, scheduler, schedulerFlags, persistence, onePacket, onFailure, realServers, sorry }: ServiceIntent) =>
  JSON.stringify([
    ids.map(serviceKey).sort(),
    scheduler,
    [...schedulerFlags].sort(),
    persistence ? [persistence.timeout, persistence.prefix, persistence.engine] : null,
    onePacket,
    onFailure,
    realServers.map(serverWords).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    sorry ? serverWords(sorry) : null,
  ]);

/** Memos: most services are the same objects after a change as before it, and most questions come between two changes. */
const known = new WeakMap<ServiceIntent, string>();
const wholes = new WeakMap<readonly ServiceIntent[], string>();

function digestOf(service: ServiceIntent): string {
  const found = known.get(service);
  if (found !== undefined) return found;
  const digest = createHash('sha256').update(serviceText(service)).digest('base64');
  known.set(service, digest);
  return digest;
}

/** The same for the same virtual servers and real servers, in whatever order and under whatever names; compare it only with one of the same version of lbd. */
export function tableDigest(services: readonly ServiceIntent[]): string {
  const found = wholes.get(services);
  if (found !== undefined) return found;
  const all = createHash('sha256');
  for (const one of services.map(digestOf).sort()) all.update(one);
  const digest = all.digest('hex').slice(0, LENGTH);
  wholes.set(services, digest);
  return digest;
}
