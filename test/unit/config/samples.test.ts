import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../../src/config/parse.js';
import { formatProblem } from '../../../src/config/problems.js';
import { readConfigFile, readIncludes } from '../../../src/os/config-files.js';

const FOLDER = fileURLToPath(new URL('../../../../conf/', import.meta.url));

for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.yaml'))) {
  test(`conf/${name} is valid`, () => {
    const found = readConfigFile(join(FOLDER, name));
    assert.ok(typeof found !== 'string', String(found));
    const { config, problems } = parseConfig(found.file, found.text, { env: {}, hostname: 'd1', readInclude: readIncludes });
    assert.deepEqual(problems.filter((one) => one.severity === 'error').map(formatProblem), []);
    assert.ok(config);
    assert.ok(config.virtualServers.length + config.vrrpInstances.length > 0);
  });
}

test('the annotated sample says what it seems to say', () => {
  const found = readConfigFile(join(FOLDER, 'lbd.yaml'));
  assert.ok(typeof found !== 'string');
  const config = parseConfig(found.file, found.text, { env: {} }).config;
  const web = config?.virtualServers[0];
  assert.deepEqual(
    web?.realServers.map((one) => [one.address, one.port, one.weight, one.forward, one.upper, one.lower]),
    [
      ['192.0.2.21', 80, 10, 'dr', 0, 0],
      ['192.0.2.22', 80, 10, 'dr', 2000, 1500],
    ],
  );
  const [check] = web?.checks ?? [];
  assert.deepEqual(check, {
    type: 'http',
    path: '/healthz',
    host: 'www.example.com',
    headers: [],
    status: [[200, 299]],
    body: 'ok',
    interval: 2000,
    jitter: 5,
    timeout: 1000,
    rise: 1,
    fall: 2,
  });
  assert.deepEqual(
    config?.virtualServers[1]?.realServers.map((one) => one.checks.map((each) => each.type)),
    [['icmp'], ['icmp', 'tcp']],
  );
  assert.deepEqual(config?.vrrpInstances[1]?.addresses, [
    { address: 'fe80::200:5eff:fe00:233', length: 128 },
    { address: '2001:db8::10', length: 64 },
  ]);
});
