/** Tables of wrong configurations, each with its sentence. `@` in the text marks the place that the first problem must name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/config/parse.js';

export const service = (lines: string): string => `virtual_servers:\n  - name: web\n    address: 192.0.2.10:80\n${lines}`;
export const server = (flow: string): string => service(`    real_servers:\n      - { ${flow} }\n`);

export const BAD_OPTIONS = { env: {}, hostname: 'd1', readInclude: (pattern: string) => `there is no ${pattern}` };

/** An `@` that belongs to the text is written before the mark. */
export function refuses(name: string, table: readonly (readonly [text: string, message: RegExp])[]): void {
  describe(name, () => {
    for (const [marked, message] of table) {
      test(JSON.stringify(marked.slice(0, 110)), () => {
        const text = marked.replace('@', '');
        const { config, problems } = parseConfig('f.yaml', text, BAD_OPTIONS);
        assert.equal(config, undefined);
        const errors = problems.filter((one) => one.severity === 'error');
        const [first] = errors;
        assert.ok(first);
        assert.match(first.message, message, JSON.stringify(errors));
        const mark = marked.indexOf('@');
        if (mark < 0 || message.source === '.') return;
        const before = marked.slice(0, mark).split('\n');
        assert.deepEqual([first.line, first.column], [before.length, (before.at(-1) as string).length + 1], first.message);
        assert.equal(first.source, text.split('\n')[first.line - 1]);
      });
    }
  });
}
