/** What set-vs has set, in `list` and `show`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderList, renderShow } from '../../../src/cli/render/services.js';
import type { View } from '../../../src/cli/render/text.js';
import { WEB } from '../../fake/control.js';

const VIEW: View = { width: undefined, colour: false, wide: false, columns: { counters: false, rates: false } };
const by = { id: 9, who: 'ann', when: '2026-01-01T00:00:00Z', why: 'a sale' };
const changed = [{ setting: 'scheduler', value: 'rr', before: 'wlc', by }];
const LINE = '* web: scheduler rr, otherwise wlc #9 ann 2026-01-01T00:00:00Z "a sale"\n';

test('list marks the scheduler, and tells each setting below the table', () => {
  const plain = renderList(VIEW, [WEB]);
  const text = renderList(VIEW, [{ ...WEB, scheduler: 'rr', changed }]);
  assert.match(text, / rr\* /);
  assert.ok(text.includes(LINE), text);
  assert.ok(!plain.includes('otherwise') && !plain.includes('rr*'));
});

test('list tells what counts also where no real server was changed', () => {
  const real_servers = WEB.real_servers.map((one) => ({ ...one, wanted: { ...one.wanted, override: null, admin: null } }));
  assert.ok(renderList(VIEW, [{ ...WEB, real_servers, changed }]).includes(LINE));
  assert.ok(!renderList(VIEW, [{ ...WEB, real_servers }]).includes('*'));
});

test('show tells it too', () => {
  const text = renderShow(VIEW, { service: { ...WEB, changed }, real_server: null, checks: [] });
  assert.ok(text.includes(LINE), text);
});
