/** What lbctl adds at run time, built by the builders of the file: the same defaults, and the same refusals. */
import type { Ip } from '../base/ip.js';
import type { ServiceId } from '../base/service-id.js';
import { type Parsed, refused } from '../base/words.js';
import { readServer, type ServerContext } from './build-server.js';
import { buildService } from './build-service.js';
import type { Located, Report } from './located.js';
import type { RealServerShape, VirtualServerShape } from './schema-service.js';
import type { DefaultsConfig, Forward, RealServerConfig, VirtualServerConfig } from './types.js';

/** Undefined: as a file that does not say it. */
export interface AddedService {
  readonly name: string;
  readonly id: ServiceId;
  readonly scheduler: string | undefined;
  readonly forward: Forward | undefined;
  /** Seconds; 0 none. */
  readonly persistence: number | undefined;
  readonly onePacket: boolean;
}

export interface AddedServer {
  readonly address: Ip;
  readonly port: number;
  readonly weight: number;
  readonly forward: Forward | undefined;
  readonly upper: number;
  readonly lower: number;
}

/** The place of what stands in no file. */
export const NOWHERE: Located<undefined> = {
  value: undefined,
  source: { file: '', problem: (severity, message) => ({ severity, message, file: '', line: 0, column: 0, source: '' }) },
  path: [],
};

/** The result, or the first error. */
function built<T>(build: (report: Report) => T): Parsed<T> {
  let fault: string | undefined;
  const value = build((severity, _at, message) => {
    if (severity === 'error') fault ??= message;
  });
  return fault === undefined ? { value } : refused(fault);
}

const target = (id: ServiceId): Partial<VirtualServerShape> =>
  id.kind === 'fwmark'
    ? { fwmark: id.fwmark, family: id.family === 6 ? 'ipv6' : 'ipv4' }
    : { address: [{ addresses: [id.address], port: id.port }], protocol: id.protocol };

export function buildAddedService(added: AddedService, defaults: DefaultsConfig): Parsed<VirtualServerConfig> {
  const { name, id, scheduler, forward, persistence, onePacket } = added;
  const shape = {
    name,
    ...target(id),
    scheduler,
    forward,
    persistence: persistence === undefined ? undefined : persistence === 0 ? 'off' : { timeout: persistence },
    one_packet: onePacket,
    real_servers: [],
  } as unknown as VirtualServerShape;
  return built((report) => buildService({ ...NOWHERE, value: shape }, defaults, report));
}

export function buildAddedServer(
  { address, port, ...settings }: AddedServer,
  service: Pick<ServerContext, 'name' | 'settings' | 'checks'>,
): Parsed<RealServerConfig> {
  const shape = { address: { address, port }, ...settings } as unknown as RealServerShape;
  const context: ServerContext = { ...service, levels: [], defaults: undefined };
  return built((report) => readServer(shape, context, NOWHERE, [], report));
}
