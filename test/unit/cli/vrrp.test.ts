/** `lbctl vrrp` of an instance that tracks things. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderVrrp } from '../../../src/cli/render/vrrp.js';
import { vrrpProblems } from '../../../src/daemon/core/status-vrrp.js';
import { whyInstance } from '../../../src/daemon/core/why-instance.js';
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

test('what a master holds stands together, with what is missing and why', () => {
  const one = {
    ...MASTER,
    addresses: [
      { address: '192.0.2.10/32 dev vrrp.51', held: true, advertised: true },
      { address: '10.0.0.1/24 dev eth1', held: false, advertised: false },
    ],
    virtual_mac: { interface: 'vrrp.51', mac: '00:00:5e:00:01:33', there: true, up: true },
    paths: [
      { what: 'route 203.0.113.0/24 via 192.0.2.1', there: true, text: '' },
      { what: 'rule 1000: from 192.0.2.10/32 lookup 100', there: false, text: 'EPERM' },
    ],
    accept: false,
  };
  const text = renderVrrp({ wide: false, color: false, width: undefined } as never, [one]);
  const rows = [
    / {4}192\.0\.2\.10\/32 dev vrrp\.51 +held\n/,
    / {4}10\.0\.0\.1\/24 dev eth1 +not held +not advertised\n/,
    / {4}interface vrrp\.51 +up +00:00:5e:00:01:33\n/,
    / {4}route 203\.0\.113\.0\/24 via 192\.0\.2\.1 +there\n/,
    / {4}rule 1000: from 192\.0\.2\.10\/32 lookup 100 +not there +EPERM\n/,
    / {2}accept: false: packets to its addresses are dropped, but what IPVS takes\n/,
  ];
  for (const row of rows) assert.match(text, row);
  assert.match(renderVrrp({} as never, [{ ...one, addresses: [] }]), /without addresses: its adverts name none/);
  assert.match(renderVrrp({} as never, [{ ...one, accept_problem: 'EOPNOTSUPP' }]), /accept: false is not kept: EOPNOTSUPP/);
});

test('a master that lacks any of it is a problem, and why tells each', () => {
  const one = {
    ...MASTER,
    rivals: [],
    virtual_mac: { interface: 'vrrp.51', mac: '00:00:5e:00:01:33', there: true, up: false },
    paths: [{ what: 'route 203.0.113.0/24 via 192.0.2.1', there: false, text: 'ENETUNREACH' }],
    accept: false,
    accept_problem: 'EOPNOTSUPP',
  };
  const problems = vrrpProblems([one]).map((each) => each.text);
  assert.ok(problems.includes('VI_1: master without the interface vrrp.51, route 203.0.113.0/24 via 192.0.2.1 (ENETUNREACH)'));
  assert.ok(problems.includes('VI_1: accept: false is not kept: EOPNOTSUPP'));
  const { steps } = whyInstance(one);
  assert.ok(steps.includes('route 203.0.113.0/24 via 192.0.2.1: not there: ENETUNREACH'));
  assert.ok(steps.includes('interface vrrp.51 with the MAC 00:00:5e:00:01:33: down'));
  assert.ok(steps.includes('accept: false is not kept: EOPNOTSUPP'));
});

test('weights that never make another director master are told', () => {
  const one = { ...MASTER, weights_problem: 'with all that is tracked lost the priority is 130' };
  const told = /weights of no use: with all that is tracked lost the priority is 130/;
  assert.match(renderVrrp({} as never, [one]), told);
  assert.ok(whyInstance(one).steps.some((step) => told.test(step)));
  assert.ok(vrrpProblems([one]).some(({ text, severity }) => told.test(text) && severity === 'warning'));
  assert.ok(!vrrpProblems([MASTER]).some(({ text }) => text.includes('weights')));
});
