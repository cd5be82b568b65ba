/** The firewall's rules as JSON, by nftables' own program. */
import type { Finding } from '../intent/doctor/types.js';
import { callNft, type NftOutcome } from './nft-program.js';

/** A large ruleset takes its time; lbctl waits longer. */
const LIMIT_MS = 3000;
/** Sets of a hundred thousand addresses are some megabytes. */
const MAX_BYTES = 64 << 20;

export type ListedRuleset = { readonly ruleset: unknown } | { readonly finding: Finding };

const info = (text: string, cure: string): ListedRuleset => ({
  finding: { severity: 'info', topic: 'firewall', text, cure },
});
const warning = (text: string, cure: string): ListedRuleset => ({
  finding: { severity: 'warning', topic: 'firewall', text, cure },
});

/** The first line of what nft complained, without its own words around it. */
const complaint = (words: string): string =>
  words
    .trim()
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.replace(/^.*?Error: /, '') ?? '';

function refusal(error: NonNullable<NftOutcome['failure']>, words: string): ListedRuleset {
  if (error.code === 'ENOENT')
    return info('nft is not installed: nobody knows whether a firewall is in the way', 'apt-get install nftables');
  if (error.killed)
    return warning(`nft did not list the firewall's rules within ${LIMIT_MS / 1000} s`, 'read them: nft list ruleset');
  const why = complaint(words) || error.message;
  if (/not permitted|must be root/i.test(words)) return warning(`the firewall's rules cannot be read: ${why}`, 'run it as root');
  // A kernel without nftables has no rules of it.
  if (/not supported|Invalid argument/i.test(words)) return { ruleset: { nftables: [] } };
  return warning(`the firewall's rules cannot be read: ${why}`, 'read them: nft list ruleset');
}

/** Never rejects. Protocols as numbers: their names are the host's own (/etc/protocols). */
export async function listRuleset(): Promise<ListedRuleset> {
  const call = { deadline: LIMIT_MS, mostOutput: MAX_BYTES };
  const { failure, stdout, stderr } = await callNft(['-j', '-p', 'list', 'ruleset'], call);
  if (failure) return refusal(failure, stderr);
  try {
    return { ruleset: stdout.trim() === '' ? { nftables: [] } : JSON.parse(stdout) };
  } catch {
    return warning('nft printed no JSON: this version of it cannot list these rules', 'read them: nft list ruleset');
  }
}
