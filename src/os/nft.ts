/** lbd's own tables of nftables. One process for each call; the caller sees to it that calls follow each other. */
import { OsError } from '../base/errors.js';
import { callNft, type NftOutcome } from './nft-program.js';

export interface Nft {
  /** One transaction in the words of nft(8): all of it or nothing. Rejects with OsError. */
  apply(text: string): Promise<void>;
  /** A table (`inet lbd`) as nft prints it, undefined when there is none. Rejects with OsError. */
  list(table: string): Promise<string | undefined>;
}

export interface NftOptions {
  readonly program?: string;
  /** Milliseconds that one call may take; a table of thousands takes less than one second. */
  readonly deadline?: number;
}

const DEADLINE_MS = 30_000;
const MAX_OUTPUT = 256 * 1024 * 1024;
const SHOWN = 160;
const ENOENT = 2;

/** `Error: …` of nft's report, which spans lines, with the beginning of the line of text that it points to. */
function complaint(stderr: string): string | undefined {
  const lines = stderr.split('\n');
  const at = lines.findIndex((line) => /\bError: /.test(line));
  if (at < 0) return stderr.trim().split('\n').pop()?.slice(0, SHOWN) || undefined;
  const said = (lines[at] as string).replace(/^.*?\bError: /, '').slice(0, SHOWN);
  const place = lines[at + 1]?.trim().slice(0, SHOWN) ?? '';
  return place === '' ? said : `${said}: ${place}`;
}

function refused(outcome: NftOutcome, deadline: number): OsError {
  const { failure, stderr } = outcome;
  const error = (errno: number, text: string) => new OsError({ op: 'nftables', errno }, text);
  if (failure?.code === 'ENOENT') return error(ENOENT, 'the program nft is missing: apt-get install nftables');
  if (failure?.killed) return error(0, `nft did not end within ${deadline / 1000} s`);
  const said = complaint(stderr) ?? failure?.message ?? 'it failed';
  if (/initialize netlink socket|cache initialization failed/i.test(stderr) && /not supported/i.test(stderr)) {
    return error(0, `this kernel has no nf_tables: modprobe nf_tables (nft: ${said})`);
  }
  return error(0, `nft: ${said}`);
}

export function createNft({ program = 'nft', deadline = DEADLINE_MS }: NftOptions = {}): Nft {
  const call = { program, deadline, mostOutput: MAX_OUTPUT };
  return {
    async apply(text) {
      const outcome = await callNft(['-f', '-'], { ...call, input: text });
      if (outcome.failure) throw refused(outcome, deadline);
    },
    async list(table) {
      const outcome = await callNft(['-n', 'list', 'table', ...table.split(' ')], call);
      if (!outcome.failure) return outcome.stdout;
      if (/Error: No such file or directory/.test(outcome.stderr)) return undefined;
      throw refused(outcome, deadline);
    },
  };
}
