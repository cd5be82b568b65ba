/** nftables as far as the keeper of lbd's table sees it: one table, kept as text, and failures on demand. */
import { OsError } from '../../src/base/errors.js';
import type { Nft } from '../../src/os/nft.js';

export interface FakeNft extends Nft {
  /** `apply` and `list`, in the order they were called. */
  readonly calls: string[];
  /** What the kernel has; another program may change it. */
  table: string | undefined;
  /** Messages of the failures of the next calls. */
  readonly failures: string[];
  /** The most calls under way at once. */
  readonly busiest: () => number;
  /** Set: every call waits for it. */
  gate: Promise<void> | undefined;
}

export function createFakeNft(table?: string): FakeNft {
  let busy = 0;
  let most = 0;
  const call = async <T>(name: string, what: () => T): Promise<T> => {
    fake.calls.push(name);
    most = Math.max(most, ++busy);
    try {
      await (fake.gate ?? new Promise<void>((resolve) => setImmediate(resolve)));
      const failure = fake.failures.shift();
      if (failure !== undefined) throw new OsError({ op: 'nftables', errno: 0 }, failure);
      return what();
    } finally {
      busy--;
    }
  };
  const fake: FakeNft = {
    calls: [],
    table,
    failures: [],
    busiest: () => most,
    gate: undefined,
    apply: (text) =>
      call('apply', () => {
        const [, wanted] = text.split('delete table inet lbd\n');
        fake.table = wanted === '' ? undefined : wanted;
      }),
    list: () => call('list', () => fake.table),
  };
  return fake;
}
