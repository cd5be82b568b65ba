/** Scripts that VRRP instances track: run as checks are, with rise, fall and a hard timeout. */
import type { ScriptConfig } from '../../config/types.js';
import type { CheckSpec } from '../../health/types.js';
import { now } from '../../os/clock.js';
import { startScript } from '../../os/probe/script.js';
import type { StartProbe } from '../../os/probe/types.js';
import type { Reading } from '../../vrrp/track.js';
import { createCheckRunner } from './scheduler.js';

export interface ScriptWatch {
  want(scripts: readonly ScriptConfig[]): void;
  /** By the script's name; undefined: it has not decided. */
  reading(name: string): Reading | undefined;
  close(): void;
}

/** A script that cannot even be started here is nobody else's fault: it counts. */
const startTracked: StartProbe = (probe, _target, done) => {
  if (probe.type !== 'script') throw new Error(`a ${probe.type} check is no script`);
  return startScript(probe, undefined, (result) => done({ ...result, local: false }));
};

const specOf = ({ name, check }: ScriptConfig): CheckSpec => ({
  key: JSON.stringify([name, check]),
  check,
  address: '',
  port: 0,
});

export function watchScripts(changed: () => void): ScriptWatch {
  const runner = createCheckRunner({ now, startProbe: startTracked, onVerdict: changed });
  /** By the script's name. BOUNDED by the configuration. */
  let specs = new Map<string, CheckSpec>();
  return {
    want(scripts) {
      const before = specs;
      specs = new Map(scripts.map((one) => [one.name, specOf(one)]));
      const old = new Map([...specs].map(([name, { key }]) => [key, before.get(name)?.key]));
      // One that is defined otherwise goes on from what it has said: that it was edited is no failure.
      const remembered = new Map(
        [...old].flatMap(([key, was]) => {
          const state = was === undefined ? undefined : runner.state(was);
          return state ? [[key, { verdict: state.verdict, since: state.since, reason: state.reason }] as const] : [];
        }),
      );
      runner.reconcile([...specs.values()], (key) => ({ remembered: remembered.get(key) }));
    },
    reading(name) {
      const key = specs.get(name)?.key;
      const state = key === undefined ? undefined : runner.state(key);
      if (!state || state.verdict === 'unknown') return undefined;
      return { value: state.verdict === 'up' ? 1 : 0, text: state.reason };
    },
    close: () => runner.close(),
  };
}
