/**
 * What may be set below net.ipv4.vs, and to what (Documentation/networking/ipvs-sysctl.rst, ip_vs_ctl.c). The kernel takes any number
 * for most of them, and means something else by it.
 */

type Range = readonly [from: number, to: number];

const SWITCH: Range = [0, 1];
const ANY: Range = [0, 2 ** 31 - 1];
/** Never, when memory is short, or always: how eagerly new connections are fought off. */
const DEFENCE: Range = [0, 3];

const RANGES = {
  am_droprate: [1, 2 ** 31 - 1],
  amemthresh: ANY,
  backup_only: SWITCH,
  cache_bypass: SWITCH,
  conn_reuse_mode: [0, 3],
  conntrack: SWITCH,
  drop_entry: DEFENCE,
  drop_packet: DEFENCE,
  est_nice: [-20, 19],
  expire_nodest_conn: SWITCH,
  expire_quiescent_template: SWITCH,
  ignore_tunneled: SWITCH,
  nat_icmp_send: SWITCH,
  pmtu_disc: SWITCH,
  run_estimation: SWITCH,
  schedule_icmp: SWITCH,
  secure_tcp: DEFENCE,
  sloppy_sctp: SWITCH,
  sloppy_tcp: SWITCH,
  snat_reroute: SWITCH,
  sync_persist_mode: SWITCH,
  /** IP_VS_SYNC_PORTS_MAX. */
  sync_ports: [1, 64],
  sync_qlen_max: [1, 2 ** 31 - 1],
  sync_refresh_period: ANY,
  sync_retries: [0, 3],
  sync_sock_size: ANY,
  sync_threshold: ANY,
  sync_version: SWITCH,
} as const satisfies Record<string, Range>;

export type KernelSetting = keyof typeof RANGES;
export const KERNEL_SETTINGS = Object.keys(RANGES) as readonly KernelSetting[];

/** Two numbers: the first packet that is synchronised, and how many it is one of (0: only the first). */
const isThreshold = (value: string): boolean => {
  const [, first, period] = /^(\d{1,9}) (\d{1,9})$/.exec(value) ?? [];
  return period !== undefined && (Number(first) < Number(period) || Number(period) === 0);
};

export function isKernelValue(key: KernelSetting, value: string): boolean {
  if (key === 'sync_threshold') return isThreshold(value);
  const [from, to] = RANGES[key];
  return /^-?\d{1,10}$/.test(value) && Number(value) >= from && Number(value) <= to;
}

/** Undefined: two numbers. */
export const kernelBounds = (key: KernelSetting): Range | undefined => (key === 'sync_threshold' ? undefined : RANGES[key]);

export function kernelRange(key: KernelSetting): string {
  if (key === 'sync_threshold') return 'two numbers, the first below the second (3 50)';
  const [from, to] = RANGES[key];
  return from === 0 && to === 1 ? '0 or 1' : `a whole number from ${from} to ${to}`;
}
