/** The pool's rules: what is inherited, and what does not go together. */
import { formatEndpoint } from '../base/ip.js';
import { isHashed } from '../base/words.js';
import type { Path } from './document.js';
import type { Located, Report } from './located.js';
import type { FileShape } from './schema.js';
import type { RealServerShape, VirtualServerShape } from './schema-service.js';
import type { DampingConfig, FloorConfig, RealServerConfig, ServerPolicy, ServiceSettings } from './types.js';

type Defaults = NonNullable<FileShape['defaults']>;
type ModeShape = VirtualServerShape['mode'];

/** Undefined: all. */
function neededOf(mode: ModeShape): number | undefined {
  if (mode === undefined || mode === 'all') return undefined;
  return mode === 'any' ? 1 : mode.at_least;
}

/**
 * Schedulers that give a server its share by its weight. The others do not look at it (rr, lc, dh), take it for a rank or a limit (fo,
 * ovf), or send clients elsewhere with every change of it (sh, mh).
 */
const WEIGHING = ['wrr', 'wlc', 'lblc', 'lblcr', 'sed', 'nq', 'twos'];

function slowStartFault(scheduler: string): string | undefined {
  if (WEIGHING.includes(scheduler)) return undefined;
  if (isHashed(scheduler))
    return `slow_start does not go with ${scheduler}: every step of the weight would send clients of the others to another server`;
  const why = scheduler === 'fo' || scheduler === 'ovf' ? 'takes the weight for a rank or a limit' : 'does not look at weights';
  return `slow_start means nothing to the scheduler ${scheduler}, which ${why}: write ${WEIGHING.slice(0, 2).join(' or ')}`;
}

/** 0 means none. */
const spanOf = (slowStart: number | undefined): number | undefined => slowStart || undefined;

/** Of the service; its real servers inherit it. */
function serverPolicyOf(value: VirtualServerShape, defaults: Defaults | undefined, scheduler: string): ServerPolicy {
  // One of the defaults is for those services that can have it.
  const inherited = slowStartFault(scheduler) === undefined ? defaults?.slow_start : undefined;
  return { needed: neededOf(value.mode ?? defaults?.mode), slowStart: spanOf(value.slow_start ?? inherited) };
}

/** Of one real server. */
export const policyOfServer = (shape: RealServerShape, settings: ServerPolicy): ServerPolicy & { tier?: number | undefined } => ({
  needed: shape.mode === undefined ? settings.needed : neededOf(shape.mode),
  slowStart: shape.slow_start === undefined ? settings.slowStart : spanOf(shape.slow_start),
  tier: shape.backup || undefined,
});

type Rules = Pick<VirtualServerShape, 'min_healthy' | 'max_ejected' | 'below'>;

function floorOf(value: Rules, defaults: Rules | undefined): FloorConfig | undefined {
  // Who has a rule of his own does not mean the other one of the defaults.
  const { min_healthy: healthy, max_ejected: ejected } =
    value.min_healthy === undefined && value.max_ejected === undefined ? (defaults ?? value) : value;
  if (healthy) return healthy.amount === 0 ? undefined : { of: 'min_healthy', ...healthy, below: belowOf(value, defaults) };
  const isAll = ejected?.unit === 'percent' && ejected.amount === 100;
  return ejected && !isAll ? { of: 'max_ejected', ...ejected, below: 'keep_last' } : undefined;
}

const belowOf = (value: Rules, defaults: Rules | undefined): FloorConfig['below'] =>
  value.below ?? defaults?.below ?? 'keep_last';

const DAMPING: DampingConfig = { halfLife: 60_000, suppress: 3, reuse: 1 };

function dampingOf(shape: VirtualServerShape['damping']): DampingConfig | undefined {
  if (shape === undefined || shape === 'off') return undefined;
  const { half_life: halfLife = DAMPING.halfLife, suppress = DAMPING.suppress, reuse = DAMPING.reuse } = shape;
  return { halfLife, suppress, reuse };
}

type Policy = ServerPolicy & Pick<ServiceSettings, 'floor' | 'damping'>;

export const policyOf = (value: VirtualServerShape, defaults: Defaults | undefined, scheduler: string): Policy => ({
  ...serverPolicyOf(value, defaults, scheduler),
  floor: floorOf(value, defaults),
  damping: dampingOf(value.damping ?? defaults?.damping),
});

/** What two of the rules of one level say together. */
export function checkRules(at: Located<Rules>, report: Report): void {
  const { min_healthy: healthy, max_ejected: ejected, below } = at.value;
  if (healthy && ejected)
    report('error', at, 'min_healthy and max_ejected are two views of one rule: write one of them', ['max_ejected']);
  else if (ejected && below !== undefined)
    report('error', at, `"below" is of min_healthy: with max_ejected those that failed last stay in`, ['below']);
}

