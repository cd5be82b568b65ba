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

/** What a keyword likes to hear. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  protocol: ['TCP', 'UDP', 'SCTP'],
  lb_algo: ['wrr', 'sh', 'mh', 'wlc', 'twos', 'fo'],
  lvs_sched: ['sh', 'mh', 'rr'],
  lb_kind: ['NAT', 'DR', 'TUN', 'TUN type gue port 6080', 'TUN type gre csum'],
  lvs_method: [
    'NAT',
    'DR',
    'TUN',
    'TUN type gue port 6080 remcsum',
    'TUN type gre csum',
    'TUN type gre',
    'TUN type gue port 5 csum',
  ],
  sorry_server_lvs_method: ['NAT', 'DR', 'TUN', 'TUN type gue port 6080', 'TUN type gre'],
  ip_family: ['inet', 'inet6'],
  delay_loop: ['1', '2', '6', '60', '0.5', '4000', '0.001'],
  connect_timeout: ['1', '3', '5', '10', '700', '0.001'],
  delay_before_retry: ['0', '1', '3', '10', '4000'],
  retry: ['0', '1', '3', '5000'],
  nb_get_retry: ['0', '3'],
  misc_timeout: ['0', '1', '10', '900'],
  misc_path: ['/bin/true', '"/bin/x \'a b\' c\\ d"', '"x $y"', '""'],
  user: ['root', 'nobody nogroup'],
  persistence_timeout: ['', '1', '300', '2678400', '0'],
  persistence_granularity: ['255.255.255.0', '255.0.255.0', '64', '0.0.0.0', '255.255.255.255'],
  persistence_engine: ['sip', 'other'],
  quorum: ['1', '3', '0'],
  hysteresis: ['0', '1', '3'],
  weight: ['0', '1', '10', '100', '70000'],
  uthreshold: ['0', '10', '4294967295'],
  lthreshold: ['0', '5', '20', '4294967295'],
  path: ['/', '/a?b=c', 'a.html', 'http://x/', '"/a b"'],
  digest: ['0123456789abcdef0123456789ABCDEF', '00'],
  status_code: ['200', '200-299 404', '99', '299-200'],
  virtualhost: ['www.example.com', 'www.example.com:443', '"a b"', 'exämple'],
  sni_name: ['www.example.com', 'exämple'],
  regex: ['"^a.*(b|c)$"', '"[x"', 'a', '"(?=a)"', '"[[:alpha:]]"', '"a{2,3}\\s+"', '"[^]a]"', '"{"'],
  regex_options: ['caseless', 'caseless dotall', 'multiline', 'utf'],
  helo_name: ['me', '"a b"'],
  type: ['A', 'SOA', 'RRSIG', 'txt'],
  name: ['.', 'www.example.com', 'a..b'],
  payload: ['00ff', '0', 'gg'],
  require_reply: ['', '4f4B', '4X', 'fX', 'XXXX41'],
  bind_if: ['eth0', 'a/b', 'abcdefghijklmnopq'],
  fwmark: ['0', '7', '4294967295'],
  connect_port: ['80', '0', '99999'],
  snmp_name: ['web', '"the web"', '"!"', 'exämple', 'x'.repeat(100)],
};
const PLACES = ['connect_ip', 'bindto', 'sorry_server'];

const junk = fc.constantFrom(...NUMBERS, ...ARGS, ...ADDRESSES);
const placed = fc.tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom(...PORTS)).map(([a, p]) => `${a} ${p}`);
const argument = (keyword: string): fc.Arbitrary<string> => {
  if (PLACES.includes(keyword)) return placed;
  const fitting = FITTING[keyword];
  return fitting ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...fitting) }, { weight: 1, arbitrary: junk }) : junk;
};

let comments = 0;
const line = (keyword: string) =>
  fc
    .tuple(argument(keyword), fc.boolean())
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
  const some = fc.array(fc.oneof(...each), { maxLength: 14 });
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
        told.every(({ outcome, texts }) => outcome === 'carried' || texts.length > 0),
        text,
      );
      const missing = (text.match(/# (c\d+\.)/g) ?? []).filter((one) => !yaml?.includes(one.slice(2)));
      assert.deepEqual(missing, [], `${text}\n----\n${yaml}`);
    }),
    { numRuns: Number(process.env.LBD_FUZZ ?? 1) * 100 },
  );
});
