/**
 * One table in the words of each contender: SERVICES virtual servers (tcp, wrr, nat) with REAL_SERVERS real servers each and no checks,
 * and the same with another weight of one real server.
 */
import { formatEndpoint, type Ip } from '../../src/base/ip.js';
import type { ServiceId } from '../../src/ipvs/types.js';

export const REAL_SERVERS = 10;
const WEIGHT = 10;
const PORT = 80;
export const SERVER_PORT = 8080;

/** A real server of the table, and the weight that it is to have. */
export interface Weighted {
  readonly service: number;
  readonly server: number;
  readonly weight: number;
}

/** Addresses of 10/8, counted on from 10.NET.0.1. */
const address = (net: number, index: number): Ip => {
  const n = index + 1;
  return `10.${net + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
};

/** The servers of farm.ts. */
export const farmAddress = (index: number): Ip => address(128, index);

export const serviceName = (service: number): string => `s${service}`;
export const serviceId = (service: number): ServiceId => ({
  kind: 'address',
  family: 4,
  protocol: 'tcp',
  address: address(64, service),
  port: PORT,
});
const serviceAddress = (service: number): string => formatEndpoint(address(64, service), PORT);
const serverIp = (service: number, server: number): Ip => address(128, service * REAL_SERVERS + server);
export const serverAddress = (service: number, server: number): string => formatEndpoint(serverIp(service, server), SERVER_PORT);

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_none, i) => i);

const weightOf = (service: number, server: number, changed: Weighted | undefined): number =>
  changed && changed.service === service && changed.server === server ? changed.weight : WEIGHT;

/** The text of all services: `head` opens one, `server` is a line of it, `tail` closes it. */
function write(
  services: number,
  changed: Weighted | undefined,
  head: (service: number) => string,
  server: (service: number, server: number, weight: number) => string,
  tail = '',
): string {
  const one = (service: number): string =>
    head(service) +
    numbers(REAL_SERVERS)
      .map((i) => server(service, i, weightOf(service, i, changed)))
      .join('') +
    tail;
  return numbers(services).map(one).join('');
}

/** The kinds of checks that are measured. */
export const CHECK_KINDS = ['tcp', 'tcp_half_open', 'http', 'icmp'] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];

/** A second between starts, a second for the answer; of keepalived's, what it takes from its virtual server is `delay_loop 1`. */
const lbdChecks = (kind: CheckKind | undefined): string =>
  kind === undefined ? '' : `    checks: [ { type: ${kind}, interval: 1s, timeout: 1s } ]\n`;

const KEEPALIVED_CHECKS: Readonly<Record<Exclude<CheckKind, 'tcp_half_open'>, string>> = {
  tcp: '    TCP_CHECK {\n      connect_timeout 1\n    }\n',
  http: '    HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n      connect_timeout 1\n    }\n',
  icmp: '    PING_CHECK {\n      connect_timeout 1\n    }\n',
};
export type KeepalivedCheck = keyof typeof KEEPALIVED_CHECKS;

/** `folder` takes state and socket. */
export const lbdConfig = (services: number, folder: string, changed?: Weighted, check?: CheckKind): string =>
  `global:\n  router_id: bench\n  state_dir: ${folder}/state\n  control: { socket: ${folder}/run/lbd.sock }\nvirtual_servers:\n${write(
    services,
    changed,
    (service) =>
      `  - name: ${serviceName(service)}\n    address: ${serviceAddress(service)}\n    scheduler: wrr\n    forward: nat\n${lbdChecks(check)}    real_servers:\n`,
    (service, server, weight) => `      - { address: ${serverAddress(service, server)}, weight: ${weight} }\n`,
  )}`;

export const keepalivedConfig = (services: number, changed?: Weighted, check?: KeepalivedCheck): string =>
  `global_defs {\n  router_id bench\n}\n${write(
    services,
    changed,
    (service) =>
      `virtual_server ${serviceAddress(service).replace(':', ' ')} {\n  lb_algo wrr\n  lb_kind NAT\n  protocol TCP\n${check ? '  delay_loop 1\n' : ''}`,
    (service, server, weight) =>
      `  real_server ${serverAddress(service, server).replace(':', ' ')} {\n    weight ${weight}\n${check ? KEEPALIVED_CHECKS[check] : ''}  }\n`,
    '}\n',
  )}`;

/** As `ipvsadm -Sn` saves it. */
export const ipvsadmRules = (services: number): string =>
  write(
    services,
    undefined,
    (service) => `-A -t ${serviceAddress(service)} -s wrr\n`,
    (service, server, weight) => `-a -t ${serviceAddress(service)} -r ${serverAddress(service, server)} -m -w ${weight}\n`,
  );

export const ipvsadmEdit = ({ service, server, weight }: Weighted): readonly string[] =>
  `-e -t ${serviceAddress(service)} -r ${serverAddress(service, server)} -m -w ${weight}`.split(' ');
