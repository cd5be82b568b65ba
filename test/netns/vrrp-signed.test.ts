/** Signed adverts between two directors: taken in every form, refused with the cause, and keys that change without a lost advert. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { toHex } from '../../src/base/bytes.js';
import type { SigningConfig, VrrpInstanceConfig } from '../../src/config/types.js';
import type { ApiInstance } from '../../src/control/api.js';
import { AUTH_NONE, encodeAdvert, NO_AUTH, VRRP_GROUP } from '../../src/wire/vrrp.js';
import {
  buildLan,
  endAll,
  type Folders,
  instance,
  type Lan,
  type Lbd,
  makeFolders,
  type Settings,
  startKeepalived,
  startLbd,
  until,
  VIP,
  VIP6,
} from './vrrp-harness.js';

const execute = promisify(execFile);
const fileOf = (name: string): string => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));
const FORGE = fileURLToPath(new URL('./vrrp-forge.js', import.meta.url));
const CLOCK = new URL('./vrrp-clock-ahead.js', import.meta.url).href;
const INTERVAL = 100;

const signing: SigningConfig = {
  keys: [{ id: 1, file: '/k1' }],
  activeKey: 1,
  mode: 'enforce',
  antiReplay: 'time',
  window: 5,
};
const KEYS = { '/k1': '5a'.repeat(32) };
const unicast = (own: string, source: string) => ({
  source: `${own}${source}`,
  peers: ['1', '2'].map((number) => ({ address: `${own}${number}`, minTtl: 1, maxTtl: 255 })),
});

/** All of one director, by its number; each with a VRID of its own. */
function forms(number: string): Settings {
  const of = (
    vrid: number,
    name: string,
    more: Partial<Settings>,
    rest: Partial<VrrpInstanceConfig> = {},
  ): VrrpInstanceConfig => {
    const addresses = more.family === 6 ? [`fe80::9:${vrid}/128`, `fd09::${vrid}/128`] : [`10.9.0.${vrid}/24`];
    const usual = { priority: number === '1' ? 150 : 100, interval: INTERVAL, signing, addresses };
    return { ...instance({ ...usual, ...more }), name, vrid, ...rest };
  };
  const vrrpInstances = [
    of(61, 'version 2', { version: 2, interval: 1000 }),
    of(62, 'version 3', {}),
    of(63, 'the other checksum', {}, { v3Checksum: 'rfc9568' }),
    of(64, 'IPv6', { family: 6 }),
    of(65, 'unicast', { unicast: unicast('10.9.0.', number) }),
    of(66, 'IPv6 unicast', { family: 6, unicast: unicast('fd09::', number) }),
    of(67, 'a virtual MAC', {}, { vmac: { name: 'vrrp.67' } }),
    of(68, 'a virtual MAC, IPv6', { family: 6 }, { vmac: { name: 'vrrp6.68' } }),
    of(69, 'without clocks', {}, { signing: { ...signing, antiReplay: 'monotonic' } }),
  ];
  return { priority: 100, file: { vrrpInstances, syncGroups: [] }, keys: KEYS };
}

