import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownTarget } from '../../../src/intent/find.js';
import { namesOf } from '../../../src/intent/names.js';
import { makeServer, makeService } from '../../fake/intent.js';

test('names: of all services, and of the real servers of one, by its name or any of its keys', () => {
  const address = (port: number) => ({ kind: 'address', family: 4, protocol: 'tcp', address: '192.0.2.10', port }) as const;
  const services = [
    makeService([makeServer(1), makeServer(2)], { ids: [address(80), address(81)] }),
    makeService([makeServer(2)], { name: 'voice', ids: [{ kind: 'fwmark', family: 6, fwmark: 7 }] }),
  ];
  const asked = (service?: string) => namesOf({ services, instances: [] }, service);
  const { real_servers, ...others } = asked();
  assert.deepEqual(real_servers, []);
  assert.deepEqual(others, {
    services: [
      { name: 'web', keys: ['tcp/192.0.2.10:80', 'tcp/192.0.2.10:81'] },
      { name: 'voice', keys: ['fwmark/7/inet6'] },
    ],
    hosts: ['10.0.0.1', '10.0.0.2'],
    instances: [],
  });
  for (const word of ['web', 'tcp/192.0.2.10:81']) assert.deepEqual(asked(word).real_servers, ['10.0.0.1:80', '10.0.0.2:80']);
  assert.deepEqual(asked('fwmark/7/inet6').real_servers, ['10.0.0.2:80']);
  assert.deepEqual(asked('nonsense').real_servers, []);
});

test('a target that is unknown may have been meant for a service or for an instance', () => {
  const services = [makeService([], { name: 'web' })];
  const instances = [{ name: 'VI_1' }];
  assert.equal(unknownTarget('VI_2', services, instances), 'unknown service or VRRP instance "VI_2"; did you mean "VI_1"?');
  assert.equal(unknownTarget('nothing', services, instances), 'unknown service or VRRP instance "nothing"; there is web, VI_1');
});
