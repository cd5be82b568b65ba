/**
 * Keeps the kernel's settings as chosen (intent/settings.ts): read before written, looked at with every reading of the table, put back
 * when they are no longer wanted. What was there before lbd is remembered for one boot in `<state_dir>/kernel-settings.json`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OsError } from '../../base/errors.js';
import type { ApiEventChange } from '../../control/api.js';
import type { Setting } from '../../intent/settings.js';
import { replaceFile } from '../../os/state-file.js';
import type { Sysctls } from '../../os/sysctl.js';
import type { LogLevel } from '../messages.js';

export interface SettingStatus {
  readonly name: string;
  readonly wanted: string;
  /** Null: this kernel has no such setting, or it cannot be read. */
  readonly found: string | null;
  /** Before lbd; null: as wanted, or not known. */
  readonly original: string | null;
  readonly why: string;
  readonly from: 'lbd' | 'file';
  /** `ok`, `absent`, or why it is not as wanted. */
  readonly state: string;
}

export interface SettingsKeeper {
  want(settings: readonly Setting[]): void;
  /** With every reading of the table: somebody else may have set one. */
  reconcile(): void;
  status(): readonly SettingStatus[];
  /** How often somebody else had changed one. */
  drift(): number;
  /** Puts everything back. */
  restore(): void;
}

export interface SettingsOptions {
  readonly sysctls: Sysctls;
  readonly stateDir: string;
  /** Of this boot. */
  readonly boot: string;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  readonly event: (kind: string, subject: string, text: string, change?: ApiEventChange) => void;
}

/** Values before lbd, by name. */
type Originals = Map<string, string>;

function load(file: string, boot: string): Originals {
  try {
    const { boot_id, originals } = JSON.parse(readFileSync(file, 'utf8')) as { boot_id?: unknown; originals?: unknown };
    if (boot_id !== boot || typeof originals !== 'object' || originals === null) return new Map();
    return new Map(Object.entries(originals).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    // No record, or a damaged one: what is found now counts as what was there before.
    return new Map();
  }
}

export const createSettingsKeeper = (options: SettingsOptions): SettingsKeeper => new Keeper(options);

class Keeper implements SettingsKeeper {
  private readonly file: string;
  private readonly originals: Originals;
  private wanted: readonly Setting[] = [];
  private readonly states = new Map<string, { found: string | null; state: string }>();
  private drifts = 0;
  private readonly options: SettingsOptions;

  constructor(options: SettingsOptions) {
    this.options = options;
    this.file = join(options.stateDir, 'kernel-settings.json');
    this.originals = load(this.file, options.boot);
  }

  want(settings: readonly Setting[]): void {
    this.wanted = settings;
    const names = new Set(settings.map((one) => one.name));
    for (const name of [...this.originals.keys()]) if (!names.has(name)) this.putBack(name);
    for (const one of settings) this.apply(one, false);
  }

  reconcile(): void {
    for (const one of this.wanted) this.apply(one, true);
  }

  status(): readonly SettingStatus[] {
    return this.wanted.map(({ name, value, why, from }) => {
      const { found = null, state = 'not looked at yet' } = this.states.get(name) ?? {};
      return { name, wanted: value, found, original: this.originals.get(name) ?? null, why, from, state };
    });
  }

  drift(): number {
    return this.drifts;
  }

  restore(): void {
    this.wanted = [];
    for (const name of [...this.originals.keys()]) this.putBack(name);
  }

  private apply(setting: Setting, again: boolean): void {
    const { name, value } = setting;
    const before = this.states.get(name);
    const after = this.attempt(setting, again && before?.state === 'ok');
    this.states.set(name, after);
    if (after.state === before?.state || after.state === 'ok' || after.state === 'absent') return;
    this.options.log('error', 'a kernel setting cannot be made', {
      setting: `net.ipv4.vs.${name} = ${value}`,
      reason: after.state,
    });
  }

  private attempt({ name, value, why }: Setting, wasRight: boolean): { found: string | null; state: string } {
    const { sysctls, event } = this.options;
    try {
      const found = sysctls.read(name);
      if (found === undefined) return { found: null, state: 'absent' };
      if (found === value) return { found, state: 'ok' };
      if (wasRight) this.drifts++;
      else this.remember(name, found);
      sysctls.write(name, value);
      const result = sysctls.read(name) ?? null;
      if (result !== value) return { found: result, state: `the kernel made ${result} of it` };
      const text = `${found} -> ${value}: ${wasRight ? 'somebody else had changed it' : why}`;
      event('setting', `net.ipv4.vs.${name}`, text, { before: found, after: value });
      return { found: result, state: 'ok' };
    } catch (error) {
      return { found: this.states.get(name)?.found ?? null, state: (error as OsError).message };
    }
  }

  /** Written down before the kernel is told, and never over what an earlier life found. */
  private remember(name: string, found: string): void {
    if (this.originals.has(name)) return;
    this.originals.set(name, found);
    this.save();
  }

  private putBack(name: string): void {
    const { sysctls, event } = this.options;
    const value = this.originals.get(name) as string;
    try {
      const found = sysctls.read(name);
      if (found !== undefined && found !== value) {
        sysctls.write(name, value);
        event('setting', `net.ipv4.vs.${name}`, `${found} -> ${value}: as it was before lbd`, { before: found, after: value });
      }
    } catch (error) {
      // It stays known: the next change tries again.
      return this.options.log('warn', 'a kernel setting cannot be put back', {
        setting: name,
        reason: (error as OsError).message,
      });
    }
    this.originals.delete(name);
    this.states.delete(name);
    this.save();
  }

  private save(): void {
    try {
      replaceFile(this.file, JSON.stringify({ boot_id: this.options.boot, originals: Object.fromEntries(this.originals) }));
    } catch (error) {
      this.options.log('warn', `cannot write ${this.file}: after a restart lbd would not know what the settings were before it`, {
        reason: (error as Error).message,
      });
    }
  }
}
