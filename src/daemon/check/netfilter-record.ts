/**
 * Whether a life of lbd, this one or an earlier one of this boot, has put its table into nftables: `<state_dir>/netfilter.json`. Without
 * it every start would have to run nft only to find nothing.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../os/state-file.js';
import { bootId } from './ownership.js';

export interface NetfilterRecord {
  readonly had: boolean;
  /** Noted before the table is put in: a crash in between must not leave rules that nobody takes away. */
  note(had: boolean): void;
}

function load(file: string, boot: string): boolean {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { boot_id?: unknown } | null)?.boot_id === boot;
  } catch {
    // No record, or a damaged one, which `note` replaces as soon as there are rules.
    return false;
  }
}

export function openNetfilterRecord(stateDir: string, warn: (text: string) => void): NetfilterRecord {
  const file = join(stateDir, 'netfilter.json');
  const boot = bootId();
  let had = load(file, boot);
  const save = () => {
    if (!had) return rmSync(file, { force: true });
    replaceFile(file, JSON.stringify({ boot_id: boot }));
  };
  return {
    get had() {
      return had;
    },
    note(next) {
      if (next === had) return;
      had = next;
      try {
        save();
      } catch (error) {
        warn(
          `cannot write ${file}: ${(error as Error).message}; after a restart without rules, nft table inet lbd might stay behind`,
        );
      }
    },
  };
}
