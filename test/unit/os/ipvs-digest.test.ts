/** Destinations are read again when what defines them has changed, and not because of what they count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Destination, Service } from '../../../src/ipvs/types.js';
import { destinationKey } from '../../../src/ipvs/types.js';
import { openIpvs } from '../../../src/os/ipvs.js';
import { createFakeKernel } from '../../fake/ipvs-kernel.js';
import { dest, keyOf, outside, put, service } from '../../fake/table-world.js';

const key = keyOf(1);
const servers = [dest(1), dest(2, { weight: 5 }), dest(3, { forward: 'tun' })] as const;
const web: Service = service(1, [...servers]);

async function opened() {
  const kernel = createFakeKernel();
  const client = await openIpvs(kernel.open, () => Promise.resolve('no such module'));
  put(client, web);
  return { kernel, client };
}

test('the same until something changes that defines them', async () => {
  const { kernel, client } = await opened();
  const first = client.readIfChanged(web.id, undefined);
  assert.deepEqual([...(first?.destinations.keys() ?? [])], servers.map(destinationKey));
  assert.ok(first?.digest);
  assert.equal(client.readIfChanged(web.id, first.digest), undefined);
  for (const one of kernel.table.services.values()) for (const each of one.dests) each.counts = [7, 8, 9];
  assert.equal(client.readIfChanged(web.id, first.digest), undefined, 'connections come and go');
  client.close();
});

const set = (one: Destination) => ({ kind: 'set-dest', key, id: web.id, dest: one }) as const;
const add = (one: Destination) => ({ kind: 'new-dest', key, id: web.id, dest: one }) as const;
const remove = (one: Destination) => ({ kind: 'del-dest', key, id: web.id, dest: one }) as const;

for (const [what, ...operations] of [
  ['a weight', set({ ...servers[0], weight: 2 })],
  ['a weight of 0', set({ ...servers[1], weight: 0 })],
  ['an upper threshold', set({ ...servers[0], upper: 100 })],
  ['a lower threshold', set({ ...servers[0], upper: 100, lower: 10 })],
  ['the method', set({ ...servers[0], forward: 'dr' })],
  ['the tunnel', set({ ...servers[2], tunType: 1, tunPort: 6080 })],
  ['the port of the tunnel', set({ ...servers[2], tunType: 1, tunPort: 6081 })],
  ['the flags of the tunnel', set({ ...servers[2], tunType: 1, tunPort: 6081, tunFlags: 1 })],
  ['one more', add(dest(4))],
  ['one fewer', remove(servers[2])],
  ['another one in its place', remove(servers[2]), add(dest(5, { forward: 'tun' }))],
  ['the order', remove(servers[0]), add(servers[0])],
  ['none', ...servers.map(remove)],
] as const)
  test(`it is another one after: ${what}`, async () => {
    const { client } = await opened();
    const before = client.readIfChanged(web.id, undefined);
    outside(client, ...operations);
    const after = client.readIfChanged(web.id, before?.digest);
    assert.ok(after && after.digest !== before?.digest);
    assert.deepEqual(after.destinations, client.readDestinations(web.id));
    client.close();
  });
