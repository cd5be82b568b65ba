import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOST_LITTLE_ENDIAN } from '../../../src/base/bytes.js';
import { parseGateway } from '../../../src/os/gateway.js';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

test('the IPv4 default gateway of an interface is that of the least metric', { skip: !HOST_LITTLE_ENDIAN }, () => {
  const table = `${HEAD}eth0\t00000000\tFE0200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\t0103000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t090200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n`;
  assert.equal(parseGateway(4, table, 'eth0'), '192.0.2.1');
  assert.equal(parseGateway(4, table, 'eth1'), '10.0.3.1');
  assert.equal(parseGateway(4, table, 'ppp0'), undefined);
  assert.equal(parseGateway(4, table, 'eth2'), undefined);
  assert.equal(parseGateway(4, '', 'eth0'), undefined);
});

test('the IPv6 one too; routes without a next hop are none', () => {
  const zero = '0'.repeat(32);
  const route = (destination: string, length: string, hop: string, metric: string, dev: string) =>
    `${destination} ${length} ${zero} 00 ${hop} ${metric} 00000001 00000000 00000003     ${dev}\n`;
  const hop = (last: string) => `fe8000000000000000000000000000${last}`;
  const table =
    route(zero, '00', hop('02'), '00000400', 'eth0') +
    route(zero, '00', hop('01'), '00000064', 'eth0') +
    route(zero, '00', zero, 'ffffffff', 'lo') +
    route(`20010db8${'0'.repeat(24)}`, '40', hop('09'), '00000001', 'eth0');
  assert.equal(parseGateway(6, table, 'eth0'), 'fe80::1');
  assert.equal(parseGateway(6, table, 'lo'), undefined);
});
