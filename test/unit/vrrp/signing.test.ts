/** Numbers of signed adverts, the window, and what is taken twice: the rules keepalived 2.4.3 published with its release notes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SigningConfig, VrrpInstanceConfig } from '../../../src/config/types.js';
import { admit, isWorthJudging } from '../../../src/vrrp/admit.js';
import { initial, step } from '../../../src/vrrp/machine.js';
import { hearRival, NO_RIVALS } from '../../../src/vrrp/rivals.js';
import { judgeSignature, type Mark, nextSequence, type Signature } from '../../../src/vrrp/signing.js';
import type { Received } from '../../../src/vrrp/types.js';
import { type Advert, decodeAdvert, encodeAdvert, encodeUnsigned, NO_AUTH, VRRP_GROUP } from '../../../src/wire/vrrp.js';
import { conf as instance } from '../../fake/directors.js';

const OTHER = '192.0.2.7';
const signing: SigningConfig = {
  keys: [
    { id: 1, file: '/k1' },
    { id: 2, file: '/k2' },
  ],
  activeKey: 1,
  mode: 'enforce',
  antiReplay: 'time',
  window: 5,
};
const monotonic: SigningConfig = { ...signing, antiReplay: 'monotonic' };
const T = 1_800_000_000_000;
const at = (ms: number): bigint => nextSequence(signing, undefined, T + ms);

describe('the next number', () => {
  test('is the time: seconds, a fraction of 16 bits, a counter', () => {
    assert.equal(nextSequence(signing, undefined, T + 500), (1_800_000_000n << 32n) | 0x8000_0000n);
    assert.equal(nextSequence(signing, at(0), T + 1), (1_800_000_000n << 32n) | (65n << 16n));
  });

  test('grows where the clock has not, over the end of the counter too', () => {
    assert.equal(nextSequence(signing, at(7), T + 7), at(7) + 1n);
    assert.equal(nextSequence(signing, at(7) + 0xffffn, T + 7), at(7) + 0x10000n);
  });

  test('after a clock that was put back: near ones count on, far ones begin anew, and never with monotonic', () => {
    assert.equal(nextSequence(signing, at(5000), T), at(5000) + 1n);
    assert.equal(nextSequence(signing, at(3_600_000), T), at(0));
    assert.equal(nextSequence(monotonic, at(3_600_000), T), at(3_600_000) + 1n);
  });

  test('goes round with the seconds in 2106', () => {
    const last = nextSequence(signing, undefined, (2 ** 32 - 1) * 1000);
    assert.equal(nextSequence(signing, last, 2 ** 32 * 1000), 0n);
    assert.equal(judge(signing, [{ address: OTHER, sequence: last }], 0n, { now: 2 ** 32 * 1000 }).refusal, undefined);
  });
});

interface How {
  readonly now?: number;
  readonly verified?: boolean | undefined;
  readonly most?: number;
  readonly from?: string;
  readonly type?: number;
}

function judgeAll(conf: SigningConfig, marks: readonly Mark[], sequence: bigint, how: How) {
  const trailer = { type: how.type ?? 1, keyId: 1, reserved: 0, sequence };
  const verified = 'verified' in how ? how.verified : true;
  const claim = { source: how.from ?? OTHER, trailer, verify: () => verified };
  return judgeSignature(conf, marks, claim, how.now ?? T, how.most ?? 8);
}
const judge = (conf: SigningConfig, marks: readonly Mark[], sequence: bigint, how: How = {}): Signature =>
  judgeAll(conf, marks, sequence, how).signature;

describe('a signature', () => {
  const mark = (ms: number): Mark[] => [{ address: OTHER, sequence: at(ms) }];

  test('must be of this time, on either side', () => {
    assert.deepEqual(judge(signing, [], at(-5000)), { keyId: 1, behind: 5, refusal: undefined });
    assert.equal(judge(signing, [], at(5999)).refusal, undefined);
    assert.deepEqual(judge(signing, [], at(-6000)), { keyId: 1, behind: 6, refusal: 'stale' });
    assert.deepEqual(judge(signing, [], at(6000)), { keyId: 1, behind: -6, refusal: 'stale' });
    assert.equal(judge(monotonic, [], at(-3_600_000)).refusal, undefined);
  });

  test('costs no HMAC where it is of another time', () => {
    const claim = {
      source: OTHER,
      trailer: { type: 1, keyId: 1, reserved: 0, sequence: at(-60_000) },
      verify: () => assert.fail(),
    };
    assert.equal(judgeSignature(signing, [], claim, T, 8).signature.refusal, 'stale');
  });

  test('is refused for what is wrong with it', () => {
    assert.equal(judge(signing, [], at(0), { verified: undefined }).refusal, 'key-id');
    assert.equal(judge(signing, [], at(0), { verified: false }).refusal, 'signature');
    assert.equal(judge(signing, [], at(0), { type: 2 }).refusal, 'trailer');
  });

  test('counts once, and nothing older counts after it', () => {
    for (const conf of [signing, monotonic]) {
      assert.equal(judge(conf, mark(-100), at(0)).refusal, undefined);
      assert.equal(judge(conf, mark(0), at(0)).refusal, 'replay');
      assert.equal(judge(conf, mark(0), at(-1000)).refusal, 'replay');
      assert.equal(judge(conf, mark(0), at(0) + 1n).refusal, undefined);
      assert.equal(judge(conf, mark(0), at(0), { from: '192.0.2.8' }).refusal, undefined);
    }
  });

  test('of a sender whose clock was put back counts once its mark is out of the window, and never with monotonic', () => {
    assert.equal(judge(signing, mark(5000), at(0)).refusal, 'replay');
    assert.equal(judge(signing, mark(3_600_000), at(0)).refusal, undefined);
    assert.equal(judge(monotonic, mark(3_600_000), at(0)).refusal, 'replay');
  });

  test('moves a mark only when it is good', () => {
    for (const how of [{ verified: false }, { verified: undefined }, { type: 9 }, { now: T + 60_000 }])
      assert.deepEqual(judgeAll(signing, mark(-1000), at(0), how).marks, mark(-1000));
    assert.deepEqual(judgeAll(signing, mark(-1000), at(0), {}).marks, mark(0));
  });

  test('of a new sender pushes out who was not heard for longest', () => {
    let marks: readonly Mark[] = [];
    for (const from of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.3'])
      marks = judgeAll(signing, marks, at(marks.length + 1000), { from, most: 2 }).marks;
    assert.deepEqual(
      marks.map((one) => one.address),
      ['192.0.2.1', '192.0.2.3'],
    );
  });
});

const plain = instance(3, 1000, 100, true);
const whose = (mode: SigningConfig['mode'] | undefined, more: Partial<VrrpInstanceConfig> = {}): VrrpInstanceConfig => ({
  ...plain,
  ...(mode ? { signing: { ...signing, mode } } : {}),
  ...more,
});

function received(signed: boolean, signature?: Signature, more: Partial<Received> & { version?: 2 | 3 } = {}): Received {
  const flow = { source: OTHER, destination: VRRP_GROUP[4] };
  const { version = 3, ...rest } = more;
  const advert: Advert = {
    version,
    vrid: 51,
    priority: 150,
    interval: 1000,
    addresses: ['192.0.2.10'],
    authType: 0,
    authData: NO_AUTH,
  };
  const bytes = (signed ? encodeUnsigned : encodeAdvert)(advert, flow, 'pseudo');
  return { ...flow, ttl: 255, decoded: decodeAdvert(bytes, flow), signature, ...rest };
}

const GOOD: Signature = { keyId: 1, behind: 0, refusal: undefined };
const rejectionOf = (conf: VrrpInstanceConfig, one: Received) => {
  const admission = admit(conf, one);
  return 'rejection' in admission ? admission.rejection : undefined;
};

describe('an advert', () => {
  test('that is signed is taken in every mode, of both versions', () => {
    for (const mode of ['receive_only', 'permissive', 'enforce'] as const)
      for (const version of [2, 3] as const)
        assert.equal(rejectionOf(whose(mode, { version }), received(true, GOOD, { version })), undefined);
  });

  test('that is not signed is refused where all must sign', () => {
    assert.equal(rejectionOf(whose('enforce'), received(false)), 'unsigned');
    assert.equal(rejectionOf(whose('permissive'), received(false)), undefined);
    assert.equal(rejectionOf(whose('receive_only'), received(false)), undefined);
  });

  test('that is badly signed is refused in every mode, also unjudged', () => {
    for (const mode of ['receive_only', 'permissive', 'enforce'] as const) {
      for (const refusal of ['trailer', 'key-id', 'signature', 'stale', 'replay'] as const)
        assert.equal(rejectionOf(whose(mode), received(true, { ...GOOD, refusal })), refusal);
      assert.equal(rejectionOf(whose(mode), received(true)), 'signature');
    }
  });

  test('that is signed is refused without keys, as keepalived does', () => {
    assert.equal(rejectionOf(whose(undefined), received(true)), 'signed');
  });

  test('from afar, of a stranger or of another version is not worth an HMAC', () => {
    assert.ok(isWorthJudging(whose('enforce'), received(true)));
    assert.ok(!isWorthJudging(whose('enforce'), received(true, undefined, { ttl: 254 })));
    assert.ok(!isWorthJudging(whose('enforce'), received(true, undefined, { version: 2 })));
    assert.ok(!isWorthJudging(whose('enforce'), received(false)));
    assert.ok(!isWorthJudging(whose(undefined), received(true)));
    const unicast = { peers: [{ address: '192.0.2.8', minTtl: 1, maxTtl: 255 }] };
    assert.ok(!isWorthJudging(whose('enforce', { unicast }), received(true)));
  });
});

test('a refused one changes nothing; clocks that drift apart are told before anything is refused', () => {
  const conf = whose('enforce');
  const begin = {
    now: 0,
    link: { usable: true as const, source: '192.0.2.1' },
    gate: { forwarding: 'ready' as const, reason: '' },
  };
  const [state] = step(conf, initial(0), { type: 'start', ...begin });
  const hear = (signature: Signature) => step(conf, state, { type: 'advert', now: 10, received: received(true, signature) });
  const [after, effects] = hear({ ...GOOD, refusal: 'replay' });
  assert.equal(after, state);
  assert.deepEqual(effects, [{ type: 'reject', rejection: 'replay', source: OTHER }]);
  assert.deepEqual(hear({ ...GOOD, behind: 2 })[1], []);
  const text = "the clock of 192.0.2.7 is 3s ahead of this director's; beyond 5s (time_window) its adverts are refused";
  assert.deepEqual(hear({ ...GOOD, behind: -3 })[1], [{ type: 'note', kind: 'clocks-differ', text }]);
});

test('two masters that refuse each other are told why', () => {
  const told = (conf: VrrpInstanceConfig, one: Received) =>
    hearRival(conf, NO_RIVALS, one, { phase: 'master', since: 0 }, 5000).list[0]?.text ?? '';
  assert.match(told(whose('enforce'), received(false)), /it does not sign them, and this director takes signed ones only/);
  assert.match(told(whose(undefined), received(true)), /it signs them, and this director has no keys/);
  assert.match(
    told(whose('enforce'), received(true, { ...GOOD, keyId: 7, refusal: 'key-id' })),
    /signed with key 7, which this director does not have/,
  );
  assert.match(
    told(whose('enforce'), received(true, { ...GOOD, refusal: 'signature' })),
    /not signed with key 1 of this director: .*keepalived before 2\.4\.2, or they are forged/,
  );
  assert.match(
    told(whose('enforce'), received(true, { ...GOOD, behind: 37, refusal: 'stale' })),
    /the clock of 192\.0\.2\.7 is 37s behind this director's, by more than 5s/,
  );
  assert.match(
    told(whose('enforce'), received(true, { ...GOOD, refusal: 'replay' })),
    /recorded and sent again, or its clock was put back/,
  );
  assert.match(
    told(whose('enforce'), received(true, { ...GOOD, refusal: 'trailer' })),
    /of a form that this director does not know/,
  );
});

test('a master whose signing changes speaks at once', () => {
  const conf = whose('enforce', { priority: 255 });
  const begin = {
    now: 0,
    link: { usable: true as const, source: '192.0.2.1' },
    gate: { forwarding: 'ready' as const, reason: '' },
  };
  const [state] = step(conf, initial(0), { type: 'start', ...begin });
  const next: VrrpInstanceConfig = { ...conf, signing: { ...signing, activeKey: 2 } };
  const [, effects] = step(next, state, { type: 'reconfigured', now: 10, before: conf });
  assert.deepEqual(effects, [{ type: 'advert', priority: 255 }]);
});
