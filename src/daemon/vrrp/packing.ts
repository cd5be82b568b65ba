/** An instance's adverts as bytes, and to whom they go. */
import type { Ip } from '../../base/ip.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import { advertisedAddresses } from '../../vrrp/advertised.js';
import { AUTH_NONE, AUTH_PASS, encodeAdvert, NO_AUTH, passwordData, VRRP_GROUP } from '../../wire/vrrp.js';
import { virtualMac, vrrpFrame } from '../../wire/vrrp-frame.js';

const GROUP = [undefined];

/** Undefined: the group. One file may serve both directors: who sends is no peer of itself. */
export const recipients = ({ unicast }: VrrpInstanceConfig, source: Ip): readonly (Ip | undefined)[] =>
  unicast ? unicast.peers.map((one) => one.address).filter((one) => one !== source) : GROUP;

/** The VRRP message, its checksum made for this source and destination. */
function encode(conf: VrrpInstanceConfig, source: Ip, priority: number, to: Ip | undefined): Uint8Array {
  const auth = conf.version === 2 && conf.password !== undefined;
  const advert = {
    version: conf.version,
    vrid: conf.vrid,
    priority,
    interval: conf.advertInterval,
    addresses: advertisedAddresses(conf),
    authType: auth ? AUTH_PASS : AUTH_NONE,
    authData: auth ? passwordData(conf.password) : NO_AUTH,
  };
  return encodeAdvert(advert, { source, destination: to ?? VRRP_GROUP[conf.family] }, conf.v3Checksum);
}

/** With a virtual MAC the whole frame, else what the socket makes a packet of. */
export function pack(conf: VrrpInstanceConfig, source: Ip, priority: number, to: Ip | undefined): Uint8Array {
  const message = encode(conf, source, priority, to);
  return conf.vmac ? vrrpFrame(conf.family, virtualMac(conf.family, conf.vrid), source, message) : message;
}
