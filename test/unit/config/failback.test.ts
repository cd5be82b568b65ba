/** `failback`, the intent, and `preempt`, the protocol's word: what an instance is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';

function instanceOf(text: string) {
  const head = 'vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n';
  const { config, problems } = parseConfig('f.yaml', `${head}    virtual_addresses: [ 192.0.2.10/24 ]\n${text}`, { env: {} });
  assert.deepEqual(problems, []);
  const { preempt, preemptDelay, delayFrom } = config?.vrrpInstances[0] ?? {};
  return { preempt, preemptDelay, delayFrom };
}

const AT_ONCE = { preempt: true, preemptDelay: 0, delayFrom: undefined };
const NEVER = { preempt: false, preemptDelay: 0, delayFrom: undefined };

test('what nothing is said of is taken back at once', () => {
  for (const text of ['', '    preempt: true\n', '    failback: immediate\n', '    preempt: true\n    failback: immediate\n'])
    assert.deepEqual(instanceOf(text), AT_ONCE);
});

test('never is never', () => {
  for (const text of ['    preempt: false\n', '    failback: never\n', '    preempt: false\n    failback: never\n'])
    assert.deepEqual(instanceOf(text), NEVER);
});

test('a time runs from when the director can serve, a delay from the first advert', () => {
  assert.deepEqual(instanceOf('    failback: { after: 60s }\n'), { preempt: true, preemptDelay: 60_000, delayFrom: 'able' });
  assert.deepEqual(instanceOf('    preempt: { delay: 60s }\n'), { ...AT_ONCE, preemptDelay: 60_000 });
});

test('connections are waited for, with a share and a limit, where they come at all and the other director can be asked', () => {
  const told = (failback: string, around = AROUND) => {
    const instance = `vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ 192.0.2.10/24 ]\n    failback: ${failback}\n`;
    const { config, problems } = parseConfig('f.yaml', around + instance, { env: {} });
    const [first] = problems.filter(({ severity }) => severity === 'error');
    if (first) return first.message;
    const { preempt, preemptDelay, delayFrom, syncedShare } = config?.vrrpInstances[0] ?? {};
    return [preempt, preemptDelay, delayFrom, syncedShare];
  };
  const PEERS = 'global: { peers: [ { name: d2, url: "https://192.0.2.3:8405" } ] }\n';
  const SYNC = 'connection_sync: { interface: eth1 }\n';
  const AROUND = PEERS + SYNC;
  assert.deepEqual(told('when_synced'), [true, 600_000, 'able', 0.9]);
  assert.deepEqual(told('{ when_synced: { share: 50%, limit: 1h } }'), [true, 3_600_000, 'able', 0.5]);
  assert.match(String(told('when_synced', SYNC)), /needs global\.peers/);
  assert.match(String(told('when_synced', PEERS)), /without connection_sync: no connection ever comes here/);
  assert.match(String(told('{ when_synced: {}, after: 1s }')), /one of them/);
  assert.match(String(told('{}')), /one of them/);
  assert.match(String(told('{ when_synced: { share: 100% } }')), /1% to 99%/);
});
