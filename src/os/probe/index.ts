/** The probers by type. */

import { startHttp } from './http.js';
import { startIcmp } from './icmp.js';
import { startTcp } from './tcp.js';
import type { StartProbe } from './types.js';

export const startProbe: StartProbe = (probe, target, done) => {
  switch (probe.type) {
    case 'tcp':
      return startTcp(target, done);
    case 'http':
      return startHttp(probe, target, done);
    case 'icmp':
      return startIcmp(target, done);
  }
};
