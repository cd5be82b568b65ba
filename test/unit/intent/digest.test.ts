import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableDigest } from '../../../src/intent/digest.js';
import type { ServiceIntent } from '../../../src/intent/types.js';
import { makeServer, makeService } from '../../fake/intent.js';

const WEB = makeService([makeServer(1), makeServer(2)]);
const MAIL = makeService([makeServer(3)], {
  name: 'mail',
  id: { kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.11', port: 25 },
});
const whole = tableDigest([WEB, MAIL]);

test('order, names, checks and who said what are a director’s own affair', () => {
  const override = { id: 1, who: 'anna', when: '', why: '' };
  const source = { kind: 'override', override } as const;
  const same: readonly (readonly ServiceIntent[])[] = [
    [MAIL, WEB],
    [{ ...WEB, name: 'www' }, MAIL],
    [{ ...WEB, realServers: [makeServer(2), makeServer(1, { source, weightSource: source })] }, MAIL],
    [{ ...WEB, source, quorum: 2 }, MAIL],
  ];
  for (const services of same) assert.equal(tableDigest(services), whole);
});

test('what the kernel would have otherwise makes another digest', () => {
  const admin = { state: 'drain', source: { kind: 'file' } } as const;
  const others: readonly (readonly ServiceIntent[])[] = [
    [WEB],
    [],
    [WEB, WEB, MAIL],
    [{ ...WEB, scheduler: 'rr' }, MAIL],
    [{ ...WEB, onePacket: true }, MAIL],
    [{ ...WEB, schedulerFlags: ['sh-port'] }, MAIL],
    [{ ...WEB, persistence: { timeout: 300, prefix: 32, engine: '' } }, MAIL],
    [{ ...WEB, sorry: makeServer(9) }, MAIL],
    [{ ...WEB, realServers: [makeServer(1)] }, MAIL],
    [{ ...WEB, realServers: [makeServer(1), makeServer(2, { weight: 9 })] }, MAIL],
    [{ ...WEB, realServers: [makeServer(1), makeServer(2, { forward: 'dr' })] }, MAIL],
    [{ ...WEB, realServers: [makeServer(1), makeServer(2, { upper: 9 })] }, MAIL],
    [{ ...WEB, realServers: [makeServer(1), makeServer(2, { admin })] }, MAIL],
  ];
  const digests = others.map(tableDigest);
  assert.equal(new Set([whole, ...digests]).size, others.length + 1);
  assert.match(whole, /^[0-9a-f]{16}$/);
});
