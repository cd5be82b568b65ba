/**
 * What a value looks like, for the JSON Schema and the manual page (test/tools/schema.mjs): beside what refuses it, so that both say the
 * same. Nothing looks at it while lbd runs.
 */
import * as v from 'valibot';

/** Times in milliseconds; `words` may stand in place of a time. */
export type Form =
  | { readonly is: 'duration'; readonly min: number; readonly max: number; readonly words?: readonly string[] }
  | { readonly is: 'choice'; readonly of: readonly string[] }
  /** `bare`: the sign may be left out. */
  | { readonly is: 'percent'; readonly min: number; readonly max: number; readonly bare?: true }
  /** A number above 0. */
  | { readonly is: 'ratio'; readonly max: number }
  /** A number, or a word in its place. */
  | { readonly is: 'number'; readonly min: number; readonly max: number; readonly words: readonly string[] }
  | { readonly is: 'tier'; readonly max: number }
  | {
      readonly is: /** A word or a number, of which nothing more is said. */
        | 'scalar'
        | 'address'
        | 'prefix'
        | 'network'
        | 'endpoint'
        | 'server'
        | 'service'
        | 'mark'
        | 'marks'
        | 'amount'
        | 'status'
        | 'digest'
        | 'hex'
        | 'netns'
        | 'name'
        | 'interface'
        | 'threshold';
    };

export const formed = <T>(form: Form) => v.metadata<T, { readonly form: Form }>({ form });
