import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.js';
import type { Config } from '../../../src/config/types.js';
import { sameBeside } from '../../../src/intent/beside.js';
import { type ChangeRequest, decideChange } from '../../../src/intent/change.js';
import { buildIntent } from '../../../src/intent/merge.js';
import type { Override, ServiceIntent } from '../../../src/intent/types.js';

function config(extra = '', server = ''): Config {
  const text = `virtual_servers:
  - name: web
    address: "192.0.2.10:80"
    scheduler: wrr
    forward: nat
    ${extra}
    real_servers:
      - { address: "10.0.0.1:80", weight: 10 ${server} }
      - { address: "10.0.0.2:80", weight: 10 }
`;
  const parsed = parseConfig('f.yaml', text, { env: {} });
  assert.ok(parsed.config, JSON.stringify(parsed.problems));
  return parsed.config;
}

/** As the check process has it: it came over as JSON. */
const webOf = (file: Config, overrides: readonly Override[] = []): ServiceIntent =>
  JSON.parse(JSON.stringify(buildIntent(file, overrides, 1).intent.services[0]));

function after(request: ChangeRequest): ServiceIntent {
  const decision = decideChange(config(), [], request, { id: 1, who: 'ann', when: '2026-01-01T00:00:00Z', why: 'because' });
  assert.ok('overrides' in decision, JSON.stringify(decision));
  return webOf(config(), decision.overrides);
}

const rs = '10.0.0.1:80';

test('a weight is of no concern to what is kept beside the table', () => {
  const before = webOf(config());
  assert.ok(sameBeside(before, before));
  assert.ok(sameBeside(before, webOf(config())));
  assert.ok(sameBeside(before, after({ kind: 'set-rs', service: 'web', rs, weight: '3' })));
  assert.ok(sameBeside(before, webOf(config('', ', upper: 9, lower: 1'))));
  assert.ok(sameBeside(before, webOf(config('', ', checks: [ { type: tcp } ]'))));
});

test('who its real servers are, what they do and what was said of them is', () => {
  const before = webOf(config());
  const others: ChangeRequest[] = [
    { kind: 'add-rs', service: 'web', rs: '10.0.0.3:80' },
    { kind: 'del-rs', service: 'web', rs },
    { kind: 'set-state', service: 'web', rs, state: 'drain' },
    { kind: 'set-state', service: 'web', rs, state: 'disable' },
    { kind: 'set-host', host: '10.0.0.1', state: 'drain' },
  ];
  for (const request of others) assert.ok(!sameBeside(before, after(request)), request.kind);
  assert.ok(!sameBeside(undefined, before));
});

test('what the service itself is set to is', () => {
  const before = webOf(config());
  for (const extra of [
    'snat: auto',
    'persistence: 5m',
    'on_failure: quiesce',
    'sorry_server: { address: "10.0.0.9:80" }',
    'slow_start: 30s',
  ])
    assert.ok(!sameBeside(before, webOf(config(extra))), extra);
  assert.ok(!sameBeside(before, webOf(config('', ', forward: dr'))));
});
