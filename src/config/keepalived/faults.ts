/** What is wrong with an old configuration, each thing once, with the line as it stands in its file. */
import { shownLine } from '../places.js';
import type { Spot } from './text.js';
import type { Fault, Place } from './types.js';

/** Who has that many has no configuration of keepalived. */
const MAX_TOLD = 1000;

export interface Faults {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  fault(spot: Spot, message: string): void;
  warn(spot: Spot, message: string): void;
  make(spot: Spot, message: string): Fault;
}

export function createFaults(lineAt: (place: Place) => string): Faults {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const seen = new Set<string>();
  const make = ({ place, origin }: Spot, message: string): Fault => ({
    place,
    message: origin ? `${message} (in the value of $${origin.name}, ${origin.place.file}:${origin.place.line})` : message,
    source: shownLine(lineAt(place)),
  });
  const add = (list: Fault[], spot: Spot, message: string): void => {
    const made = make(spot, message);
    const key = `${made.place.file}:${made.place.line}:${made.place.column} ${made.message}`;
    if (list.length >= MAX_TOLD || seen.has(key)) return;
    seen.add(key);
    list.push(made);
  };
  return {
    faults,
    warnings,
    fault: (spot, message) => add(faults, spot, message),
    warn: (spot, message) => add(warnings, spot, message),
    make,
  };
}
