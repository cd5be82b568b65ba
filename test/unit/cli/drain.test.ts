import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lbctl } from '../../../src/cli/lbctl.js';
import type { ApiRealServer, ApiService } from '../../../src/control/api.js';
import { CANNED, FakeRefusal, startFakeDaemon, WEB } from '../../fake/control.js';

const RS = '10.0.0.21:80';

/** What the kernel has at each look, in turn; the last one stays. `away`: the daemon is just starting again. */
type Look = { readonly weight: number; readonly active: number } | 'away' | 'undrained' | 'cut';

async function drain(looks: readonly Look[], ...options: string[]) {
  const left = [...looks];
  const daemon = await startFakeDaemon({
    ...CANNED,
    show: () => {
      const look = left.length > 1 ? left.shift() : left[0];
      if (look === 'away') throw new FakeRefusal({ code: 'refused', message: 'unknown service "web"' });
      const [first] = WEB.real_servers as [ApiRealServer];
      const admin = look === 'undrained' ? null : { state: 'drain' as const, deadline_seconds: null };
      const found = typeof look === 'object' && { ...look, inactive: 0, persistent: 0, forward: 'dr' };
      const real_server = { ...first, wanted: { ...first.wanted, admin }, kernel: found || null, why: 'as it is' };
      return { service: WEB as ApiService, real_server, checks: [] };
    },
  });
  let [out, err] = ['', ''];
  const argv = ['--socket', daemon.socketPath, 'drain', 'web', RS, ...options];
  const status = await lbctl(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    terminal: undefined,
  });
  const asked = daemon.asked.map(({ method }) => method);
  await daemon.close();
  return { status, out, err, looks: asked.filter((method) => method === 'show').length };
}

describe('drain', () => {
  test('returns when the kernel gives the server nobody new, whoever is left', async () => {
    const result = await drain([
      { weight: 10, active: 3 },
      { weight: 10, active: 3 },
      { weight: 0, active: 3 },
    ]);
    assert.deepEqual([result.status, result.err, result.looks], [0, '', 3]);
    assert.match(result.out, /"state":"drain"/);
  });

  test('--wait returns when it is empty, or cut', async () => {
    const empty = await drain(
      [
        { weight: 0, active: 1 },
        { weight: 0, active: 0 },
      ],
      '--wait',
    );
    assert.deepEqual([empty.status, empty.err, empty.looks], [0, 'web/10.0.0.21:80: as it is\n', 2]);
    const cut = await drain([{ weight: 0, active: 1 }, 'cut'], '--wait');
    assert.deepEqual([cut.status, cut.looks], [0, 2]);
  });

  test('--wait is no success when somebody ended the drain', async () => {
    const result = await drain([{ weight: 0, active: 1 }, 'undrained'], '--wait');
    assert.deepEqual([result.status, result.err], [1, 'lbctl: web/10.0.0.21:80: the drain was ended before it was over\n']);
  });

  test('a daemon that is just starting again does not know the service yet: it is asked again', async () => {
    const result = await drain(['away', 'away', { weight: 0, active: 0 }], '--wait');
    assert.deepEqual([result.status, result.looks], [0, 3]);
  });
});
