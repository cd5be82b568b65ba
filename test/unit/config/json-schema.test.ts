/** The JSON Schema that editors get: of every key, with its sentence; what lbd takes it takes, and its defaults are those of lbd. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../../src/config/parse.js';
import { formatProblem } from '../../../src/config/problems.js';
import type { Config } from '../../../src/config/types.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const CONF = join(ROOT, 'conf');

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, Node>>;
}

const schema = JSON.parse(readFileSync(join(ROOT, 'dist/lbd.schema.json'), 'utf8')) as Node;
const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true, strictRequired: false, strictTypes: false });
const check = ajv.compile(schema);

/** Where the schema finds something wrong. */
function wrongIn(text: string): readonly string[] {
  check(parse(text));
  return [
    ...new Set(
      (check.errors ?? []).map(({ instancePath, params }) => [instancePath, params.additionalProperty].join(' ').trim()),
    ),
  ];
}

const optionsOf = { env: { WEIGHT: '5' }, hostname: 'd1' };
const configOf = (text: string): Config | undefined => parseConfig('f.yaml', text, optionsOf).config;

/**
 * Has one of everything that is a mapping, so that every default has a place; and what is told apart from its default, though it means
 * the same, is there.
 */
const EVERYTHING = `
global:
  router_id: d1
  control: {}
  http: { listen: "127.0.0.1:8405" }
  suspicion: {}
  peers: [ { name: d2, url: "https://192.0.2.3:8405" } ]
defaults: { check: {}, tun: {} }
kernel_settings: {}
virtual_servers:
  - name: web
    address: 192.0.2.10:80
    persistence: {}
    forward: tun
    tun: {}
    damping: {}
    min_healthy: 1
    sorry_server: { address: 10.0.0.9:80, tun: {} }
    check: {}
    checks: [ { type: https, method: GET, tls: {} }, { type: dns, name: a.example }, { type: smtp }, { type: script, command: [ /bin/true ] },
      { type: agent, port: 9, share: {} } ]
    real_servers: [ { address: 10.0.0.1:80, tun: {}, checks: [ { type: tcp } ] } ]
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    virtual_addresses: [ 192.0.2.10/24 ]
    announcements: { other_master: {} }
    unicast: { ttl: 255, peers: [ { address: 192.0.2.3 } ] }
    authentication: { type: hmac, keys: [ { id: 1, file: /etc/lbd/key } ] }
    notify: [ { command: [ /bin/true ] } ]
    track: { interfaces: [ { name: eth1 } ], scripts: [ { name: one } ], processes: [ { name: nginx } ], files: [ { path: /a } ],
      virtual_servers: [ { name: web } ] }
sync_groups: [ { name: SG, members: [ VI_1 ], track: {} } ]
scripts: [ { name: one, command: [ /bin/true ] } ]
`;

const SAMPLES = readdirSync(CONF).filter((one) => one.endsWith('.yaml'));

describe('every key', () => {
  test('has a text, and every text has a key', async () => {
    const tool: { describedSchema(): Promise<{ faults: readonly string[] }> } = await import(join(ROOT, 'test/tools/schema.mjs'));
    assert.deepEqual((await tool.describedSchema()).faults, []);
  });

  test('is told in whole sentences', () => {
    const walk = (node: Node, path: string): void => {
      for (const one of [...(node.anyOf ?? []), ...(node.items ? [node.items] : [])]) walk(one, path);
      for (const [key, value] of Object.entries(node.properties ?? {})) {
        assert.match(value.description ?? '', /^[A-Za-z0-9].{5,}[.:]\n\n\S.*$/, `${path}.${key}`);
        walk(value, `${path}.${key}`);
      }
    };
    walk(schema, '');
    walk(schema.definitions?.check as Node, 'check');
  });
});

