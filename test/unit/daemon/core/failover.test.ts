import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failover } from '../../../../src/daemon/core/failover.js';
import type { HandlerParts } from '../../../../src/daemon/core/handlers.js';

const VRRP = 'VI_1 would be given to another director';

/** No peer is configured. */
const nobody = async () => undefined;

/** A part of a daemon: what the children are asked, and what they answer. */
function daemon(services: readonly object[], check: object | Error, vrrp: object | Error = { text: VRRP }, peers: object[] = []) {
  const asked: object[] = [];
  const told: string[] = [];
  const child = (answer: object | Error) => ({
    state: () => ({ state: 'running' }),
    ask(query: object) {
      asked.push(query);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  const instances = ['VI_1', 'VI_1/ipv6'].map((name) => ({ name, advertInterval: 1000 }));
  const parts = {
    wanted: { intent: () => ({ revision: 7, instances, services }), config: () => ({ global: { peers } }) },
    check: child(check),
    vrrp: child(vrrp),
    tell: (_kind: string, subject: string, text: string) => void told.push(`${subject}: ${text}`),
  } as unknown as HandlerParts;
  return { parts, asked, told };
}

test('--check asks and does nothing; without a virtual server the check process is not asked, though it may run for scripts', async () => {
  const { parts, asked, told } = daemon([], { error: 'the check process has no configuration yet' });
  const result = await failover(parts, { instance: 'VI_1', check: true }, 'ann', nobody);
  assert.deepEqual([result.text, result.dry_run, result.notes?.length], [VRRP, true, 2]);
  assert.deepEqual(asked, [{ failover: { instance: 'VI_1', check: true } }]);
  assert.deepEqual(told, []);
});

test('with virtual servers it says what connection sync is worth, or that nobody says so', async () => {
  const notes = async (check: object | Error) => {
    const { parts } = daemon([{}], check);
    return (await failover(parts, { instance: 'VI_1', check: true }, 'ann', nobody)).notes?.join('\n') ?? '';
  };
  assert.match(await notes({ value: { sync: null } }), /connection_sync is not configured/);
  assert.match(await notes({ value: { sync: { problem: 'no', follows: null } } }), /does not work: no/);
  assert.match(await notes({ value: { sync: { problem: null, follows: 'VI_2' } } }), /follows VI_2, not VI_1/);
  assert.match(await notes({ value: { sync: { problem: null, follows: 'VI_1' } } }), /connection sync runs here/);
  assert.match(await notes({ error: 'it has no table' }), /does not answer: it has no table/);
  assert.match(await notes(new Error('it is being restarted')), /does not answer: it is being restarted/);
});

test('what is refused is refused in the words of who refuses, and one of both families has one name', async () => {
  const refused = async (instance: string, vrrp: object | Error) => {
    const { parts, told } = daemon([], {}, vrrp);
    const error = await failover(parts, { instance, for: 60 }, 'ann', nobody).then(
      () => assert.fail('it was done'),
      (reason: Error) => reason,
    );
    assert.deepEqual(told, []);
    return error.message;
  };
  assert.equal(await refused('VI_1', { error: 'VI_1 is backup here' }), 'VI_1 is backup here');
  assert.equal(await refused('VI_1', new Error('gone')), 'gone');
  assert.equal(await refused('VI_2', {}), 'unknown VRRP instance "VI_2"; there is VI_1');
});

test('what was done is told, with who and why', async () => {
  const { parts, asked, told } = daemon([], {}, { text: 'VI_1: 192.0.2.3 is master now' });
  const result = await failover(parts, { instance: 'VI_1', for: 60, reason: 'new kernel' }, 'ann', nobody);
  assert.deepEqual(asked, [{ failover: { instance: 'VI_1', for: 60_000 } }]);
  assert.deepEqual([result.text, result.dry_run, result.revision], ['VI_1: 192.0.2.3 is master now', false, 7]);
  assert.deepEqual(told, ['VI_1: failover (by ann: new kernel)']);
});

test('a peer that is not fit keeps the office here, by its reasons; --force gives it away all the same', async () => {
  const { parts, asked, told } = daemon([], {}, { text: VRRP }, [{ name: 'd2' }]);
  const unfit = async () => ({ obstacles: ['d2 lacks web', 'd2 is in fault'], notes: [] });
  const refused = (params: object) =>
    failover(parts, { instance: 'VI_1', ...params }, 'ann', unfit).then(
      () => assert.fail('it was done'),
      ({ message }: Error) => message,
    );
  assert.equal(await refused({ check: true }), 'VI_1 is better kept here: d2 lacks web; d2 is in fault');
  assert.match(await refused({}), /d2 is in fault \(--force does it all the same\)$/);
  assert.deepEqual(asked, Array(2).fill({ failover: { instance: 'VI_1', check: true } }));
  assert.deepEqual(told, []);
  await failover(parts, { instance: 'VI_1', force: true }, 'ann', () => assert.fail('nobody is asked'));
  assert.deepEqual(told, ['VI_1: failover (by ann, forced)']);
});

test('peers that agree are told as notes, and the office is given away', async () => {
  const { parts, told } = daemon([{}], {}, { text: VRRP }, [{ name: 'd2' }]);
  const fit = async () => ({ obstacles: [], notes: ['d2 runs lbd 0.1.0'] });
  assert.deepEqual((await failover(parts, { instance: 'VI_1', check: true }, 'ann', fit)).notes, ['d2 runs lbd 0.1.0']);
  await failover(parts, { instance: 'VI_1' }, 'ann', fit);
  assert.deepEqual(told, ['VI_1: failover (by ann)']);
});
