/** The machine of an instance, driven by adverts as keepalived 2.2.7 sent them: captured frames, in virtual time. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fromHex } from '../../src/base/bytes.js';
import { type Family, parsePrefix } from '../../src/base/ip.js';
import type { VrrpInstanceConfig } from '../../src/config/types.js';
import { deadline, initial, step } from '../../src/vrrp/machine.js';
import { skewTime } from '../../src/vrrp/timers.js';
import type { VrrpEffect, VrrpEvent, VrrpState } from '../../src/vrrp/types.js';
import { decodeAdvert, type Flow, VRRP_GROUP, VRRP_TTL } from '../../src/wire/vrrp.js';

interface Golden {
  readonly vrrp: readonly {
    readonly id: string;
    readonly vrrp_payload_hex: string;
    readonly captured_frame_hex: string | null;
  }[];
}
const golden = JSON.parse(readFileSync(new URL('../../../test/golden/wire-golden.json', import.meta.url), 'utf8')) as Golden;

interface Captured {
  readonly title: string;
  /** Its advert, and its last one: priority 0. */
  readonly advert: string;
  readonly last: string;
  readonly family: Family;
  readonly version: 2 | 3;
  readonly vrid: number;
  readonly priority: number;
  readonly interval: number;
  readonly addresses: readonly string[];
  readonly password?: string;
}

const V4 = { family: 4, version: 3, interval: 1000 } as const;
const CAPTURED: readonly Captured[] = [
  {
    ...V4,
    title: 'version 2 with a password',
    advert: 'G1',
    last: 'G6a',
    version: 2,
    vrid: 10,
    priority: 100,
    addresses: ['192.0.2.100'],
    password: 's3cret',
  },
  {
    ...V4,
    title: 'version 2',
    advert: 'G2',
    last: 'G7',
    version: 2,
    vrid: 11,
    priority: 150,
    addresses: ['192.0.2.111', '192.0.2.112'],
  },
  {
    ...V4,
    title: 'version 3, twice a second',
    advert: 'G3p',
    last: 'G6p',
    vrid: 20,
    priority: 200,
    interval: 500,
    addresses: ['192.0.2.120'],
  },
  {
    ...V4,
    title: 'version 3, three addresses',
    advert: 'G4p',
    last: 'G8p',
    vrid: 21,
    priority: 254,
    addresses: ['192.0.2.121', '192.0.2.122', '192.0.2.123'],
  },
  {
    ...V4,
    title: 'IPv6',
    advert: 'G5',
    last: 'G6v6',
    family: 6,
    vrid: 30,
    priority: 120,
    addresses: ['fe80::5e:30', '2001:db8:1::100'],
  },
];

const OWN = { 4: '192.0.2.2', 6: 'fe80::2' } as const;
const SENDER = { 4: '192.0.2.1', 6: 'fe80::ff:fe00:101' } as const;

function machineOf(captured: Captured, priority: number) {
  const { family, version, vrid, interval, addresses, password } = captured;
  const conf: VrrpInstanceConfig = {
    name: 'VI_1',
    interface: 'eth0',
    family,
    vrid,
    version,
    priority,
    advertInterval: interval,
    preempt: true,
    preemptDelay: 0,
    v3Checksum: 'pseudo',
    addresses: addresses.map((one) => parsePrefix(one) as NonNullable<ReturnType<typeof parsePrefix>>),
    password,
  };
  let now = 0;
  let state: VrrpState = initial(0);
  const effects: VrrpEffect[] = [];
  const deliver = (event: object) => {
    const [next, more] = step(conf, state, { ...event, now } as VrrpEvent);
    state = next;
    effects.push(...more);
  };
  /** Up to that time, with every tick in between. */
  const passTo = (at: number) => {
    for (let due = deadline(state); due <= at; due = deadline(state)) {
      now = Math.max(now, due);
      deliver({ type: 'tick' });
    }
    now = at;
  };
  deliver({ type: 'start', link: { usable: true, source: OWN[family] }, gate: { forwarding: 'ready', reason: '' } });
  return {
    conf,
    effects,
    state: () => state,
    passTo,
    now: () => now,
    hear(id: string) {
      const payload = fromHex(golden.vrrp.find((one) => one.id === id)?.vrrp_payload_hex ?? '');
      const flow: Flow = { source: SENDER[family], destination: VRRP_GROUP[family] };
      deliver({ type: 'advert', received: { ...flow, ttl: VRRP_TTL, decoded: decodeAdvert(payload, flow) } });
    },
  };
}

describe('the machine and captures of keepalived', () => {
  for (const captured of CAPTURED) {
    const { title, advert, last, interval, priority } = captured;
    for (const id of [advert, last])
      assert.ok(golden.vrrp.find((one) => one.id === id)?.captured_frame_hex, `${id} was captured`);

    test(`${title}: a lower director stays backup, and takes over its skew time after the last word`, () => {
      const it = machineOf(captured, priority - 1);
      for (let i = 0; i < 10; i++) {
        it.passTo(i * interval);
        it.hear(advert);
      }
      assert.deepEqual([it.state().phase, it.state().peer?.priority], ['backup', priority]);
      it.hear(last);
      const at = it.now() + skewTime(it.conf, interval);
      it.passTo(at - 1);
      assert.equal(it.state().phase, 'backup');
      it.passTo(at + 1);
      assert.equal(it.state().phase, 'master');
      assert.deepEqual(
        it.effects.filter(({ type }) => type === 'reject' || type === 'note'),
        [],
      );
    });

    test(`${title}: a higher director preempts`, () => {
      const it = machineOf(captured, priority < 254 ? priority + 1 : 255);
      for (let i = 0; i < 6; i++) {
        it.passTo(i * interval);
        it.hear(advert);
      }
      assert.equal(it.state().phase, 'master');
      assert.deepEqual(
        it.effects.filter(({ type }) => type === 'reject'),
        [],
      );
    });

    test(`${title}: a lower master gives way at the first advert`, () => {
      const it = machineOf(captured, priority - 1);
      it.passTo(5 * interval);
      assert.equal(it.state().phase, 'master');
      it.hear(advert);
      assert.equal(it.state().phase, 'backup');
    });
  }
});
