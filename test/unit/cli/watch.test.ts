import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createScreen } from '../../../src/cli/screen.js';
import type { ApiStatus } from '../../../src/control/api.js';
import { CANNED, startFakeDaemon } from '../../fake/control.js';
import { createTerminal } from '../../fake/terminal.js';
import { watching } from '../../fake/watching.js';

describe('a screen', () => {
  const size = { columns: 20, rows: 8 };

  test('is drawn at its place, above stays what was there, and shorter ones leave nothing behind', () => {
    const terminal = createTerminal(20, 8);
    const screen = createScreen(true);
    terminal.write('$ lbctl\r\n');
    terminal.write(screen.draw('head\none two\nthree\n', size, 1));
    assert.deepEqual(terminal.lines(), ['$ lbctl', 'head', 'one two', 'three']);
    assert.equal(terminal.reversed(), '', 'the first has nothing before it');
    terminal.write(screen.draw('HEAD\none ten\n', size, 1));
    assert.deepEqual(terminal.lines(), ['$ lbctl', 'HEAD', 'one ten']);
    assert.equal(terminal.reversed(), 'en', 'what became other');
    terminal.write(screen.draw('head\none ten\nfour\n', size, 1));
    assert.equal(terminal.reversed(), 'four');
  });

  test('fits the height and the width, whatever there is', () => {
    const terminal = createTerminal(20, 8);
    const screen = createScreen(false);
    for (let round = 0; round < 3; round++) {
      terminal.write(screen.draw(`head\n${'x'.repeat(45)}\n${'line\n'.repeat(30)}`, size, 1));
      const lines = terminal.lines();
      assert.equal(lines.length, 7, 'the last line is for the cursor');
      assert.deepEqual(lines.slice(0, 5), ['head', 'x'.repeat(20), 'x'.repeat(20), 'x'.repeat(5), 'line']);
      assert.match(lines[6] as string, /^… 28 more lines/);
    }
  });

  test('a terminal of another size begins anew', () => {
    const screen = createScreen(true);
    screen.draw('one\n'.repeat(5), size, 1);
    const terminal = createTerminal(10, 5);
    terminal.write('what was broken\r\n');
    terminal.write(screen.draw('two\n', { columns: 10, rows: 5 }, 1));
    assert.deepEqual(terminal.lines(), ['two']);
  });

  test('colours stay, beside the reverse', () => {
    const screen = createScreen(true);
    screen.draw('h\n\u001b[31mdown\u001b[0m x\n', size, 1);
    assert.ok(screen.draw('h\n\u001b[32mup\u001b[0m   x\n', size, 1).includes('\u001b[32;7mup\u001b[0m   x'));
  });
});

describe('--watch', () => {
  for (const words of ['status', 'list', 'list web', 'show web', 'stats', 'vrrp', 'why web']) {
    test(`${words}: in a pipe one after the other; Ctrl-C is status 0`, async () => {
      const daemon = await startFakeDaemon();
      const it = watching(['--socket', daemon.socketPath, ...words.split(' '), '--watch', '100ms']);
      await it.until(/(?:^|\n)--- .*\n--- \d{4}-.*\n--- /s);
      it.stop();
      assert.equal(await it.status, 0);
      const [, first, second] = it.said.out.split(/^--- \d{4}-\d\d-\d\dT.*Z\n/m);
      assert.equal(first, second);
      assert.equal(it.said.err, '');
      await daemon.close();
    });
  }

  test('json: one object a line; at a terminal too', async () => {
    const daemon = await startFakeDaemon();
    const it = watching(['vrrp', '-o', 'json', '--watch=100ms', '--socket', daemon.socketPath], {
      columns: 80,
      rows: 24,
    });
    await it.until(/\n.*\n/);
    it.stop();
    await it.status;
    const lines = it.said.out.trimEnd().split('\n');
    for (const line of lines) assert.deepEqual(JSON.parse(line), CANNED.vrrp({}));
    await daemon.close();
  });

  test('at a terminal over the one before; a daemon that is started again is told in one line, and found', async () => {
    let revision = 4;
    const handlers = { status: () => ({ ...(CANNED.status({}) as ApiStatus), revision, problems: [] }) };
    const first = await startFakeDaemon(handlers);
    const it = watching(['--watch', '100ms', 'status', '--socket', first.socketPath], { columns: 100, rows: 50 });
    const { terminal, seen } = it;
    await seen(/revision 4/);
    await first.server.close();
    await seen(/^\d{4}-.*Z {2}status, every 100ms {2}no answer for .*lbd/);
    assert.match(terminal.lines().join('\n'), /revision 4/, 'the last answer stays');
    revision = 5;
    const second = await startFakeDaemon(handlers, undefined, first.socketPath);
    await seen(/revision 5/);
    assert.equal(terminal.lines().filter((line) => line.includes('every 100ms')).length, 1);
    assert.doesNotMatch(terminal.lines()[0] as string, /no answer/);
    it.stop();
    assert.equal(await it.status, 0);
    assert.equal(it.said.err, '');
    await second.close();
    await first.close();
  });

  test('in a pipe it is told once, on standard error', async () => {
    const first = await startFakeDaemon();
    const it = watching(['list', '--watch', '100ms', '--socket', first.socketPath]);
    await it.until(/--- /);
    await first.server.close();
    await it.until(/waiting for it/);
    const second = await startFakeDaemon({}, undefined, first.socketPath);
    await it.until(/lbd answers again/);
    it.stop();
    assert.equal(await it.status, 0);
    assert.equal(it.said.err.trimEnd().split('\n').length, 2, it.said.err);
    await second.close();
    await first.close();
  });

  test('what is refused at first is an error', async () => {
    const daemon = await startFakeDaemon();
    const it = watching(['list', 'wbe', '--watch', '--socket', daemon.socketPath]);
    assert.equal(await it.status, 1);
    assert.match(it.said.err, /unknown service "wbe"/);
    await daemon.close();
    assert.equal(await watching(['list', '--watch', '--socket', daemon.socketPath]).status, 3);
  });
});