/** What happens below the floor, and the sorry server. */
export function checkBelow(
  at: Located<VirtualServerShape>,
  { floor, sorry }: Pick<ServiceSettings, 'floor' | 'sorry'>,
  report: Report,
): void {
  const { min_healthy: healthy, below } = at.value;
  const place = below === undefined ? (healthy ? ['min_healthy'] : ['name']) : ['below'];
  if (floor?.below === 'sorry' && !sorry) report('error', at, `below: sorry needs a sorry_server`, place);
  if (floor?.below === 'withdraw' && sorry)
    report('error', at, `below: withdraw does not go with a sorry server: below: sorry has it serve`, place);
}

function checkFloor(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  { floor, sorry }: Pick<ServiceSettings, 'floor' | 'sorry'>,
  report: Report,
): void {
  const { min_healthy: healthy, max_ejected: ejected, below } = at.value;
  checkRules(at, report);
  if (below !== undefined && !floor && !ejected && healthy?.amount !== 0)
    report('error', at, '"below" says what happens below min_healthy: write that too', ['below']);
  if (!floor) return;
  checkBelow(at, { floor, sorry }, report);
  const own = servers.filter((server) => !server.tier).length;
  if (floor.of === 'min_healthy' && floor.unit === 'servers' && own > 0 && floor.amount > own)
    report('error', at, `min_healthy ${floor.amount} is more than there are real servers that are no backups (${own})`, [
      healthy ? 'min_healthy' : 'name',
    ]);
  if (floor.of === 'max_ejected' && own > 0 && floor.unit === 'percent' && Math.floor((own * floor.amount) / 100) === 0)
    report('warning', at, `max_ejected ${floor.amount}% of ${own} real servers is none: no check takes anybody out`, [
      ejected ? 'max_ejected' : 'name',
    ]);
}

/** Schedulers that choose a server by a hash and then look whether it takes anybody. */
const CHOOSING = ['sh', 'mh', 'dh'];

export function checkBackups(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  { scheduler }: Pick<ServiceSettings, 'scheduler'>,
  report: Report,
): void {
  const first = servers.findIndex((server) => server.tier);
  if (first < 0) return;
  const path = ['real_servers', first, 'backup'];
  if (CHOOSING.includes(scheduler))
    report(
      'error',
      at,
      `a backup does not go with ${scheduler}: it stands by with weight 0, and ${scheduler} would still choose it for its share of the clients`,
      path,
    );
  if (servers.every((server) => server.tier))
    report('error', at, `every real server of ${at.value.name} is a backup: there is nobody whose place they take`, path);
}

/** Weights so small have hardly a step below them. */
const FEW_STEPS = 5;

export function checkSlowStart(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  settings: Pick<ServiceSettings, 'scheduler' | 'slowStart'>,
  report: Report,
): void {
  const fault = slowStartFault(settings.scheduler);
  if (fault && at.value.slow_start) return report('error', at, fault, ['slow_start']);
  const own = at.value.real_servers.findIndex((shape) => shape.slow_start);
  if (fault && own >= 0) return report('error', at, fault, ['real_servers', own, 'slow_start']);
  const small = servers.find(({ slowStart, weight }) => slowStart !== undefined && weight > 0 && weight < FEW_STEPS);
  if (!small) return;
  const key = formatEndpoint(small.address, small.port);
  const few = small.weight === 1 ? 'no share below it: slow_start does nothing' : `only ${small.weight} steps for slow_start`;
  const text = `the weight ${small.weight} of ${key} has ${few}; write larger weights for all, such as 100`;
  report('warning', at, text, at.value.slow_start ? ['slow_start'] : ['name']);
}

export function checkPolicy(
  at: Located<VirtualServerShape>,
  servers: readonly RealServerConfig[],
  settings: ServiceSettings,
  report: Report,
): void {
  checkFloor(at, servers, settings, report);
  checkBackups(at, servers, settings, report);
  checkSlowStart(at, servers, settings, report);
  const { damping } = settings;
  if (damping && damping.reuse >= damping.suppress)
    report('error', at, `damping: reuse (${damping.reuse}) must be below suppress (${damping.suppress})`, [
      at.value.damping ? 'damping' : 'name',
    ]);
}

/**
 * `at_least` more than there are can never be met. `below`: the real server. Where both are the service's they are told there: of its real
 * servers all alike.
 */
export function checkMode(
  server: RealServerConfig,
  shape: Pick<RealServerShape, 'mode' | 'checks'>,
  at: Located<unknown>,
  below: Path,
  report: Report,
): void {
  const { needed, checks } = server;
  if (needed === undefined || checks.length === 0 || needed <= checks.length) return;
  const has = checks.length === 1 ? 'one check' : `${checks.length} checks`;
  const never = `mode: at_least ${needed} can never be met`;
  if (shape.mode === undefined && shape.checks === undefined)
    return report('error', at, `${never}: real servers without checks of their own have ${has}`, ['mode']);
  const key = formatEndpoint(server.address, server.port);
  report('error', at, `${never}: ${key} has ${has}`, shape.mode === undefined ? [...below, 'address'] : [...below, 'mode']);
}
