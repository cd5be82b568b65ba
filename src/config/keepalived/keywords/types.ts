/** The classes of keepalived's keywords: what becomes of each in lbd. */

/** From the mildest to the gravest: of several things said about one statement the gravest is its class. */
export const OUTCOMES = ['carried', 'changed', 'no_effect', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Keyword {
  /** One spelling of a keyword, as keepalived registers it; other spellings are rows of their own. */
  readonly word: string;
  readonly outcome: Outcome;
  /** carried, changed: the key of lbd.yaml that says it. */
  readonly to?: string;
  /** changed: what is different. no_effect: why lbd needs it not. refused: what to do instead. */
  readonly text?: string;
  /** refused: with one of these words behind it it asks for what lbd does anyway, and has no effect. */
  readonly idle?: readonly string[];
}

/** Words of what is switched off. */
export const OFF = ['off', 'false', 'no', '0'] as const;

/** A block of the old language and the keywords that it may have. */
export interface Block {
  readonly name: string;
  readonly words: readonly Keyword[];
}

export const carried = (word: string, to: string): Keyword => ({ word, outcome: 'carried', to });
export const changed = (word: string, to: string, text: string): Keyword => ({ word, outcome: 'changed', to, text });
export const noEffect = (word: string, text: string): Keyword => ({ word, outcome: 'no_effect', text });
export const refused = (word: string, text: string, idle?: readonly string[]): Keyword => ({
  word,
  outcome: 'refused',
  text,
  ...(idle ? { idle } : {}),
});
