/** Which of its addresses an instance advertises: the first ones, as many as an advert can name; it holds them all. */
import type { Family, Ip } from '../base/ip.js';
import type { VrrpInstanceConfig } from '../config/types.js';

/** The count is one byte; an IPv6 advert must fit an Ethernet frame: (1500 - 40 - 8) / 16. */
const MOST: Readonly<Record<Family, number>> = { 4: 255, 6: 90 };

export const advertisedAddresses = (conf: Pick<VrrpInstanceConfig, 'family' | 'addresses'>): readonly Ip[] =>
  conf.addresses
    .filter((one) => one.advertised !== false)
    .slice(0, MOST[conf.family])
    .map((one) => one.address);
