/** `failback`: when a director takes the office back from a lower one that is alive. */
import * as v from 'valibot';
import { parseChoice } from '../base/words.js';
import { duration, mapping, parsed } from './schema-tools.js';

const DAY_MS = 86_400_000;

const after = mapping('failback', { after: duration('after', 0, DAY_MS) });

const word = parsed(
  (given) =>
    given === 'when_synced'
      ? { refused: 'when_synced: no kernel tells when it has learnt all connections of the other director: write { after: 60s }' }
      : parseChoice('failback', given, ['immediate', 'never']),
  'immediate, never or { after: 60s }',
);

export const failback = v.lazy((input): typeof after | typeof word =>
  typeof input === 'object' && input !== null ? after : word,
);
