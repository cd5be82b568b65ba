/**
 * Persistent clients of a real server that drains. The kernel has one setting for all services of the namespace
 * (net.ipv4.vs.expire_quiescent_template; ip_vs_conn.c, ip_vs_check_template): 1 sends the persistent clients of every real server with
 * weight 0 to others, 0 keeps them all. What one service needs and another forbids is refused.
 */
import type { KernelSettingsConfig } from '../config/types.js';
import { honours } from './admin.js';
import type { RealServerIntent, ServiceIntent, Sticky } from './types.js';

export const TEMPLATE_SETTING = 'expire_quiescent_template';
const SETTING = `net.ipv4.vs.${TEMPLATE_SETTING}`;

const drains = ({ admin }: RealServerIntent): boolean => admin?.state === 'drain';

/** Real servers that fail stay with weight 0: their persistent clients must be sent away. */
export const quiesces = ({ persistence, onFailure }: ServiceIntent): boolean =>
  persistence !== undefined && onFailure === 'quiesce';

/** Real servers that are up stand by with weight 0. */
const standsBy = ({ sorry, floor, realServers }: ServiceIntent): boolean =>
  sorry !== undefined || floor?.below === 'withdraw' || realServers.some(({ tier }) => tier !== undefined);

export interface TemplateChoice {
  readonly value: '0' | '1';
  readonly why: string;
}

/** Undefined: no service needs either. What a failure needs goes before what a drain was promised. */
export function chooseTemplates(services: readonly ServiceIntent[], now: number): TemplateChoice | undefined {
  const persistent = services.filter((one) => one.persistence);
  const honoured = persistent.find((one) => one.realServers.some((server) => honours(one, server, now)));
  if (honoured && !persistent.some(quiesces))
    return {
      value: '0',
      why: `persistent clients of the real server of ${honoured.name} that drains with --sticky honour keep coming; it holds for every service`,
    };
  if (!persistent.some((one) => quiesces(one) || standsBy(one) || one.realServers.some(drains))) return undefined;
  return {
    value: '1',
    why: 'a real server that failed, drains, is a backup, or whose service has lost its quorum, stays with weight 0: persistent clients must not be held to it',
  };
}

/** What the configuration fixes; `alone`: lbd was told to leave the setting as it is. */
function fixedBy({ manage, values }: KernelSettingsConfig): Sticky | 'alone' | undefined {
  const said = values[TEMPLATE_SETTING];
  if (said === 'keep' || (said === undefined && !manage)) return 'alone';
  return said === undefined ? undefined : said === '0' ? 'honour' : 'break';
}

/** A promise that is not kept: after a reload, for at command time it is refused. */
export function brokenPromise(services: readonly ServiceIntent[], kernel: KernelSettingsConfig, now: number): string | undefined {
  if (fixedBy(kernel)) return undefined;
  const quiescing = services.find(quiesces);
  const honoured = quiescing && services.find((one) => one.realServers.some((server) => honours(one, server, now)));
  if (!honoured) return undefined;
  return `${honoured.name}: a real server drains with --sticky honour, but ${quiescing.name} (persistent, on_failure: quiesce) needs ${SETTING} = 1: its persistent clients go to others`;
}

export interface StickyInput {
  /** `--sticky`. */
  readonly asked: Sticky | undefined;
  /** Services that the drain concerns. */
  readonly concerned: readonly ServiceIntent[];
  /** All of them, without what the command replaces. */
  readonly others: readonly ServiceIntent[];
  readonly kernel: KernelSettingsConfig;
  readonly now: number;
}

/** `sticky` undefined: nothing to be said, or left to the host; `notes`: consequences, each a sentence. */
export type StickyDecision =
  | { readonly sticky: Sticky | undefined; readonly notes: readonly string[] }
  | { readonly refused: string };

const NEEDS: Readonly<Record<Sticky, string>> = { honour: '0', break: '1' };

function fixedDecision(fixed: Sticky | 'alone', asked: Sticky | undefined): StickyDecision {
  if (fixed === 'alone') {
    if (asked)
      return { refused: `kernel_settings leaves ${SETTING} as it is: --sticky ${asked} cannot be promised; leave it out` };
    return {
      sticky: undefined,
      notes: [`persistent clients stay or go as ${SETTING} of this host says: kernel_settings leaves it`],
    };
  }
  if (asked && asked !== fixed)
    return {
      refused: `--sticky ${asked} needs ${SETTING} = ${NEEDS[asked]}, and kernel_settings says ${NEEDS[fixed]}: change the file, or say --sticky ${fixed}`,
    };
  return { sticky: fixed, notes: fixed === 'honour' ? ['persistent clients keep coming: kernel_settings says so'] : [] };
}

/** What speaks against honouring. */
function honourFault({ others, concerned, now }: StickyInput): string | undefined {
  const quiescing = [...concerned, ...others].find(quiesces);
  if (quiescing)
    return `--sticky honour needs ${SETTING} = 0 for all services, and ${quiescing.name} (persistent, on_failure: quiesce) needs 1: its clients would be held to a real server that failed; say --sticky break, or on_failure: remove there`;
  for (const one of others) {
    if (!one.persistence) continue;
    const server = one.realServers.find(({ admin }) => admin?.state === 'drain' && admin.sticky === 'break');
    if (server && !honours(one, server, now))
      return `--sticky honour needs ${SETTING} = 0 for all services, and ${server.key} in ${one.name} drains with --sticky break, which needs 1: undrain that first`;
  }
  return undefined;
}

function breakFault({ others, now }: StickyInput): string | undefined {
  for (const one of others) {
    const server = one.realServers.find((each) => honours(one, each, now));
    if (server)
      return `--sticky break needs ${SETTING} = 1 for all services, and ${server.key} in ${one.name} drains with --sticky honour, which needs 0: say --sticky honour, or undrain that first`;
  }
  return undefined;
}

function notesOf({ concerned, others }: StickyInput, sticky: Sticky): string[] {
  if (sticky === 'break') return ['its persistent clients go to others with their next connection'];
  const sorry = [...concerned, ...others].find((one) => one.persistence && one.sorry);
  const longest = Math.max(...concerned.map((one) => one.persistence?.timeout ?? 0));
  const kept = sorry ? `, and clients of ${sorry.name} with their real server while its sorry server serves` : '';
  return [
    `its persistent clients keep coming, each until ${longest}s without a connection: a busy one stays until a deadline`,
    `${SETTING} is 0 for all services meanwhile: clients stay with every real server of weight 0${kept}`,
  ];
}

/** What becomes of persistent clients when a drain of these services begins. */
export function decideSticky(input: StickyInput): StickyDecision {
  const { asked, kernel } = input;
  const concerned = input.concerned.filter((one) => one.persistence);
  if (concerned.length === 0) return { sticky: asked, notes: [] };
  const fixed = fixedBy(kernel);
  if (fixed) return fixedDecision(fixed, asked);
  const sticky = asked ?? 'break';
  const fault = sticky === 'honour' ? honourFault({ ...input, concerned }) : breakFault(input);
  return fault ? { refused: fault } : { sticky, notes: notesOf({ ...input, concerned }, sticky) };
}
