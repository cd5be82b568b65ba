/**
 * The sysctls below net.ipv4.vs that the services need, each with its reason (Documentation/networking/ipvs-sysctl.rst). They hold for
 * the whole network namespace: what differs from service to service is expressed by deleting a real server, or by weight 0.
 */
import { destinationsOf } from '../config/destinations.js';
import type { ConnectionSyncConfig, KernelSettingsConfig } from '../config/types.js';
import { chooseTemplates, TEMPLATE_SETTING } from './sticky.js';
import type { ServiceIntent } from './types.js';

export interface Setting {
  /** Below net.ipv4.vs. */
  readonly name: string;
  readonly value: string;
  /** One sentence for a person. */
  readonly why: string;
  readonly from: 'lbd' | 'file';
}

export interface SettingsInput {
  readonly services: readonly ServiceIntent[];
  /** There are VRRP instances: another director may take over. */
  readonly paired: boolean;
  readonly sync: ConnectionSyncConfig | undefined;
  readonly config: KernelSettingsConfig;
  /** `6.1.0-28-amd64` */
  readonly kernel: string;
  /** A service has this very host as a real server. */
  readonly localServer: boolean;
  /** Wall clock in ms since 1970: of deadlines; absent: none has passed. */
  readonly now?: number;
}

type Choice = Omit<Setting, 'from'>;

/** Above this the kernel's estimator takes more time than its figures are worth. */
const ESTIMATED = 10_000;

/** Whether the kernel is at least of this version; one that cannot be read counts as new. */
function atLeast(kernel: string, major: number, minor: number): boolean {
  const [, found, sub] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  if (found === undefined) return true;
  return Number(found) > major || (Number(found) === major && Number(sub) >= minor);
}

const uses = (services: readonly ServiceIntent[], forward: string): boolean =>
  services.some((service) => destinationsOf(service).some((server) => server.forward === forward));

/** A director that never saw a connection sends its packets to the same real server as the one before. */
const isColdStart = ({ services, paired }: SettingsInput): boolean =>
  paired &&
  services.some(
    (one) => (one.scheduler === 'sh' || one.scheduler === 'mh') && destinationsOf(one).some((rs) => rs.forward !== 'nat'),
  );

function templates(services: readonly ServiceIntent[], now: number): Choice[] {
  const choice = chooseTemplates(services, now);
  return choice ? [{ name: TEMPLATE_SETTING, ...choice }] : [];
}

const expiry = ({ services, now = 0 }: SettingsInput): Choice[] => [
  {
    name: 'expire_nodest_conn',
    value: '1',
    why: 'clients of a real server that was taken out are reset, or sent to another one, instead of hanging until a timeout',
  },
  ...templates(services, now),
];

function reuse(input: SettingsInput): Choice[] {
  const tracked = input.services.some((one) => one.snat);
  const stalls = tracked && !atLeast(input.kernel, 5, 9);
  // Conntrack sees one half of such a connection, and ignores its reset: IPVS drops the next SYN to be rid of the old entry (seen on 6.1).
  const halves = tracked && (uses(input.services, 'dr') || uses(input.services, 'tun'));
  const note = stalls
    ? '; on this kernel (before 5.9) with conntrack a reused port may wait one second: a newer kernel cures it'
    : halves
      ? '; beside snat a port of a dr or tun service that is used again after a reset waits one second: "notrack" for its packets in a raw prerouting chain of nftables cures it'
      : '';
  return [
    {
      name: 'conn_reuse_mode',
      value: '1',
      why: `a client port that is used again is scheduled anew, not stuck to a drained server${note}`,
    },
  ];
}

function cold(input: SettingsInput): Choice[] {
  if (!isColdStart(input)) return [];
  const why = 'a director that takes over finds the same real server by sh or mh, also in the middle of a connection';
  return [{ name: 'sloppy_tcp', value: '1', why }];
}

function icmp(input: SettingsInput): Choice[] {
  if (!isColdStart(input) && !uses(input.services, 'tun')) return [];
  return [
    {
      name: 'schedule_icmp',
      value: '1',
      why: 'ICMP about a connection that this director does not know reaches its real server (path MTU)',
    },
  ];
}

/**
 * With path MTU discovery a client whose ICMP is blocked somewhere sends large packets for ever, and none arrives (user pain 21): Linux
 * offers its own MSS whatever the SYN that it answers says, so a clamp here cannot help.
 */
function fragments({ services }: SettingsInput): Choice[] {
  if (!services.some((one) => one.mss !== undefined && destinationsOf(one).some((rs) => rs.forward === 'tun'))) return [];
  const why =
    'packets that a tunnel makes too large are fragmented instead of lost; `ip route change … advmss` on the real servers avoids them';
  return [{ name: 'pmtu_disc', value: '0', why }];
}

function estimation({ services }: SettingsInput): Choice[] {
  const count = services.reduce((sum, one) => sum + one.ids.length, 0);
  return count > ESTIMATED
    ? [{ name: 'run_estimation', value: '0', why: `rates of ${count} services would cost the kernel more than they are worth` }]
    : [{ name: 'run_estimation', value: '1', why: 'counters and rates' }];
}

function special({ services, localServer, sync }: SettingsInput): Choice[] {
  const choices: Choice[] = [];
  if (services.some((one) => one.snat))
    choices.push({ name: 'conntrack', value: '1', why: 'snat: the firewall must see the connections that IPVS forwards' });
  if (localServer && sync)
    choices.push({
      name: 'backup_only',
      value: '1',
      why: 'this host is a real server too: while it is not master, packets reach its own server',
    });
  return choices;
}

/** In the order in which they are shown. What the file says wins; `keep` leaves one alone. */
export function chooseSettings(input: SettingsInput): Setting[] {
  const { config, services } = input;
  const managed = config.manage && services.length > 0;
  const choices = managed
    ? [
        ...expiry(input),
        ...reuse(input),
        ...cold(input),
        ...icmp(input),
        ...fragments(input),
        ...special(input),
        ...estimation(input),
      ]
    : [];
  const own = choices.filter((one) => config.values[one.name] === undefined).map((one): Setting => ({ ...one, from: 'lbd' }));
  const said = Object.entries(config.values).filter(([, value]) => value !== 'keep');
  return [...own, ...said.map(([name, value]): Setting => ({ name, value, why: 'the configuration says so', from: 'file' }))];
}
