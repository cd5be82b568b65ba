/** What becomes of each statement of the old configuration: exactly one class, and what there is to say about it. */
import type { Outcome } from './keywords/types.js';
import { OUTCOMES } from './keywords/types.js';
import type { Statement } from './types.js';

export interface Verdict {
  readonly statement: Statement;
  /** The block it stands in: `virtual_server`. */
  readonly block: string;
  readonly outcome: Outcome;
  readonly texts: readonly string[];
}

export interface Notes {
  /** A statement was met; what is said of it later can only be graver. */
  meet(statement: Statement, block: string, outcome: Outcome, text?: string): void;
  isMet(statement: Statement): boolean;
  /** It means something else now, or something that keepalived left unsaid is now said: told with its text. */
  change(statement: Statement, text: string): void;
  noEffect(statement: Statement, text: string): void;
  /** It is lost, or a part of it; the text says what to do. */
  refuse(statement: Statement, text: string): void;
  /** In the order in which they were met. */
  verdicts(): readonly Verdict[];
}

interface Open {
  readonly block: string;
  outcome: Outcome;
  readonly texts: string[];
}

const graver = (a: Outcome, b: Outcome): Outcome => (OUTCOMES.indexOf(a) >= OUTCOMES.indexOf(b) ? a : b);

export function createNotes(): Notes {
  const met = new Map<Statement, Open>();
  const say = (outcome: Outcome) => (statement: Statement, text: string) => {
    const open = met.get(statement);
    if (!open) throw new Error(`nobody met the statement ${statement.key.text}`);
    open.outcome = graver(open.outcome, outcome);
    if (!open.texts.includes(text)) open.texts.push(text);
  };
  return {
    meet(statement, block, outcome, text) {
      met.set(statement, { block, outcome, texts: text === undefined ? [] : [text] });
    },
    isMet: (statement) => met.has(statement),
    change: say('changed'),
    noEffect: say('no_effect'),
    refuse: say('refused'),
    verdicts: () => [...met].map(([statement, open]) => ({ statement, ...open })),
  };
}
