/** Asks the witnesses of a backup that is about to take over (vrrp/witness.ts), in the name of its own address. */
import type { Ip } from '../../base/ip.js';
import { type Instant, NEVER } from '../../base/time.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import { gatewayOf } from '../../os/gateway.js';
import { questionFrame, watchAnswers } from '../../os/neighbour-question.js';
import type { VrrpState } from '../../vrrp/types.js';
import { askFrom, questionGap } from '../../vrrp/witness.js';
import type { Host, HostInterface } from './types.js';

export interface Witness {
  deadline(state: VrrpState): Instant;
  tick(state: VrrpState): void;
  close(): void;
}

export interface WitnessParts {
  readonly host: Pick<Host, 'now' | 'announcer' | 'network' | 'log'>;
  readonly conf: () => VrrpInstanceConfig;
  readonly answered: () => void;
  /** Whether there is a default gateway to ask, where no witness is configured. */
  readonly asks: (someone: boolean) => void;
  readonly watch?: typeof watchAnswers;
  readonly gateway?: typeof gatewayOf;
}

export function createWitness({ host, conf, answered, asks, watch = watchAnswers, gateway = gatewayOf }: WitnessParts): Witness {
  let socket: { close(): void } | undefined;
  let asked: readonly Ip[] = [];
  let nextAt: Instant = -NEVER;

  function close(): void {
    socket?.close();
    socket = undefined;
    nextAt = -NEVER;
  }

  function whom(name: string): readonly Ip[] {
    const { witness = 'gateway', family } = conf();
    if (witness !== 'gateway') return witness;
    const found = gateway(family, name);
    return found === undefined ? [] : [found];
  }

  function listen(on: HostInterface, own: Uint8Array): void {
    try {
      socket ??= watch(conf().family, on, own, ({ neighbour }) => {
        if (asked.includes(neighbour)) answered();
      });
    } catch (error) {
      host.log('warn', `answers of witnesses cannot be heard: ${(error as Error).message}`, { instance: conf().name });
    }
  }

  function ask(source: Ip): void {
    const on = host.network.link(conf().interface);
    if (!on?.mac) return;
    asked = whom(on.name);
    if (conf().witness === undefined) asks(asked.length > 0);
    if (asked.length === 0) return;
    listen(on, on.mac);
    for (const one of asked) host.announcer.ask(on, source, one, questionFrame(on.mac, source, one), 0);
  }

  return {
    deadline(state) {
      const from = askFrom(conf(), state, host.now());
      return from === NEVER ? NEVER : Math.max(from, nextAt);
    },
    tick(state) {
      const now = host.now();
      const from = askFrom(conf(), state, now);
      if (from === NEVER || now < from) return close();
      if (now < nextAt || !state.link.usable) return;
      nextAt = now + questionGap(conf(), state);
      ask(state.link.source);
    },
    close,
  };
}