describe('signed adverts', () => {
  let lan: Lan;
  let folders: Folders;
  const running: Lbd[] = [];
  const lbd = async (host: string, settings: Partial<Settings> = {}, flags: readonly string[] = []): Promise<Lbd> => {
    const usual = { priority: host === 'd1' ? 150 : 100, interval: INTERVAL, signing, keys: KEYS };
    const one = await startLbd(lan, host, folders.of(host), { ...usual, ...settings }, flags);
    running.push(one);
    return one;
  };

  before(() => {
    lan = buildLan();
    folders = makeFolders();
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });
  const end = async () => {
    await Promise.all(running.map((one) => one.stop()));
    await endAll(running);
    folders.remove();
    folders = makeFolders();
  };

  test('are taken in every form', async () => {
    const [d1, d2] = await Promise.all([lbd('d1', forms('1')), lbd('d2', forms('2'))]);
    const heard = (one: ApiInstance) => one.state === 'backup' && one.adverts_received > (one.version === 2 ? 0 : 2);
    const all = await until('d2 hears d1 in all', async () => {
      const found = await d2.reports();
      return found.every(heard) && found;
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify((await d2.reports()).filter((one) => !heard(one)))}`);
    });
    for (const { name, rejected, signing: said } of [...all, ...(await d1.reports())]) {
      assert.deepEqual(rejected, [], name);
      assert.ok(said?.heard.every((one) => one.key === 1) && said.heard.length <= 1, name);
    }
    assert.ok(all.every((one) => one.signing?.heard.length === 1));
    await end();
  });

  test('of a director whose clock is an hour ahead are refused, and it is told', async () => {
    const d1 = await lbd('d1');
    await d1.when('master');
    await lbd('d2', {}, ['--import', CLOCK]);
    const { cause, text } = await until('d1 has a rival', async () => (await d1.report()).rivals[0]);
    assert.equal(cause, 'refused');
    assert.match(text, /of another time: the clock of 10\.9\.0\.2 is 3600s ahead of this director's, by more than 5s/);
    await end();
  });

  test('are not needed yet: beside keepalived that knows nothing of them', async () => {
    const keepalived = await startKeepalived(lan, 'd1', folders.of('d1'), { priority: 150, interval: INTERVAL });
    const d2 = await lbd('d2', { signing: { ...signing, mode: 'receive_only' } });
    const { rejected, signing: said } = await until('d2 hears it', async () => {
      const report = await d2.report();
      return report.state === 'backup' && report.adverts_received > 2 && report;
    });
    assert.deepEqual([rejected, said?.heard.map((one) => one.key)], [[], [null]]);
    await keepalived.stop();
    await d2.when('master');
    await end();
  });
});

const HEX = { 1: '0f'.repeat(32), 2: 'c3'.repeat(32), 9: '99'.repeat(32) } as const;

/** `authentication` of each sweep; undefined: there is none. */
const keysOf = (folder: string, ids: readonly number[]): string =>
  ids.map((id) => `{ id: ${id}, file: ${folder}/k${id} }`).join(', ');
const hmac = (folder: string, ids: readonly number[], more: string): string =>
  `authentication: { type: hmac, keys: [ ${keysOf(folder, ids)} ], ${more} }`;

describe('two whole daemons', () => {
  let lan: Lan;
  let folders: Folders;
  const daemons: ChildProcess[] = [];
  const logs: Record<string, string> = { d1: '', d2: '' };

  function configure(host: string, authentication: (folder: string) => string): void {
    const folder = folders.of(host);
    writeFileSync(
      join(folder, 'lbd.yaml'),
      `global: { state_dir: ${folder}/state, control: { socket: ${folder}/run/lbd.sock } }
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    priority: ${host === 'd1' ? 150 : 100}
    advert_interval: ${INTERVAL}ms
    virtual_addresses: [ ${VIP}/24, "${VIP6}/128" ]
    ${authentication(folder)}
`,
    );
  }

  function start(host: string): void {
    const argv = ['netns', 'exec', lan.ns(host), fileOf('lbd'), '-c', join(folders.of(host), 'lbd.yaml')];
    const child = lan.adopt(spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        logs[host] += chunk.toString();
      });
    daemons.push(child);
  }

  const lbctl = async (host: string, ...words: string[]): Promise<string> =>
    (await execute(fileOf('lbctl'), ['--socket', join(folders.of(host), 'run/lbd.sock'), ...words])).stdout;
  const reports = async (host: string): Promise<readonly ApiInstance[]> =>
    (JSON.parse(await lbctl(host, 'vrrp', '-o', 'json')) as { readonly instances: readonly ApiInstance[] }).instances;
  /** Of both families. */
  const all = (host: string, what: string, is: (one: ApiInstance) => boolean) =>
    until(`${host} ${what}`, async () => (await reports(host).catch(() => [])).filter(is).length === 2).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${logs[host]}`);
    });
  const reload = async (host: string, authentication: (folder: string) => string): Promise<void> => {
    configure(host, authentication);
    await lbctl(host, 'reload');
  };

  before(() => {
    lan = buildLan();
    folders = makeFolders();
    for (const host of ['d1', 'd2'])
      for (const [id, hex] of Object.entries(HEX))
        writeFileSync(join(folders.of(host), `k${id}`), `hex:${hex}\n`, { mode: 0o600 });
  });
  after(() => {
    lan?.destroy();
    folders?.remove();
  });

  test('begin to sign, and change the key, without a lost advert', { timeout: 60_000 }, async (t) => {
    for (const host of ['d1', 'd2']) {
      configure(host, () => '');
      start(host);
    }
    await all('d1', 'is master', (one) => one.state === 'master');
    await all('d2', 'is backup', (one) => one.state === 'backup' && one.adverts_received > 0);
    const begun = [await reports('d2'), await reports('d1')] as const;
    const sweeps: ((folder: string) => string)[] = [
      (folder) => hmac(folder, [1], 'mode: receive_only'),
      (folder) => hmac(folder, [1], 'mode: permissive'),
      (folder) => hmac(folder, [1], 'mode: enforce'),
      (folder) => hmac(folder, [1, 2], 'active_key: 1'),
      (folder) => hmac(folder, [1, 2], 'active_key: 2'),
      (folder) => hmac(folder, [2], 'mode: enforce'),
    ];
    for (const sweep of sweeps) {
      for (const host of ['d1', 'd2']) {
        await reload(host, sweep);
        const before = (await reports('d2')).map((one) => one.adverts_received);
        await until('two more adverts are heard', async () =>
          (await reports('d2')).every((one, i) => one.adverts_received >= (before[i] ?? 0) + 2),
        );
      }
    }
    const [heard, sent] = [await reports('d2'), await reports('d1')];
    for (const [i, one] of heard.entries()) {
      assert.deepEqual(one.rejected, []);
      assert.equal(one.became_master, begun[0][i]?.became_master);
      assert.deepEqual(
        one.signing?.heard.map(({ key }) => key),
        [2],
      );
      const taken = one.adverts_received - (begun[0][i]?.adverts_received ?? 0);
      const left = (sent[i]?.adverts_sent ?? 0) - (begun[1][i]?.adverts_sent ?? 0);
      t.diagnostic(`${one.name}: ${left} adverts left, ${taken} were taken, between two readings a moment apart`);
      assert.ok(Math.abs(taken - left) <= 3, `${taken} of ${left}`);
    }
    assert.match(await lbctl('d2', 'why', 'VI_1'), /signs with key 2, takes signed adverts only; 10\.9\.0\.1 signs with key 2/);
  });

  test('a key that is not there keeps everything as it is', async () => {
    const file = join(folders.of('d2'), 'k3');
    rmSync(file, { force: true });
    await assert.rejects(
      reload('d2', (folder) => hmac(folder, [2, 3], 'active_key: 3')),
      /key 3 of VI_1: .*ENOENT.*nothing was changed/s,
    );
    const [one] = await reports('d2');
    assert.deepEqual(one?.signing?.keys, [2]);
    configure('d2', (folder) => hmac(folder, [2], 'mode: enforce'));
  });

  test('what is not signed is refused and moves nothing', async () => {
    const flow = { source: '10.9.0.9', destination: VRRP_GROUP[4] };
    const common = { version: 3, vrid: 51, priority: 255, interval: INTERVAL, authType: AUTH_NONE, authData: NO_AUTH } as const;
    const forged = toHex(encodeAdvert({ ...common, addresses: [VIP] }, flow, 'pseudo'));
    await execute('ip', ['netns', 'exec', lan.ns('cli'), process.execPath, FORGE, forged, '255']);
    const refused = await until('it is refused', async () => (await reports('d1'))[0]?.rejected[0]);
    assert.deepEqual([refused.reason, refused.from], ['unsigned', '10.9.0.9']);
    assert.deepEqual(
      (await reports('d1')).map((one) => one.state),
      ['master', 'master'],
    );
  });

  test('another key under the same number is told with its cause, and is over when it is the right one again', async () => {
    const file = join(folders.of('d2'), 'k2');
    writeFileSync(file, `hex:${HEX[9]}\n`, { mode: 0o600 });
    assert.match(await lbctl('d2', 'reload'), /the key in .*k2 is another/);
    await all('d1', 'has a rival', (one) => one.rivals.some(({ text }) => /not signed with key 2 of this director/.test(text)));
    assert.match(
      await lbctl('d1', 'why', 'VI_1'),
      /two masters: 10\.9\.0\.2 \(priority 100\) is master too, and its adverts are refused/,
    );
    assert.ok((await reports('d2'))[0]?.rejected.some(({ reason, from }) => reason === 'signature' && from === '10.9.0.1'));
    writeFileSync(file, `hex:${HEX[2]}\n`, { mode: 0o600 });
    await lbctl('d2', 'reload');
    await all('d2', 'is backup', (one) => one.state === 'backup');
  });

  test('no key is in what lbd says or writes', async () => {
    const written = ['d1', 'd2'].map((host) => readFileSync(join(folders.of(host), 'run/vrrp.json'), 'utf8'));
    const said = await Promise.all([
      lbctl('d1', 'vrrp', '-o', 'json'),
      lbctl('d1', 'events'),
      lbctl('d1', 'status', '-o', 'json'),
    ]);
    for (const text of [...written, ...said, ...Object.values(logs)])
      for (const hex of Object.values(HEX)) assert.ok(!text.includes(hex), 'a key was shown');
    for (const child of daemons) child.kill('SIGTERM');
    await Promise.all(daemons.map((child) => child.exitCode === null && once(child, 'exit')));
  });
});
