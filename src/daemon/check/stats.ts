/** What the kernel counted, of every service and real server; of a virtual server with many addresses added up. */
import { serviceKey } from '../../base/service-id.js';
import { destinationsOf } from '../../config/destinations.js';
import type { ApiConnections, ApiServiceStatistics, ApiStatistics, ApiTotals, ApiTraffic, Methods } from '../../control/api.js';
import type { ServiceIntent } from '../../intent/types.js';
import type { Counters, KernelDestination, KernelService } from '../../ipvs/types.js';
import { kernelKey } from '../../pool/membership.js';

interface Counted {
  readonly stats: Counters | undefined;
}

const NONE: { -readonly [K in keyof Counters]: bigint } = {
  connections: 0n,
  inPackets: 0n,
  outPackets: 0n,
  inBytes: 0n,
  outBytes: 0n,
  cps: 0n,
  inPps: 0n,
  outPps: 0n,
  inBps: 0n,
  outBps: 0n,
};

/** See ApiCounters. */
const told = (count: bigint): number => Math.min(Number(count), Number.MAX_SAFE_INTEGER);

const NAMES = Object.keys(NONE) as (keyof Counters)[];

function sumOf(all: readonly Counters[]): Counters {
  // Most are alone, and there may be tens of thousands.
  if (all.length === 1) return all[0] as Counters;
  const sum = { ...NONE };
  for (const one of all) for (const name of NAMES) sum[name] += one[name];
  return sum;
}

/** The sum of what was read with counters; undefined when nothing was. */
export function trafficOf(all: readonly Counted[]): ApiTraffic | undefined {
  const counted = all.flatMap(({ stats }) => stats ?? []);
  if (counted.length === 0) return undefined;
  const sum = sumOf(counted);
  return {
    counters: {
      connections: told(sum.connections),
      in_packets: told(sum.inPackets),
      out_packets: told(sum.outPackets),
      in_bytes: told(sum.inBytes),
      out_bytes: told(sum.outBytes),
    },
    rates: {
      cps: told(sum.cps),
      in_pps: told(sum.inPps),
      out_pps: told(sum.outPps),
      in_bps: told(sum.inBps),
      out_bps: told(sum.outBps),
    },
  };
}

export function connectionsOf(destinations: readonly KernelDestination[]): ApiConnections {
  let [active, inactive, persistent] = [0, 0, 0];
  for (const one of destinations) {
    active += one.active;
    inactive += one.inactive;
    persistent += one.persistent;
  }
  return { active, inactive, persistent };
}

const ABSENT: ApiStatistics = { counters: null, rates: null, active: null, inactive: null, persistent: null };

const everyDestination = (services: readonly KernelService[]): KernelDestination[] =>
  services.flatMap((one) => [...one.destinations.values()]);

function ofServers(destinations: readonly KernelDestination[]): ApiStatistics {
  return destinations.length === 0
    ? ABSENT
    : { counters: null, rates: null, ...trafficOf(destinations), ...connectionsOf(destinations) };
}

/** A service counts by itself: its sum holds what real servers served that have left it. */
function ofServices(services: readonly KernelService[]): ApiStatistics {
  return services.length === 0
    ? ABSENT
    : { counters: null, rates: null, ...trafficOf(services), ...connectionsOf(everyDestination(services)) };
}

function ofVirtualServer(service: ServiceIntent, found: readonly KernelService[]): ApiServiceStatistics {
  const servers = destinationsOf(service).map((server) => {
    const destinations = found.flatMap((one) => one.destinations.get(kernelKey(server, one.id)) ?? []);
    return { address: server.key, ...ofServers(destinations) };
  });
  const all = ofServices(found);
  return {
    name: service.name,
    key: service.key,
    source: service.source.kind === 'file' ? 'file' : 'runtime',
    ...all,
    by_address: found.map((one) => ({ key: serviceKey(one.id), ...(found.length === 1 ? all : ofServices([one])) })),
    real_servers: servers,
  };
}

function ofStranger(service: KernelService): ApiServiceStatistics {
  const key = serviceKey(service.id);
  const servers = [...service.destinations].map(([address, one]) => ({ address, ...ofServers([one]) }));
  const all = ofServices([service]);
  return {
    name: key,
    key,
    source: 'foreign',
    ...all,
    by_address: [{ key, ...all }],
    real_servers: servers,
  };
}

const NOTHING: ApiTotals = { ...(trafficOf([{ stats: NONE }]) as ApiTraffic), active: 0, inactive: 0, persistent: 0 };

export interface StatsReading {
  /** Wall clock. */
  readonly at: string;
  readonly counting: boolean;
  readonly services: Iterable<ServiceIntent>;
  /** With counters; all services, or those of one virtual server. */
  readonly kernel: ReadonlyMap<string, KernelService>;
  /** Keys of services that are somebody else's, also where a virtual server has the same address. */
  readonly foreign: ReadonlySet<string>;
}

export function reportStats({ at, counting, services, kernel, foreign }: StatsReading): Methods['stats']['result'] {
  const counted: KernelService[] = [];
  const own = [...services].map((service) => {
    const keys = service.ids.map(serviceKey).filter((key) => !foreign.has(key));
    const found = keys.flatMap((key) => kernel.get(key) ?? []);
    counted.push(...found);
    return ofVirtualServer(service, found);
  });
  const strangers = [...foreign].flatMap((key) => kernel.get(key) ?? []);
  counted.push(...strangers);
  const totals = { ...NOTHING, ...trafficOf(counted), ...connectionsOf(everyDestination(counted)) };
  return { at, counting, services: [...own, ...strangers.map(ofStranger)], totals };
}
