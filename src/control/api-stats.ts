/** What the kernel counts, as the API tells it. */

/**
 * What the kernel counted since the service or real server came into its table; 64 bits there. As numbers, which every JSON reader
 * takes: one above 2^53 - 1 (9 PB) is told as 2^53 - 1. The kernel adds up every two seconds, and not at all while
 * net.ipv4.vs.run_estimation is 0. Out-going packets are seen with nat alone.
 */
export interface ApiCounters {
  readonly connections: number;
  readonly in_packets: number;
  readonly out_packets: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
}

/** The kernel's moving averages, each a second: connections, packets, bytes (not bits). */
export interface ApiRates {
  readonly cps: number;
  readonly in_pps: number;
  readonly out_pps: number;
  readonly in_bps: number;
  readonly out_bps: number;
}

export interface ApiTraffic {
  readonly counters: ApiCounters;
  readonly rates: ApiRates;
}

/** Connections as they are now. */
export interface ApiConnections {
  readonly active: number;
  readonly inactive: number;
  /** Templates of persistence: clients that a real server is kept for. */
  readonly persistent: number;
}

export type ApiTotals = ApiTraffic & ApiConnections;

/** Null: not in the kernel. */
export type ApiStatistics = { readonly [K in keyof ApiTotals]: ApiTotals[K] | null };

/** What a virtual server is in the kernel, added up over its kernel services. */
export type ApiServiceStatistics = ApiStatistics & {
  readonly name: string;
  /** `tcp/192.0.2.10:80`: the first of its kernel services. */
  readonly key: string;
  /** `foreign`: somebody else's, never touched by lbd. */
  readonly source: 'file' | 'runtime' | 'foreign';
  /** Each kernel service by itself. */
  readonly by_address: readonly (ApiStatistics & { readonly key: string })[];
  readonly real_servers: readonly (ApiStatistics & { readonly address: string })[];
};
