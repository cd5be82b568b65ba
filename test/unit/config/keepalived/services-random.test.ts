/** Whatever stands in virtual servers: the result is one that lbd takes, every statement has one class, and no comment is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LVS } from '../../../../src/config/keepalived/keywords/lvs.js';
import { imported } from '../../../fake/imported.js';

const ADDRESSES = [
  '10.0.0.1',
  '10.0.0.2',
  '10.0.0.3',
  '2001:db8::1',
  '2001:db8::2',
  'fe80::1',
  '0.0.0.0',
  '224.0.0.1',
  'x',
  '10.0.0.1-3',
];
const PORTS = ['', '0', '80', '443', '65536', 'http'];
const NUMBERS = ['0', '1', '2', '3.5', '60', '700', '4000', '100000', '5000000000', '-1', 'x', ''];
const ARGS = [
  ...[
    'TCP',
    'UDP',
    'SCTP',
    'NAT',
    'DR',
    'TUN',
    'TUN type gue port 6080',
    'TUN type gre csum',
    'TUN port 1',
    'on',
    'off',
    'sip',
    'inet6',
  ],
  ...[
    'wrr',
    'sh',
    'mh',
    'wlc',
    '255.255.255.0',
    '255.0.255.0',
    '64',
    '/index.html',
    'a.html',
    '"a b"',
    '"[x"',
    '"^a.*(b|c)$"',
    'caseless',
  ],
  ...[
    'caseless multiline',
    '200-299 404',
    '0123456789abcdef0123456789ABCDEF',
    '4f4B',
    '4X',
    'fX',
    'www.example.com:443',
    'SOA',
    'RRSIG',
    'eth0',
  ],
  ...['"/bin/x \'a b\'"', 'root', 'nobody nogroup', '"a \'b"'],
];

const word = fc.constantFrom(...NUMBERS, ...ARGS, ...ADDRESSES);
const placed = fc.tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom(...PORTS)).map(([a, p]) => `${a} ${p}`);

let comments = 0;
const line = (keyword: string) =>
  fc
    .tuple(keyword.startsWith('connect_ip') || keyword === 'bindto' || keyword === 'sorry_server' ? placed : word, fc.boolean())
    .map(([arg, isCommented]) => `${keyword} ${arg}${isCommented ? ` # c${++comments}.` : ''}\n`);

const wordsOf = (block: string): readonly string[] =>
  (LVS.find(({ name }) => name === block)?.words ?? []).map((one) => one.word);
const BLOCKS = new Set(LVS.map(({ name }) => name));

/** A block with some of its keywords, in any order. */
function block(name: string, depth = 0): fc.Arbitrary<string> {
  const each = wordsOf(name).map((keyword): fc.Arbitrary<string> => {
    if (keyword === 'real_server')
      return placed.chain((place) => block(keyword, depth + 1).map((inner) => `real_server ${place} ${inner}`));
    return BLOCKS.has(keyword) ? block(keyword, depth + 1).map((inner) => `${keyword} ${inner}`) : line(keyword);
  });
  const nested = wordsOf(name).flatMap((keyword, i) => (BLOCKS.has(keyword) ? [each[i] as fc.Arbitrary<string>] : []));
  const some = fc.array(fc.oneof(...each), { maxLength: 10 });
  const inner =
    nested.length === 0 ? some : fc.tuple(some, fc.array(fc.oneof(...nested), { maxLength: 3 })).map((all) => all.flat());
  return inner.map((lines) => `{ # c${++comments}.\n${lines.join('')} # c${++comments}.\n}\n`);
}

const entry = fc.oneof(
  placed,
  fc.constantFrom(
    '10.1.0.0/24 80',
    '10.1.0.1/24 80',
    '10.2.0.1-9 443',
    '2001:db8::10-1f 80',
    'fwmark 3',
    'fwmark 4 inet6',
    'fwmark 0',
    '10.0.0.0/8 80',
  ),
);
const group = fc.array(entry, { maxLength: 5 }).map((list) => `virtual_server_group G {\n${list.join('\n')}\n}\n`);
const target = fc.oneof(placed, fc.constantFrom('group G', 'group H', 'fwmark 3', 'fwmark 0'));
const service = fc.tuple(target, block('virtual_server')).map(([where, inner]) => `virtual_server ${where} ${inner}`);
/** So that there is something to do. */
const SURE = 'virtual_server 198.51.100.1 80 {\nprotocol TCP\nreal_server 198.51.100.2 80 {\n}\n}\n';
const file = fc
  .tuple(group, fc.array(service, { minLength: 1, maxLength: 3 }))
  .map(([head, list]) => `${head}${list.join('')}${SURE}`);

test('the new file is one that lbd takes, and nothing is said of a statement twice', () => {
  fc.assert(
    fc.property(file, (text) => {
      const { yaml, errors, told } = imported(text);
      assert.deepEqual(errors, [], text);
      assert.ok(
        told.every(({ outcome, texts }) => outcome === 'carried' || texts !== ''),
        text,
      );
      const missing = (text.match(/# (c\d+\.)/g) ?? []).filter((one) => !yaml?.includes(one.slice(2)));
      assert.deepEqual(missing, [], `${text}\n----\n${yaml}`);
    }),
    { numRuns: Number(process.env.LBD_FUZZ ?? 1) * 200 },
  );
});
