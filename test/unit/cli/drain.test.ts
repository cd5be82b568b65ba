import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Io, lbctl } from '../../../src/cli/lbctl.js';
import type { ApiAdmin, ApiRealServer, ApiService, Methods } from '../../../src/control/api.js';
import { CANNED, FakeRefusal, startFakeDaemon, WEB } from '../../fake/control.js';

const RS = '10.0.0.21:80';
const DRAIN: ApiAdmin = {
  state: 'drain',
  scope: 'server',
  deadline_seconds: null,
  expires_seconds: null,
  sticky: null,
  removes: false,
  by: null,
};

/** What the kernel has at each look, in turn; the last one stays. `away`: the daemon is just starting again; `gone`: it is no real server. */
type Look =
  | { readonly weight: number; readonly active: number; readonly persistent?: number; readonly sticky?: 'honour' | 'break' }
  | 'away'
  | 'undrained'
  | 'cut'
  | 'unread'
  | 'gone'
  | 'none';

const [FIRST] = WEB.real_servers as [ApiRealServer];

function serverAt(look: Exclude<Look, 'away' | 'gone' | 'none'>): ApiRealServer {
  const found = typeof look === 'object' ? look : undefined;
  const admin = look === 'undrained' ? null : { ...DRAIN, sticky: found?.sticky ?? null };
  const kernel = found && {
    weight: found.weight,
    active: found.active,
    inactive: 0,
    persistent: found.persistent ?? 0,
    forward: 'dr',
  };
  const effective_weight = look === 'cut' ? null : 0;
  return { ...FIRST, wanted: { ...FIRST.wanted, admin }, effective_weight, kernel: kernel ?? null, why: 'as it is' };
}

async function drain(looks: readonly Look[], words: readonly string[], io: Partial<Io> = {}) {
  const left = [...looks];
  const next = () => {
    const look = (left.length > 1 ? left.shift() : left[0]) as Look;
    if (look === 'away') throw new FakeRefusal({ code: 'refused', message: 'unknown service "web"' });
    return look === 'gone' || look === 'none' ? [] : [serverAt(look)];
  };
  const shown = ({ rs }: Methods['show']['params']): Methods['show']['result'] => {
    const servers = next();
    const service: ApiService = { ...WEB, real_servers: servers };
    return { service, real_server: rs === undefined ? null : (servers[0] ?? null), checks: [] };
  };
  const mail = {
    ...FIRST,
    address: '10.0.0.21:25',
    wanted: { ...FIRST.wanted, admin: DRAIN },
    effective_weight: null,
    kernel: null,
  };
  const daemon = await startFakeDaemon({
    ...CANNED,
    show: shown,
    list: () => {
      const servers = next();
      if (servers.length === 0) return { revision: 7, services: [] };
      return {
        revision: 7,
        services: [
          { ...WEB, real_servers: servers },
          { ...WEB, name: 'mail', real_servers: [mail] },
        ],
      };
    },
  });
  let [out, err] = ['', ''];
  const status = await lbctl(['--socket', daemon.socketPath, ...words], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    terminal: undefined,
    ...io,
  });
  const asked = daemon.asked.map(({ method }) => method);
  await daemon.close();
  return { status, out, err, looks: asked.filter((method) => method === 'show' || method === 'list').length };
}

const server = (looks: readonly Look[], ...options: string[]) => drain(looks, ['drain', 'web', RS, ...options]);
const host = (looks: readonly Look[], ...options: string[]) => drain(looks, ['drain', '--host', '10.0.0.21', ...options]);
const away = (looks: readonly Look[], ...options: string[]) => drain(looks, ['del-rs', 'web', RS, '--drain', '10m', ...options]);

describe('drain', () => {
  test('returns when the kernel gives the server nobody new, and says who is left', async () => {
    const result = await server([
      { weight: 10, active: 3 },
      { weight: 10, active: 3 },
      { weight: 0, active: 3 },
    ]);
    assert.deepEqual([result.status, result.err, result.looks], [0, 'web/10.0.0.21:80: as it is\n', 3]);
    assert.match(result.out, /"state":"drain"/);
  });

  test('--wait returns when it is empty, or cut', async () => {
    const empty = await server(
      [
        { weight: 0, active: 1 },
        { weight: 0, active: 0 },
      ],
      '--wait',
    );
    assert.deepEqual([empty.status, empty.err, empty.looks], [0, 'web/10.0.0.21:80: as it is\n', 2]);
    const cut = await server([{ weight: 0, active: 1 }, 'cut'], '--wait');
    assert.deepEqual([cut.status, cut.looks], [0, 2]);
  });

  test('persistent clients who may come again are waited for, templates of others are not', async () => {
    const broken = await server([{ weight: 0, active: 0, persistent: 4, sticky: 'break' }], '--wait');
    assert.deepEqual([broken.status, broken.looks], [0, 1]);
    const honoured = { weight: 0, active: 0, sticky: 'honour' } as const;
    const kept = await server([{ ...honoured, persistent: 4 }, honoured], '--wait', '--sticky', 'honour');
    assert.deepEqual([kept.status, kept.looks], [0, 2]);
  });

  test('what cannot be read is not empty', async () => {
    const result = await server(['unread', 'unread', { weight: 0, active: 0 }], '--wait');
    assert.deepEqual([result.status, result.looks], [0, 3]);
  });

  test('--wait is no success when somebody ended the drain', async () => {
    const result = await server([{ weight: 0, active: 1 }, 'undrained'], '--wait');
    assert.deepEqual([result.status, result.err], [1, 'lbctl: web/10.0.0.21:80: the drain was ended before it was over\n']);
  });

  test('a daemon that is just starting again does not know the service yet: it is asked again', async () => {
    const result = await server(['away', 'away', { weight: 0, active: 0 }], '--wait');
    assert.deepEqual([result.status, result.looks], [0, 3]);
  });

  test('on a terminal progress is one line, which the last word replaces', async () => {
    const words = ['drain', 'web', RS, '--wait'];
    const looks = [
      { weight: 0, active: 1 },
      { weight: 0, active: 0 },
    ];
    const { err } = await drain(looks, words, { progress: { columns: 20 } });
    assert.equal(err, '\r\u001b[Kweb/10.0.0.21:80: a\r\u001b[Kweb/10.0.0.21:80: as it is\n');
  });
});

