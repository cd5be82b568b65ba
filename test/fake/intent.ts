/** Intents for tests: everything has a value, the test says what it is about. */
import type { CheckingConfig } from '../../src/config/types.js';
import type { RealServerIntent, ServiceIntent } from '../../src/intent/types.js';

export const CHECKING: CheckingConfig = { probeMarks: { first: 0x4c420000, last: 0x4c42ffff }, suspicion: undefined };

const file = { kind: 'file' } as const;
const tunnel = { type: 'ipip', port: 0, checksum: 'none' } as const;

/** 10.0.0.HOST:80 with weight 10 by nat. */
export function makeServer(host: number, own: Partial<RealServerIntent> = {}): RealServerIntent {
  const weight = own.weight ?? 10;
  return {
    key: `10.0.0.${host}:80`,
    address: `10.0.0.${host}`,
    port: 80,
    weight,
    configuredWeight: weight,
    forward: 'nat',
    tunnel,
    upper: 0,
    lower: 0,
    checks: [],
    source: file,
    weightSource: file,
    ...own,
  };
}

/** `web` at 192.0.2.10:80. */
export function makeService(realServers: readonly RealServerIntent[], own: Partial<ServiceIntent> = {}): ServiceIntent {
  const id = own.id ?? own.ids?.[0] ?? { kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.10', port: 80 };
  return {
    name: 'web',
    key: 'tcp/192.0.2.10:80',
    id,
    ids: [id],
    scheduler: 'wrr',
    schedulerFlags: [],
    persistence: undefined,
    onePacket: false,
    forward: 'nat',
    tunnel,
    mss: undefined,
    snat: false,
    follow: 'always',
    onFailure: 'remove',
    quorum: 1,
    hysteresis: 0,
    sorry: undefined,
    source: file,
    realServers,
    ...own,
  };
}