describe('what lbd takes', () => {
  for (const name of SAMPLES) test(`conf/${name}`, () => assert.deepEqual(wrongIn(readFileSync(join(CONF, name), 'utf8')), []));

  const service = (text: string) => `virtual_servers: [ { name: web, address: "192.0.2.10:80", ${text} } ]`;
  const instance = (text: string) =>
    `vrrp_instances: [ { name: V, interface: eth0, virtual_router_id: 1, virtual_addresses: [ 192.0.2.10/24 ], ${text} } ]`;
  const GOOD = [
    EVERYTHING,
    'virtual_servers:\n  - name: w\n    address: 192.0.2.1:80\n    real_servers:\n      - address: 10.0.0.1\n        weight: $'.concat(
      '{WEIGHT}',
    ),
    service('real_servers: [ { address: "[2001:db8::1]:80", forward: tun }, { address: 10.0.0.1 } ]'),
    'virtual_servers: [ { name: a, address: [ "[2001:db8::10-1f]:80", "[2001:db8::20]:0" ], persistence: 5m }, { name: b, fwmark: 0x7 }, { name: c, fwmark: "8" } ]',
    service('persistence: 300, slow_start: 0, min_healthy: 2, damping: off, tun: { mss: 1400 }, forward: tun'),
    service('checks: [ { type: http, status: [ 200, 300-399 ], jitter: 5, timeout: 0.5s, headers: { X-A: b } } ]'),
    service('checks: [ { type: udp, send: a, silence: 0.5s }, { type: file, path: /a, share: { min: 10% } } ]'),
    instance('preempt: { delay: 60 }, use_vmac: true, witness: [ 192.0.2.1 ]'),
    instance('failback: { after: 1m }, announcements: { delay: off, interval: 1.5ms, verify: [ 192.0.2.1 ] }'),
    instance('version: 2, authentication: { type: pass, password: "1111" }, virtual_routes: [ { to: default, via: 192.0.2.1 } ]'),
    `kernel_settings: { sync_threshold: 3 50, sync_ports: "4", est_nice: -5, pmtu_disc: keep }\n${service('')}`,
    `include: conf.d/*.yaml\n${service('')}`,
  ];
  for (const text of GOOD)
    test(`it takes: ${text.trim().slice(0, 110)}`, () => {
      const { problems } = parseConfig('f.yaml', text, { ...optionsOf, readInclude: () => [] });
      assert.deepEqual(problems.filter(({ severity }) => severity === 'error').map(formatProblem), []);
      assert.deepEqual(wrongIn(text), []);
    });

  const server = 'virtual_servers/0';
  const BAD: readonly (readonly [text: string, ...places: readonly string[]])[] = [
    ['virtual_server: []', ' virtual_server'],
    [service('schedular: wrr'), `/${server} schedular`],
    [service('scheduler: wrrr'), `/${server}/scheduler`],
    [service('real_servers: [ { address: 10.0.0.1:80, weight: 65536 } ]'), `/${server}/real_servers/0/weight`],
    [service('real_servers: [ { weight: 1 } ]'), `/${server}/real_servers/0`],
    [service('real_servers: { address: 10.0.0.1 }'), `/${server}/real_servers`],
    [service('checks: [ { type: ping } ]'), `/${server}/checks/0/type`],
    [service('checks: [ { type: tcp, path: / } ]'), `/${server}/checks/0`],
    [service('checks: [ { type: dns } ]'), `/${server}/checks/0`],
    [service('check: { interval: soon }'), `/${server}/check/interval`],
    [service('check: { interval: 7200 }'), `/${server}/check/interval`],
    ['virtual_servers: [ { name: a b, address: 192.0.2.10 } ]', `/${server}/address`],
    [instance('priority: 256'), '/vrrp_instances/0/priority'],
    [instance('version: 4'), '/vrrp_instances/0/version'],
    [instance('preempt: maybe'), '/vrrp_instances/0/preempt'],
    ['global: { http: { listen: 127.0.0.1 } }', '/global/http/listen'],
    ['kernel_settings: { conntrack: 2 }', '/kernel_settings/conntrack'],
    ['connection_sync: {}', '/connection_sync'],
  ];
  for (const [text, ...places] of BAD)
    test(`it refuses, as lbd does: ${text.slice(0, 110)}`, () => {
      assert.equal(configOf(text), undefined);
      const found = wrongIn(text);
      for (const place of places) assert.ok(found.includes(place.trim()), `${place} is not among ${JSON.stringify(found)}`);
    });
});

describe('defaults', () => {
  /** What `defaults:` says is kept as it is written, for what lbctl adds; here counts what virtual servers have of it. */
  const effect = (config: Config | undefined) => ({ ...config, defaults: undefined });
  const usual = effect(configOf(EVERYTHING));
  const resolved = (node: Node): Node =>
    node.$ref?.startsWith('#/definitions/') ? (schema.definitions?.[node.$ref.slice('#/definitions/'.length)] as Node) : node;
  const shapesOf = (node: Node): readonly Node[] => [resolved(node), ...(resolved(node).anyOf ?? []).map(resolved)];
  const copy = (): unknown => parse(EVERYTHING);
  const at = (value: unknown, path: readonly (string | number)[]): Record<string, unknown> =>
    path.reduce((one, key) => (one as Record<string, unknown>)[key] as Record<string, unknown>, value as Record<string, unknown>);

  function* missing(node: Node, value: unknown, path: readonly (string | number)[]): Generator<readonly [typeof path, unknown]> {
    if (Array.isArray(value)) {
      for (const { items } of shapesOf(node))
        for (const [i, one] of value.entries()) if (items) yield* missing(items, one, [...path, i]);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    for (const { properties = {} } of shapesOf(node))
      for (const [key, below] of Object.entries(properties)) {
        if (key in value) yield* missing(below, (value as Record<string, unknown>)[key], [...path, key]);
        else if (below.default !== undefined) yield [[...path, key], below.default];
      }
  }

  const withOne = (path: readonly (string | number)[], value: unknown): string => {
    const changed = copy();
    at(changed, path.slice(0, -1))[path.at(-1) as string] = value;
    return stringify(changed);
  };
  // Not of a check of another type, which the schema knows.
  const cases = [...missing(schema, copy(), [])]
    .map(([path, value]) => ({ name: `${path.join('.')}: ${value}`, text: withOne(path, value) }))
    .filter(({ text }) => wrongIn(text).length === 0);

  test('there are many', () => assert.ok(cases.length > 120, `${cases.length}`));

  for (const { name, text } of cases)
    test(`${name} is what holds without it`, () => {
      const { config, problems } = parseConfig('f.yaml', text, optionsOf);
      const errors = problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
      assert.deepEqual(errors, []);
      assert.deepEqual(effect(config), usual);
    });
});
