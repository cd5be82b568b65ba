/** What concerns all checks together, and the rules that look at the checks of all virtual servers. */
import { countPassages, markFaults } from './build-via.js';
import type { Located, Report } from './located.js';
import { formatMarks } from './passage.js';
import type { FileShape } from './schema.js';
import type { CheckingConfig, SuspicionConfig, VirtualServerConfig } from './types.js';

/** Far from the small numbers that people choose: `LB` and two bytes. */
const PROBE_MARKS = { first: 0x4c420000, last: 0x4c42ffff };

/** A handful of servers may well fail together, and a whole rack must not be waited for long. */
const SHARE = 0.6;
const MIN_TARGETS = 5;

function buildSuspicion(shape: NonNullable<FileShape['global']>['suspicion']): SuspicionConfig | undefined {
  if (shape === 'off') return undefined;
  const {
    share = SHARE,
    min_targets: minTargets = MIN_TARGETS,
    hold,
    reference: references = [],
    yield: yields = false,
  } = shape ?? {};
  return { share, minTargets, hold, references, yields };
}

export const buildChecking = (shape: FileShape['global']): CheckingConfig => ({
  probeMarks: shape?.probe_marks ?? PROBE_MARKS,
  suspicion: buildSuspicion(shape?.suspicion),
});

interface Places {
  readonly global: Located<unknown> | undefined;
  /** Nobody looks at their values: those of entries that were not read again have none. */
  readonly services: readonly Located<unknown>[];
}

export function checkMarks(
  { global, services: places }: Places,
  services: readonly VirtualServerConfig[],
  { probeMarks }: CheckingConfig,
  report: Report,
): void {
  services.forEach((service, i) => {
    const at = places[i] as Located<unknown>;
    const key = service.ids[0]?.kind === 'fwmark' ? 'fwmark' : 'name';
    for (const fault of markFaults(service, probeMarks)) report('error', at, fault, [key]);
  });
  const [needed, room] = [countPassages(services), probeMarks.last - probeMarks.first + 1];
  const at = global ?? places[0];
  if (needed <= room || !at) return;
  const text = `probe_marks (${formatMarks(probeMarks)}) are ${room}, and the checks via: vip need ${needed}`;
  report('error', at, text, global ? ['probe_marks'] : []);
}
