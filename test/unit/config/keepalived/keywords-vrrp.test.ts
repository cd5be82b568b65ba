/** The tables of VRRP and global_defs hold what keepalived registers, and whatever stands behind a keyword has a class. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { importKeepalived } from '../../../../src/config/keepalived/import.js';
import { GLOBAL } from '../../../../src/config/keepalived/keywords/global.js';
import { ROOT } from '../../../../src/config/keepalived/keywords/root.js';
import type { Block } from '../../../../src/config/keepalived/keywords/types.js';
import { VRRP } from '../../../../src/config/keepalived/keywords/vrrp.js';
import { VRRP_LISTS } from '../../../../src/config/keepalived/keywords/vrrp-lists.js';
import { readKeepalived } from '../../../../src/config/keepalived/read.js';
import type { Statement } from '../../../../src/config/keepalived/types.js';

const linesOf = (name: string): string[] =>
  readFileSync(`test/golden/keepalived-keywords/${name}.txt`, 'utf8').trim().split('\n');

const registered = [...linesOf('global'), ...linesOf('vrrp')].sort();
const blocks: readonly Block[] = [ROOT, ...GLOBAL, ...VRRP.filter((one) => !VRRP_LISTS.includes(one))];
/** Registered with the virtual servers. */
const OF_SERVICES = ['root virtual_server', 'root virtual_server_group', 'root SSL'];
const rows = blocks.flatMap(({ name, words }) => words.map((one) => ({ ...one, line: `${name} ${one.word}`, block: name })));

test('each keyword that keepalived registers is in the table once, and no other', () => {
  const listed = rows.map((one) => one.line).filter((line) => !OF_SERVICES.includes(line));
  assert.deepEqual(listed.sort(), registered);
});

test('each says where it went, or what it means, or what to do', () => {
  for (const { line, outcome, to, text } of [
    ...rows,
    ...VRRP_LISTS.flatMap(({ name, words }) => words.map((one) => ({ ...one, line: `${name} ${one.word}` }))),
  ]) {
    if (outcome === 'carried') assert.ok(to, line);
    else assert.ok(text !== undefined && text.length > 10, line);
    assert.ok(text === undefined || !/unsupported|not supported/.test(text), line);
  }
});

const BEHIND = [
  '',
  '1',
  'x',
  '-1',
  '9999999999',
  '0.5',
  'on',
  'eth0 group',
  '"',
  'x y z',
  '"/bin/true \'a"',
  '10.0.0.1',
  'fe80::1',
  '{ }',
  'x { }',
];
const WITHIN = [
  '{ 10.0.0.1 }',
  '{ eth0 weight }',
  '{ eth0 weight 5 reverse more }',
  '{ 10.0.0.1 dev }',
  '{ from all to x table }',
  '{ x { y } }',
  '{ A 1 x }',
];

const VARIANTS = [...BEHIND, ...WITHIN];

/** The keyword in its block, and somebody who uses that. */
function around(block: string, line: string, i: number): string {
  const instance = (lines: string): string =>
    `vrrp_instance A${i} {\n interface eth${i}\n virtual_router_id ${i + 1}\n${lines}\n}\n`;
  if (block === 'root') return line;
  if (block === 'global_defs') return `global_defs {\n${line}\n}\n`;
  if (block === 'authentication' || block === 'auth_hmac') return instance(`${block} {\n${line}\n}`);
  if (block === 'vrrp_instance') return instance(line);
  if (block === 'vrrp_sync_group') return `${block} G${i} {\n group {\n A${i}\n }\n${line}\n}\n${instance('')}`;
  const tracked = ['process', 'script', 'file'].map((kind) => `track_${kind} {\n x${i}\n}`).join('\n');
  return `${block} x${i} {\n${line}\n}\n${instance(tracked)}`;
}

const all = (statements: readonly Statement[]): Statement[] => statements.flatMap((one) => [one, ...all(one.block ?? [])]);

test('whatever stands behind a keyword: nothing is thrown, each statement has one class, and lbd takes what comes out', () => {
  const reading = { readInclude: () => 'none', configId: undefined, env: {}, folderOf: () => '/' };
  const isReadable = (text: string) => readKeepalived({ file: 'k', text }, reading).faults.length === 0;
  for (const { block, word, line, outcome } of rows) {
    if (OF_SERVICES.includes(line)) continue;
    // Nobody looks at what stands behind the others.
    const isRead = outcome === 'carried' || outcome === 'changed';
    const lines = (isRead ? VARIANTS : ['1', '{ x { y } }'])
      .map((behind) => `${word} ${behind}\n${word} ${behind}`)
      .filter(isReadable);
    const text = [...lines.map((one, i) => around(block, one, i)), around('vrrp_instance', '', 99)].join('\n');
    const tree = readKeepalived({ file: 'k', text }, reading);
    assert.deepEqual(tree.faults, [], line);
    const { yaml, verdicts, problems } = importKeepalived(tree, { file: 'keepalived.conf', sourceAt: () => '' });
    const met = new Set(verdicts.map((one) => one.statement));
    for (const one of all(tree.statements)) assert.ok(met.has(one), `${line}: ${one.key.text} in line ${one.key.place.line}`);
    const errors = problems.filter((one) => one.severity === 'error').map((one) => `${one.line}: ${one.message}`);
    assert.ok(yaml !== undefined, `${line}: ${errors.join('\n')}\n${text}`);
  }
});
