import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckConfig } from '../../../../src/config/types.js';
import { blindness } from '../../../../src/daemon/check/blind.js';
import type { ResultRecord } from '../../../../src/health/types.js';
import type { ServiceIntent } from '../../../../src/intent/types.js';
import { checksOf } from '../../../../src/pool/membership.js';

const check: CheckConfig = { type: 'tcp', interval: 1000, timeout: 500, rise: 1, fall: 2 };
const service = (name: string, hosts: readonly number[]): ServiceIntent =>
  ({
    name,
    realServers: hosts.map((host) => ({
      key: `10.0.0.${host}:80`,
      address: `10.0.0.${host}`,
      port: 80,
      checks: [check],
    })),
  }) as unknown as ServiceIntent;

const result = (local: boolean, reason: string): ResultRecord => ({ ok: false, local, reason, duration: 1, at: 1 });
const FULL = 'too many open files on this director';

test('checks that this director cannot make are told once, by their reason; one odd result is no news', () => {
  const services = [service('web', [1, 2, 3, 4, 5]), service('mail', [1])];
  const keys = services[0]?.realServers.map((one) => checksOf(one)[0]?.key);
  const results: readonly (readonly ResultRecord[])[] = [
    [result(true, FULL), result(true, FULL), result(false, 'connection refused')],
    [result(true, FULL)],
    [result(true, 'not judged: lbd itself did not run for 3s'), result(false, 'connection refused')],
    [result(false, 'connection refused'), result(true, FULL)],
    [result(true, 'no such interface on this director'), result(true, FULL)],
  ];
  const historyOf = (key: string) => results[keys?.indexOf(key) ?? 0] ?? [];
  const latestOf = (key: string) => historyOf(key)[0];
  assert.deepEqual(blindness(services, { latestOf, historyOf }), [
    { reason: FULL, checks: 2, first: 'web/10.0.0.1:80: tcp connect to 10.0.0.1:80' },
    { reason: 'no such interface on this director', checks: 1, first: 'web/10.0.0.5:80: tcp connect to 10.0.0.5:80' },
  ]);
});
