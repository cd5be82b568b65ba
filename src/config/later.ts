/**
 * Words of the configuration language that this version does not have yet. They are refused by name: a director that ignores a
 * line of its configuration is worse than one that does not start.
 */

export const LATER: Readonly<Record<string, readonly string[]>> = {
  'the file': ['notifications'],
};

export const LATER_CHECKS = ['bfd'] as const;

export const laterText = (word: string): string => `${word}: this version of lbd does not have it yet`;
