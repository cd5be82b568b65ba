/** `lbctl diff`: what is in force beside the file, the kernel, or the other directors. */
import type { ApiDiff, ApiDifference, Methods } from '../../control/api.js';
import { type Director, differencesBetween } from '../../control/compare.js';
import type { KernelDifference } from '../check/kernel-diff.js';
import { ask } from './ask.js';
import { diffFile } from './diff-file.js';
import type { HandlerParts } from './handlers.js';
import { lookAt } from './peers.js';
import { refuse } from './refused.js';

/** A large table is read service by service. */
const READ_MS = 25_000;

const plain = (one: Pick<ApiDifference, 'change' | 'target' | 'text'>): ApiDifference => {
  return { ...one, by: null, since_seconds: null, saved: false };
};

async function diffKernel({ check, pooled }: HandlerParts): Promise<ApiDiff> {
  const found = pooled()
    ? (await ask<{ value: readonly KernelDifference[] }>(check, { query: { what: 'kernel-diff' } }, READ_MS)).value
    : [];
  return { against: 'kernel', name: 'kernel', differences: found.map(plain), disk: null };
}

async function diffPeers({ wanted }: HandlerParts, name: string | undefined, here: () => Promise<Director>): Promise<ApiDiff> {
  const { peers } = wanted.config().global;
  const known = peers.map((one) => one.name);
  if (known.length === 0) return refuse('no other director is known: name its API in global.peers');
  if (name !== undefined && !known.includes(name)) return refuse(`unknown peer "${name}"; there is ${known.join(', ')}`);
  const asked = peers.filter((one) => name === undefined || one.name === name);
  const [ours, ...theirs] = await Promise.all([
    here(),
    ...asked.map((one) => lookAt(one).catch((error: Error) => (asked.length === 1 ? refuse(error.message) : error.message))),
  ]);
  const differences = theirs.flatMap((one, i) => {
    const target = asked[i]?.name ?? '';
    const texts = typeof one === 'string' ? [one] : differencesBetween(ours, one, ours.status.instances);
    return texts.map((text) => plain({ change: 'changed', target, text }));
  });
  return { against: 'peer', name: asked.map((one) => one.name).join(', '), differences, disk: null };
}

/** `here`: this director, as its peers see it. */
export async function diff(
  parts: HandlerParts,
  params: Methods['diff']['params'],
  here: () => Promise<Director>,
): Promise<ApiDiff> {
  const { against = 'file', peer } = params;
  if (peer !== undefined && against !== 'peer') return refuse('"peer" is a name of what it is compared with: against is "peer"');
  if (against === 'kernel') return diffKernel(parts);
  if (against === 'peer') return diffPeers(parts, peer, here);
  if (against !== 'file') return refuse(`"${against}" is nothing to compare with: there is file, kernel, peer`);
  const { disk, ...inForce } = await parts.wanted.onDisk();
  return diffFile(parts.file, inForce, disk, Date.now());
}
