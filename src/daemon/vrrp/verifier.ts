/** Asks neighbours, after every announcement of a master, whether they know where its addresses are (vrrp/verification.ts). */
import type { Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { gatewayOf } from '../../os/gateway.js';
import { questionFrame, watchAnswers } from '../../os/neighbour-question.js';
import { announcementsOf } from '../../vrrp/announcing.js';
import { answered, askAgain, beginVerification, type Pair, type Verification } from '../../vrrp/verification.js';
import type { Host, HostInterface } from './types.js';

export interface Verifier {
  /** These were announced just now. */
  announced(on: HostInterface, addresses: readonly Ip[]): void;
  /** No longer master, or other addresses: nobody is asked any more. */
  end(): void;
  deadline(): Instant;
  tick(): void;
  report(): ApiInstance['announcements'];
}

/** What was verified so recently holds: the rounds of one burst are asked about once. */
const FRESH_MS = 1000;
/** Addresses or neighbours that a sentence names. */
const NAMED = 5;

export interface VerifierParts {
  readonly host: Pick<Host, 'now' | 'announcer' | 'log'>;
  readonly conf: () => VrrpInstanceConfig;
  readonly tell: (text: string) => void;
  readonly watch?: typeof watchAnswers;
  readonly gateway?: typeof gatewayOf;
}

const some = (words: readonly string[]): string =>
  words.length > NAMED ? `${words.slice(0, NAMED).join(', ')} and ${words.length - NAMED} more` : words.join(', ');

/** The neighbours without an answer, and for which addresses. */
function missing(waiting: readonly Pair[]): string {
  const neighbours = [...new Set(waiting.map((one) => one.neighbour))];
  const addresses = [...new Set(waiting.map((one) => one.address))];
  return `${some(neighbours)} ${neighbours.length === 1 ? 'does' : 'do'} not answer to ${some(addresses)}`;
}

export function createVerifier({ host, conf, tell, ...doors }: VerifierParts): Verifier {
  const { watch = watchAnswers, gateway = gatewayOf } = doors;
  let state: Verification | undefined;
  let on: HostInterface | undefined;
  let socket: { close(): void } | undefined;
  let begunAt: Instant = -NEVER;
  let report: ApiInstance['announcements'] = { verify: 'off', text: '' };

  function neighbours(): readonly Ip[] {
    const { verify } = announcementsOf(conf());
    if (verify === 'off') return [];
    if (verify !== 'gateway') return verify;
    const found = gateway(conf().family, conf().interface);
    return found === undefined ? [] : [found];
  }

  function ask(pairs: readonly Pair[], announce: boolean): void {
    if (!on?.mac) return;
    const { interval } = announcementsOf(conf());
    if (announce) host.announcer.announce(on, [...new Set(pairs.map((one) => one.address))], interval);
    for (const { address, neighbour } of pairs)
      host.announcer.ask(on, address, neighbour, questionFrame(on.mac, address, neighbour), interval);
  }

  function close(): void {
    socket?.close();
    socket = undefined;
  }

  function end(): void {
    close();
    state = undefined;
    begunAt = -NEVER;
    report = { verify: 'off', text: '' };
  }

  function take(pair: Pair): void {
    if (!state) return;
    state = answered(state, pair);
    if (state.waiting.length === 0) finish(state);
  }

  function finish({ alarmed }: Verification): void {
    const known = some(neighbours());
    if (alarmed) tell(`neighbours know where the addresses are: ${known} answers to all of them`);
    report = { verify: 'verified', text: `${known} answers to every address` };
    state = undefined;
    close();
  }

  function begin(at: HostInterface, pairs: readonly Pair[]): void {
    close();
    on = at;
    begunAt = host.now();
    try {
      socket = watch(conf().family, at, at.mac as Uint8Array, take);
    } catch (error) {
      state = undefined;
      report = { verify: 'impossible', text: `answers of neighbours cannot be heard: ${(error as Error).message}` };
      host.log('warn', report.text, { instance: conf().name });
      return;
    }
    state = beginVerification(pairs, begunAt);
    report = { verify: 'running', text: `${some([...new Set(pairs.map((one) => one.neighbour))])} was asked just now` };
    ask(pairs, false);
  }

  return {
    announced(at, addresses) {
      const { verify } = announcementsOf(conf());
      if (verify === 'off' || !at.mac) return end();
      if (host.now() - begunAt < FRESH_MS || state) return;
      const asked = neighbours();
      if (asked.length === 0) report = { verify: 'impossible', text: `${at.name} has no default gateway to ask` };
      else
        begin(
          at,
          addresses.flatMap((address) => asked.map((neighbour) => ({ address, neighbour }))),
        );
    },
    end,
    deadline: () => state?.nextAt ?? NEVER,
    tick() {
      if (!state || host.now() < state.nextAt) return;
      const again = askAgain(state, host.now());
      state = again.state;
      if (state.alarmed) {
        report = { verify: 'failed', text: `${missing(state.waiting)}: packets may still go to another host` };
        if (again.tell) tell(report.text);
      }
      ask(again.ask, true);
    },
    report: () => report,
  };
}
