/** The probers by type. */
import { startAgent, startFile } from './agent.js';
import { startDns } from './dns.js';
import { startGrpc } from './grpc.js';
import { startHalfOpen } from './half-open.js';
import { startHttp, startHttps } from './http.js';
import { startIcmp } from './icmp.js';
import { startScript } from './script.js';
import { startSmtp } from './smtp.js';
import { startTcp } from './tcp.js';
import type { StartProbe } from './types.js';
import { startUdp } from './udp.js';

export const startProbe: StartProbe = (probe, target, done) => {
  switch (probe.type) {
    case 'tcp':
      return startTcp(probe, target, done);
    case 'tcp_half_open':
      return startHalfOpen(probe, target, done);
    case 'http':
      return startHttp(probe, target, done);
    case 'https':
      return startHttps(probe, target, done);
    case 'grpc':
      return startGrpc(probe, target, done);
    case 'icmp':
      return startIcmp(probe, target, done);
    case 'udp':
      return startUdp(probe, target, done);
    case 'dns':
      return startDns(probe, target, done);
    case 'smtp':
      return startSmtp(probe, target, done);
    case 'script':
      return startScript(probe, target, done);
    case 'file':
      return startFile(probe, done);
    case 'agent':
      return startAgent(probe, target, done);
  }
};
