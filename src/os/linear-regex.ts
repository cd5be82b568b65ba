/** V8's regular expression engine without backtracking: `new RegExp(source, 'l')` works from here on. */
import { setFlagsFromString } from 'node:v8';

export const enableLinearRegex = (): void => setFlagsFromString('--enable-experimental-regexp-engine');
