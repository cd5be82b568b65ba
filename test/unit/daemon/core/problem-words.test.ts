import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedReload, standing } from '../../../../src/daemon/core/problem-words.js';
import { Refused } from '../../../../src/daemon/core/refused.js';

test('why SIGHUP changed nothing stands in status until a reload succeeds, the latest reason alone', () => {
  const problems = new Set<string>();
  const refused = standing(problems, { write: () => {}, setLevel: () => {} });
  refused(refusedReload(new Refused({ code: 'invalid_config', message: 'lbd.yaml has 1 error: nothing was changed' })));
  assert.deepEqual(
    [...problems],
    [
      'a reload by SIGHUP was refused, and what was in force stays until one succeeds: lbd.yaml has 1 error: nothing was changed; lbctl check-config shows where',
    ],
  );
  refused(refusedReload(new Refused({ code: 'refused', message: 'it removes all: say --force if that is meant' })));
  assert.equal(problems.size, 1);
  assert.match([...problems].join(), /: it removes all: lbctl reload --force if that is meant$/);
  refused(undefined);
  assert.equal(problems.size, 0);
});
