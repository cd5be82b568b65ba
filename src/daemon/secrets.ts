/** Secrets in files: tokens of the API, a line each. */
import { readFileSync } from 'node:fs';

/** What can be guessed is no token. */
export const MIN_TOKEN = 16;

const readText = (what: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${what} cannot be read: ${(error as Error).message}`);
  }
};

/** A PEM file. Throws an Error of one sentence. */
export function readPem(what: string, file: string): string {
  const text = readText(what, file);
  if (!text.includes('-----BEGIN ')) throw new Error(`${what} ${file} is no PEM file`);
  return text;
}

/** The first line of the file. Throws an Error of one sentence that names the file, and never what is in it. */
export function readToken(what: string, file: string): string {
  const [line = ''] = readText(what, file).split('\n');
  const token = line.trim();
  if (/\s/.test(token)) throw new Error(`${what} ${file}: a token has no blank in it`);
  if (token.length < MIN_TOKEN)
    throw new Error(`${what} ${file}: a token has at least ${MIN_TOKEN} characters (openssl rand -hex 32)`);
  return token;
}
