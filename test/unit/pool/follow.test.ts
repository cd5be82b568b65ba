import assert from 'node:assert/strict';
import { test } from 'node:test';
import { belongs, isCutOff, leaderOf } from '../../../src/pool/follow.js';
import { makeServer, makeService } from '../../fake/intent.js';

const carriers = [
  { name: 'VI_1', addresses: ['192.0.2.10'] },
  { name: 'VI_2', addresses: ['192.0.2.20'] },
];
const own = (address: string) => address === '10.0.0.1';
const dr = (host: number) => makeServer(host, { forward: 'dr' });

test('a director that is a real server follows the instance that carries the address', () => {
  const web = makeService([dr(1), dr(2)], { follow: 'auto' });
  assert.equal(leaderOf(web, carriers, own), 'VI_1');
  assert.equal(leaderOf(web, [], own), undefined, 'nobody carries it');
  assert.equal(leaderOf(makeService([dr(2), dr(3)], { follow: 'auto' }), carriers, own), undefined, 'it is none');
  assert.equal(leaderOf(makeService([makeServer(1)], { follow: 'auto' }), carriers, own), undefined, 'nat does not come back');
  assert.equal(leaderOf({ ...web, follow: 'always' }, carriers, own), undefined);
  assert.equal(leaderOf({ ...makeService([makeServer(9)]), follow: 'VI_2' }, carriers, own), 'VI_2', 'it is told to');
});

test('only a master has the service in the kernel; until somebody says who is, what is there stays', () => {
  assert.ok(belongs(undefined, undefined, false));
  assert.ok(belongs('VI_1', 'master', false));
  assert.ok(!belongs('VI_1', 'backup', true));
  assert.ok(!belongs('VI_1', 'fault', true));
  assert.ok(belongs('VI_1', undefined, true));
  assert.ok(!belongs('VI_1', undefined, false));
});

test('a service is cut off while every instance that carries it is in fault', () => {
  const web = makeService([dr(2)]);
  assert.ok(isCutOff(web, carriers, { VI_1: 'fault', VI_2: 'master' }));
  assert.ok(!isCutOff(web, carriers, { VI_1: 'backup', VI_2: 'fault' }));
  assert.ok(!isCutOff(web, carriers, {}), 'nobody has said yet');
  assert.ok(!isCutOff(web, [], {}), 'nobody carries it');
  const mark = { ...web, ids: [{ kind: 'fwmark', family: 4, fwmark: 7 }] as const };
  assert.ok(isCutOff(mark, carriers, { VI_1: 'fault', VI_2: 'fault' }));
  assert.ok(!isCutOff(mark, carriers, { VI_1: 'fault', VI_2: 'backup' }));
});
