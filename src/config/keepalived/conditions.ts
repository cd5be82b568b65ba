/** `@ID line` counts where keepalived has this name (its `-i`, or the first part of the name of its host), `@^ID line` everywhere else. */

export interface Condition {
  readonly id: string;
  /** `@^` */
  readonly isNot: boolean;
  /** Where the line begins; undefined: there is none. */
  readonly restAt: number | undefined;
}

const CONDITION = /^@(\^?)([^ \t]*)([ \t]+)?/;

export function readCondition(text: string): Condition | undefined {
  const found = CONDITION.exec(text);
  if (!found) return undefined;
  const [all, not, id = '', blanks] = found;
  return { id, isNot: not === '^', restAt: blanks === undefined ? undefined : all.length };
}

export const counts = ({ id, isNot }: Condition, configId: string | undefined): boolean => (id === configId) !== isNot;
