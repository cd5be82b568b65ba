/** Regular expressions of users: only such as are matched in linear time, for what they are matched against comes from outside. */

/**
 * Compiles with V8's linear engine (flag `l`) where os/linear-regex.ts has enabled it, with the usual one elsewhere. Throws SyntaxError
 * for what is no expression, or none of that kind (look-around, back-references).
 */
export function compileRegex(source: string): RegExp {
  try {
    return new RegExp(source, 'l');
  } catch (error) {
    if (/flags/i.test((error as Error).message)) return new RegExp(source);
    throw error;
  }
}

/** What is wrong with the expression, or nothing. */
export function regexFault(source: string): string | undefined {
  try {
    compileRegex(source);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (/linear/.test(message))
      return `/${source}/ has a look-around, a back-reference or a very large repetition: such an expression may take for ever`;
    return `/${source}/ is no regular expression: ${message.replace(/^.*\/l?: /, '')}`;
  }
}
