/** What the fake daemon says that the kernel counted: plain, large and absent numbers. */
import type { ApiService, ApiTraffic, Methods } from '../../src/control/api.js';

const traffic = (connections: number, bytes: number, cps: number): ApiTraffic => ({
  counters: {
    connections,
    in_packets: connections * 6,
    out_packets: connections * 4,
    in_bytes: bytes,
    out_bytes: Math.min(bytes * 20, Number.MAX_SAFE_INTEGER),
  },
  rates: { cps, in_pps: cps * 6, out_pps: cps * 4, in_bps: cps * 1000, out_bps: cps * 20_000 },
});

const BUSY = { ...traffic(1_234_567, 999_999, 345), active: 12, inactive: 98_765, persistent: 2 };
const HUGE = { ...traffic(999_999, Number.MAX_SAFE_INTEGER, 1_000_000), active: 1_000_000, inactive: 0, persistent: 0 };
const NOTHING = { counters: null, rates: null, active: null, inactive: null, persistent: null };

export const STATS: Methods['stats']['result'] = {
  at: '2026-02-03T09:15:07.000Z',
  counting: true,
  services: [
    {
      name: 'web',
      key: 'tcp/192.0.2.10:80',
      source: 'file',
      ...BUSY,
      by_address: [{ key: 'tcp/192.0.2.10:80', ...BUSY }],
      real_servers: [
        { address: '10.0.0.21:80', ...BUSY },
        { address: '10.0.0.22:80', ...NOTHING },
      ],
    },
    {
      name: 'dns',
      key: 'udp/[2001:db8::53]:53',
      source: 'runtime',
      ...HUGE,
      by_address: [
        { key: 'udp/[2001:db8::53]:53', ...HUGE },
        { key: 'udp/[2001:db8::54]:53', ...traffic(0, 0, 0), active: 0, inactive: 0, persistent: 0 },
      ],
      real_servers: [{ address: '[2001:db8::1]:53', ...HUGE }],
    },
    {
      name: 'tcp/192.0.2.99:99',
      key: 'tcp/192.0.2.99:99',
      source: 'foreign',
      ...BUSY,
      by_address: [{ key: 'tcp/192.0.2.99:99', ...BUSY }],
      real_servers: [],
    },
  ],
  totals: HUGE,
};

/** As `list` tells it with counters. */
export const counted = (service: ApiService): ApiService => ({
  ...service,
  ...(service.in_kernel ? { traffic: traffic(2_000_000, 5_000_000, 400) } : {}),
  real_servers: service.real_servers.map((one) => ({
    ...one,
    kernel: one.kernel && { ...one.kernel, traffic: traffic(1_234_567, 999_999, 345) },
  })),
});
