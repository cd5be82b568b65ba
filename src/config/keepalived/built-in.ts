/** The parameters that keepalived defines by itself; those of the manual, as it describes them (2.2.7 itself reads `${_RANDOM 1 9}` wrongly). */
import { createHash } from 'node:crypto';
import type { Spot } from './text.js';
import type { Place, Surroundings } from './types.js';

/** Where a line is: what the names that keepalived knows by itself stand for. */
export interface Here {
  readonly around: Surroundings;
  readonly file: string;
}

export interface Told {
  fault(spot: Spot, message: string): void;
  warn(spot: Spot, message: string): void;
}

/** keepalived draws a number whenever it starts; what is drawn here is the same each time, and another one on another host. */
function draw(numbers: string, place: Place, { around, file }: Here): number {
  const [least = 0, greatest = 32_767] = numbers.trim().split(/ +/).filter(Boolean).map(Number);
  const seed = `${around.configId ?? ''} ${file} ${place.line} ${place.column}`;
  const drawn = createHash('sha256').update(seed).digest().readUInt32BE(0);
  return least + (drawn % (Math.max(greatest - least, 0) + 1));
}

/** `$NAME`, `${NAME}`, `${NAME NUMBERS}` or `${NAME VARIABLE}` in a line. */
export interface Use {
  readonly name: string;
  readonly variable: string | undefined;
  /** With blanks before and between them. */
  readonly numbers: string;
  readonly spot: Spot;
  readonly isQuoted: boolean;
}

function randomOf({ numbers, spot }: Use, here: Here, told: Told): string {
  const drawn = draw(numbers, spot.place, here);
  told.warn(
    spot,
    `keepalived draws a number whenever it starts; this is ${drawn} from now on, drawn once from the name of the host and the place in the file`,
  );
  return `${drawn}`;
}

function environmentOf({ variable, spot }: Use, { around }: Here, told: Told): string {
  const value = variable === undefined ? undefined : around.env[variable];
  if (variable === undefined) told.fault(spot, `\${_ENV} names a variable of the environment: \${_ENV NAME}`);
  else if (value === undefined)
    told.fault(spot, `the variable ${variable} is not in the environment: set it as it is where keepalived runs`);
  return value ?? '';
}

function instanceOf({ spot }: Use, { around }: Here, told: Told): string {
  if (around.configId === undefined)
    told.fault(spot, `\${_INSTANCE} is what -i gives keepalived, or the first part of the name of its host: say it with -i`);
  return around.configId ?? '';
}

function signOf({ name, spot, isQuoted }: Use, told: Told): string {
  if (!isQuoted)
    told.warn(
      spot,
      `keepalived 2.2 takes what \${${name}} stands for as the beginning of a comment, except in "; here it is a character`,
    );
  return name === '_HASH' ? '#' : '!';
}

/** What a name stands for that keepalived knows by itself; undefined: nothing. */
export function builtIn(use: Use, here: Here, told: Told): string | undefined {
  switch (use.name) {
    case '_PWD':
      return here.around.folderOf(here.file);
    case '_INSTANCE':
      return instanceOf(use, here, told);
    case '_RANDOM':
      return randomOf(use, here, told);
    case '_HASH':
    case '_BANG':
      return signOf(use, told);
    case '_ENV':
      return environmentOf(use, here, told);
    default:
      return undefined;
  }
}
