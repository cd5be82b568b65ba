/** `lbctl vrrp` of an instance that tracks things. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderVrrp } from '../../../src/cli/render/vrrp.js';
import { MASTER } from '../../fake/control.js';

test('what an instance tracks stands below it, with what it does and why', () => {
  const text = renderVrrp({ wide: false, color: false, width: undefined } as never, [
    {
      ...MASTER,
      effective_priority: 130,
      group: 'SG',
      tracked: [
        { what: 'script chk_nginx', weight: -20, state: 'down', since_seconds: 65, effect: '-20', text: 'exit status 1' },
        { what: 'interface eth1', weight: 0, state: 'up', since_seconds: 7300, effect: '', text: 'it has its carrier' },
      ],
      rejected: [],
    },
  ]);
  assert.match(text, /priority 130 of 150, preempts; master: this director; sync group SG/);
  assert.match(
    text,
    / {2}tracks:\n {4}script chk_nginx +down +1m05s +-20 +exit status 1\n {4}interface eth1 +up +2h01m +it has its carrier/,
  );
});
