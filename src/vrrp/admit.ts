/**
 * Which adverts count (RFC 9568 section 7.1, RFC 3768 section 7.1): what takes the configuration to judge, after what wire/vrrp.ts
 * judged from the bytes alone. What is refused changes nothing in the machine, its timers included.
 */
import type { VrrpInstanceConfig } from '../config/types.js';
import type { Advert } from '../wire/vrrp.js';
import { advertisedAddresses } from './advertised.js';
import type { Signature } from './signing.js';
import type { Received, Rejection } from './types.js';

export type Admission = { readonly advert: Advert } | { readonly rejection: Rejection };

const TTL = 255;
const OWNER = 255;
const AUTH_NONE = 0;
const AUTH_PASS = 1;
const GROUP = { 4: '224.0.0.18', 6: 'ff02::12' } as const;

/** The password in a time that does not depend on where it differs; it is cut at 8 bytes as the sender cuts it. */
function passwordMatches(password: string, data: Uint8Array): boolean {
  const expected = new Uint8Array(8);
  expected.set(new TextEncoder().encode(password).subarray(0, 8));
  let difference = 0;
  for (let i = 0; i < 8; i++) difference |= (expected[i] as number) ^ (data[i] ?? 0);
  return difference === 0;
}

/** What version 2 alone requires; version 3 has no authentication, adopts another interval, and lets owners meet (erratum 8298). */
function rejectOld(conf: VrrpInstanceConfig, advert: Advert): Rejection | undefined {
  if (advert.authType !== (conf.password === undefined ? AUTH_NONE : AUTH_PASS)) return 'auth-type';
  if (conf.password !== undefined && !passwordMatches(conf.password, advert.authData)) return 'password';
  if (advert.interval !== conf.advertInterval) return 'interval';
  return conf.priority === OWNER ? 'owner' : undefined;
}

/** By where it came from and how far. */
function rejectFar({ unicast }: VrrpInstanceConfig, { source, ttl }: Received): Rejection | undefined {
  const peer = unicast?.peers.find((one) => one.address === source);
  if (unicast && !peer) return 'peer';
  return ttl < (peer?.minTtl ?? TTL) || ttl > (peer?.maxTtl ?? TTL) ? 'ttl' : undefined;
}

/** Before anything in it is believed. What is not signed passes until every director signs. */
function rejectSignature(
  { signing }: VrrpInstanceConfig,
  trailed: boolean,
  signature: Signature | undefined,
): Rejection | undefined {
  if (!signing) return trailed ? 'signed' : undefined;
  if (!trailed) return signing.mode === 'enforce' ? 'unsigned' : undefined;
  return signature ? signature.refusal : 'signature';
}

/** Whether its signature decides: nobody's peer, and nothing from afar, is worth an HMAC, or a place among the senders. */
export const isWorthJudging = (conf: VrrpInstanceConfig, received: Received): boolean =>
  conf.signing !== undefined &&
  received.decoded.ok &&
  received.decoded.trailer !== undefined &&
  received.decoded.advert.version === conf.version &&
  rejectFar(conf, received) === undefined;

/** The caller has found the instance by interface, family and VRID. Other addresses in the list are no reason to refuse. */
export function admit(conf: VrrpInstanceConfig, received: Received): Admission {
  const { decoded } = received;
  const far = rejectFar(conf, received);
  if (far) return { rejection: far };
  if (!decoded.ok) {
    const other = decoded.refusal !== 'truncated' && decoded.version !== conf.version;
    return { rejection: other ? 'version' : decoded.refusal };
  }
  if (decoded.advert.version !== conf.version) return { rejection: 'version' };
  const forged = rejectSignature(conf, decoded.trailer !== undefined, received.signature);
  if (forged) return { rejection: forged };
  // Only who has none himself makes sense of it.
  if (decoded.advert.addresses.length === 0 && advertisedAddresses(conf).length > 0) return { rejection: 'no-addresses' };
  const old = conf.version === 2 ? rejectOld(conf, decoded.advert) : undefined;
  if (old) return { rejection: old };
  // To a peer an advert comes under any address that it knows us by.
  if (!conf.unicast === (received.destination !== GROUP[conf.family])) return { rejection: 'destination' };
  return { advert: decoded.advert };
}