describe('drain --host', () => {
  test('all of them, with those that have the most left', async () => {
    const result = await host([
      { weight: 3, active: 2 },
      { weight: 0, active: 2 },
    ]);
    const left = 'draining: 1 of 2 real servers with 2 active and 0 inactive connections left: web/10.0.0.21:80 2';
    assert.deepEqual([result.status, result.err, result.looks], [0, `host 10.0.0.21: ${left}\n`, 2]);
    assert.match(result.out, /"host":"10.0.0.21","state":"drain"/);
    assert.match(result.out, /\n {2}the other one too\n {2}and so on\n/);
  });

  test('--wait waits for all, and for a daemon that has no service yet', async () => {
    const result = await host(['none', { weight: 0, active: 2 }, 'none', { weight: 0, active: 0 }], '--wait');
    assert.deepEqual(
      [result.status, result.err, result.looks],
      [0, 'host 10.0.0.21: drained: 2 real servers, no connections left\n', 4],
    );
  });

  test('--wait is no success when somebody ended it', async () => {
    assert.equal((await host([{ weight: 0, active: 1 }, 'undrained'], '--wait')).status, 1);
  });
});

test('list and show tell a host once, with who, when and why', async () => {
  const by = { id: 7, who: 'anna', when: '2026-02-03T09:15:00.000Z', why: 'new disks' };
  const admin: ApiAdmin = { ...DRAIN, scope: 'host', by };
  const on = (address: string): ApiRealServer => ({
    ...FIRST,
    address,
    wanted: { ...FIRST.wanted, override: by, admin },
    effective_weight: 0,
    why: 'draining with its host: in the table with weight 0',
  });
  const service = { ...WEB, real_servers: [on('10.0.0.21:80'), on('10.0.0.21:81'), on('[2001:db8::21]:80')] };
  const daemon = await startFakeDaemon({
    ...CANNED,
    list: () => ({ revision: 7, services: [service] }),
    show: () => ({ service, real_server: service.real_servers[0] ?? null, checks: [] }),
  });
  const text = async (...words: string[]) => {
    let out = '';
    const print = (more: string) => {
      out += more;
    };
    await lbctl(['--socket', daemon.socketPath, ...words], { out: print, err: print, env: {}, terminal: undefined });
    return out;
  };
  const said = 'drain #7 anna 2026-02-03T09:15:00.000Z "new disks"';
  const list = await text('list');
  assert.ok(
    list.endsWith(`\n* host 10.0.0.21: ${said}\n* host 2001:db8::21: ${said}\n* set at run time (lbctl why tells by whom)\n`),
  );
  assert.match(list, /-> 10\.0\.0\.21:80 +10 drain\* +0 +up .* draining with its host: /);
  assert.match(await text('show', 'web', RS), /\n\* 10\.0\.0\.21:80: host #7 anna \S+ "new disks"\n/);
  await daemon.close();
});

describe('del-rs --drain', () => {
  test('returns when nobody new comes', async () => {
    const result = await away([
      { weight: 3, active: 2 },
      { weight: 0, active: 2 },
    ]);
    assert.deepEqual([result.status, result.err], [0, 'web/10.0.0.21:80: as it is\n']);
    assert.match(result.out, /"drain":true,"deadline":600/);
  });

  test('--wait returns when it is gone: empty is not enough', async () => {
    const looks: Look[] = [{ weight: 3, active: 2 }, { weight: 0, active: 0 }, { weight: 0, active: 0 }, 'gone'];
    const result = await away(looks, '--wait');
    assert.deepEqual([result.status, result.err, result.looks], [0, 'web/10.0.0.21:80: removed\n', 4]);
  });

  test('undrain ends the wait, and that is no success', async () => {
    assert.equal((await away([{ weight: 0, active: 1 }, 'undrained'], '--wait')).status, 1);
  });
});
