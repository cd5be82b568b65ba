import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeVrid } from '../../../../src/config/free-vrid.js';
import { judgeVrids } from '../../../../src/daemon/core/doctor.js';
import { createHeardVrids } from '../../../../src/daemon/vrrp/heard-vrids.js';
import { MASTER } from '../../../fake/control.js';

const of = (vrid: number, on = 'eth0', family: 4 | 6 = 4) => ({ interface: on, family, vrid });

test('the next VRID that neither the file nor anybody heard has, on that link and of that family', () => {
  const heard = createHeardVrids();
  heard.note(of(51));
  heard.note(of(52));
  heard.note(of(52, 'eth1'));
  heard.note(of(54, 'eth0', 6));
  assert.equal(heard.free(of(51), [of(51), of(53), of(54, 'eth1')]), 54);
  assert.equal(heard.free(of(51, 'eth1'), [of(51, 'eth1')]), 53);
});

test('behind the last it begins anew; where all are used there is none', () => {
  assert.equal(freeVrid(255, new Set([255, 1])), 2);
  assert.equal(freeVrid(7, new Set(Array.from({ length: 255 }, (_, i) => i + 1))), undefined);
});

test('doctor tells of a VRID that a stranger uses, with another one as the cure', () => {
  const [rival] = MASTER.rivals;
  assert.ok(rival);
  const found = judgeVrids([{ ...MASTER, rivals: [rival, { ...rival, cause: 'group', text: 'somebody has it' }] }]);
  assert.deepEqual(found, [
    {
      severity: 'critical',
      topic: 'vrrp',
      text: 'VI_1: somebody has it',
      cure: 'virtual_router_id: 52 for VI_1, on each of its directors',
    },
  ]);
});
