/** Secrets in files: tokens of the API, a line each, and keys of VRRP instances. */
import { readFileSync, statSync } from 'node:fs';
import { fromHex } from '../base/bytes.js';
import { LONGEST_KEY, SHORTEST_KEY } from '../wire/vrrp-trailer.js';

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

const HEX = 'hex:';

/** What keepalived takes from such a file: everything before the line's end, as it stands, or `hex:` and digits. */
function keyFrom(where: string, text: string): Uint8Array {
  const line = text.replace(/[\r\n]+$/, '');
  const digits = line.startsWith(HEX) ? line.slice(HEX.length) : undefined;
  if (/[\r\n]/.test(line)) throw new Error(`${where}: a key is one line`);
  if (digits === undefined && /[^\x20-\x7e]/.test(line))
    throw new Error(`${where}: a key is printable ASCII, or hex: and hexadecimal digits`);
  if (digits !== undefined && !/^([0-9a-f]{2})*$/i.test(digits))
    throw new Error(`${where}: after hex: there are two hexadecimal digits a byte, and nothing else`);
  return digits === undefined ? new TextEncoder().encode(line) : fromHex(digits);
}

/** A key of 32 to 64 bytes. Throws an Error of one sentence that names the file, and never what is in it. */
export function readKey(what: string, file: string): Uint8Array {
  const where = `${what} ${file}`;
  const key = keyFrom(where, readText(what, file));
  if (key.length < SHORTEST_KEY || key.length > LONGEST_KEY) {
    const cure = `printf 'hex:%s' "$(openssl rand -hex 32)"`;
    throw new Error(`${where}: a key has ${SHORTEST_KEY} to ${LONGEST_KEY} bytes, this one has ${key.length} (${cure})`);
  }
  return key;
}

/** Others than its owner may read or write it. */
export function isExposed(file: string): boolean {
  try {
    return (statSync(file).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}
