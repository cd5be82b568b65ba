import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiProblemLine } from '../../../../src/control/api.js';
import { createAges } from '../../../../src/daemon/core/ages.js';

const warning = (text: string): ApiProblemLine => ({ severity: 'warning', text });

test('a problem is as old as its first sight, whatever it counts meanwhile; one that is over begins anew', () => {
  let at = 0;
  const ages = createAges(() => at);
  const seen = (...texts: string[]) => ages.aged(texts.map(warning)).map((one) => one.since_seconds);
  assert.deepEqual(seen('web/10.0.0.1:80: refused, 3 times in 30.5 s'), [0]);
  at = 60_000;
  assert.deepEqual(seen('web/10.0.0.1:80: refused, 9 times in 1m05s', 'web/10.0.0.2:80: refused, 3 times in 2 s'), [60, 0]);
  at = 90_000;
  assert.deepEqual(seen('web/10.0.0.2:80: refused, 4 times in 32 s'), [30]);
  assert.deepEqual(seen('web/10.0.0.1:80: refused, 9 times in 1m05s'), [0]);
});
