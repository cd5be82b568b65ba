/**
 * Programs that are told of the states of VRRP instances. They follow what has happened, and hold nothing up: of one instance one after
 * the other, and when several changes have come meanwhile only the newest is told.
 */
import type { HookState, NotifyConfig, VrrpInstanceConfig } from '../../config/types.js';
import type { Command, Failure } from '../../os/command.js';

export interface Hooks {
  /** What vrrp says of its instances, by name. */
  roles(roles: Readonly<Record<string, string>>): void;
  /** Resolves when none runs any more, or after that time. */
  idle(limitMs: number): Promise<void>;
}

export interface HookParts {
  readonly instances: () => readonly VrrpInstanceConfig[];
  readonly routerId: () => string;
  readonly run: (command: Command) => Promise<Failure>;
  readonly tell: (kind: string, subject: string, text: string) => void;
}

interface Told {
  conf: VrrpInstanceConfig;
  state: HookState | undefined;
  /** What the programs were last told of. */
  announced: HookState | undefined;
  running: Promise<void> | undefined;
}

/** An instance that waits at its start is nothing yet; one that has to wait again serves nobody. */
function stateOf(role: string | undefined, before: HookState | undefined): HookState | undefined {
  if (role === undefined) return before === undefined ? undefined : 'stopped';
  if (role === 'master' || role === 'backup' || role === 'fault') return role;
  return role === 'init' && (before === 'master' || before === 'backup') ? 'fault' : before;
}

/** `{name}`, `{state}`, `{STATE}` and `{priority}` in the words of a command. */
const fill = (word: string, { name, priority }: VrrpInstanceConfig, state: HookState): string =>
  word
    .replaceAll('{name}', name)
    .replaceAll('{state}', state)
    .replaceAll('{STATE}', state.toUpperCase())
    .replaceAll('{priority}', String(priority));

export function createHooks({ instances, routerId, run, tell }: HookParts): Hooks {
  /** BOUNDED by the instances: who has stopped goes when its programs have ended. */
  const all = new Map<string, Told>();

  async function call(one: Told, hook: NotifyConfig, state: HookState, before: HookState | undefined): Promise<void> {
    const { conf } = one;
    const env = {
      LBD_ROUTER_ID: routerId(),
      LBD_INSTANCE: conf.name,
      LBD_STATE: state,
      LBD_BEFORE: before ?? '',
      LBD_PRIORITY: String(conf.priority),
    };
    const argv = hook.command.map((word) => fill(word, conf, state));
    const failure = await run({ argv, env, user: hook.user, timeout: hook.timeout });
    if (failure !== undefined) tell('notify', conf.name, `${argv[0]} for ${state}: ${failure}`);
  }

  async function work(one: Told): Promise<void> {
    while (one.state !== undefined && one.state !== one.announced) {
      const { state, announced: before } = one;
      one.announced = state;
      for (const hook of one.conf.notify ?? [])
        if (!hook.states || hook.states.includes(state)) await call(one, hook, state, before);
    }
  }

  /** Until nothing has come meanwhile. */
  function start(name: string, one: Told): void {
    one.running = work(one).then(() => {
      one.running = undefined;
      if (one.state !== one.announced) start(name, one);
      else if (one.state === 'stopped') all.delete(name);
    });
  }

  return {
    roles(roles) {
      const known = instances();
      for (const name of new Set([...all.keys(), ...Object.keys(roles)])) {
        const conf = known.find((each) => each.name === name) ?? all.get(name)?.conf;
        if (!conf) continue;
        const one = all.get(name) ?? { conf, state: undefined, announced: undefined, running: undefined };
        all.set(name, one);
        one.conf = conf;
        one.state = stateOf(roles[name], one.state);
        if (one.state !== one.announced && !one.running) start(name, one);
      }
    },
    async idle(limitMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      const done = Promise.all([...all.values()].map((one) => one.running)).then(() => undefined);
      await Promise.race([done, late]);
      clearTimeout(timer);
    },
  };
}
