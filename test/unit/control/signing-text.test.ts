/** What `lbctl vrrp` and `why` say of signed adverts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderVrrp } from '../../../src/cli/render/vrrp.js';
import type { ApiSigning } from '../../../src/control/api.js';
import { signingText } from '../../../src/control/signing-text.js';
import { whyInstance } from '../../../src/daemon/core/why-instance.js';
import { MASTER } from '../../fake/control.js';

const signing: ApiSigning = {
  mode: 'enforce',
  keys: [1, 2],
  active_key: 2,
  anti_replay: 'time',
  time_window_seconds: 5,
  heard: [
    { address: '192.0.2.3', key: 1, clock_behind_seconds: -3, last_seconds: 0.6 },
    { address: '192.0.2.4', key: null, clock_behind_seconds: 0, last_seconds: 12 },
  ],
};

test('who signs, with which key, and whose clock is off', () => {
  const others = '192.0.2.3 signs with key 1, its clock 3s ahead, heard 1s ago; 192.0.2.4 does not sign, heard 12s ago';
  assert.equal(signingText(signing), `signs with key 2 (of 1, 2), takes signed adverts only; ${others}`);
  assert.equal(
    signingText({ ...signing, mode: 'permissive', keys: [2], heard: [] }),
    'signs with key 2, takes unsigned adverts too',
  );
  assert.equal(
    signingText({ ...signing, mode: 'receive_only', heard: [] }),
    'does not sign yet (has keys 1, 2), takes signed and unsigned adverts',
  );
});

test('lbctl says it where adverts are signed, and nothing where they are not', () => {
  const view = { wide: false, color: false, width: undefined } as never;
  assert.match(renderVrrp(view, [{ ...MASTER, signing }]), /\n {2}signs with key 2 \(of 1, 2\), takes signed adverts only; 192/);
  assert.doesNotMatch(renderVrrp(view, [MASTER]), /sign/);
  assert.ok(whyInstance({ ...MASTER, signing }).steps.includes(signingText(signing)));
  assert.doesNotMatch(whyInstance(MASTER).steps.join(), /sign/);
});
