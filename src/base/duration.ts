/** Durations as people write them: `500ms`, `2s`, `10m`, `1h`; a bare number is seconds. Milliseconds inside. */

export type Milliseconds = number;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds, or undefined when the text is no duration. Fractions are allowed: `0.5s`. */
export function parseDuration(value: string | number): Milliseconds | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(String(value).trim());
  if (!match) return undefined;
  // 16.1 s are 16100 ms, whatever binary fractions make of them.
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? 's'] as number) * 1e6) / 1e6;
}

/** The shortest exact form: 1500 -> `1.5s`, 600000 -> `10m`, 20 -> `20ms`. */
export function formatDuration(ms: Milliseconds): string {
  if (ms === 0) return '0s';
  if (ms < 1000) return `${Math.round(ms * 1000) / 1000}ms`;
  for (const unit of ['d', 'h', 'm'] as const) {
    const size = UNITS[unit] as number;
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${Math.round(ms) / 1000}s`;
}
