/** Wrong configurations: each gets its sentence, at its place. `@` in the text marks the place that the first problem must name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/config/parse.js';
import { BAD_OPTIONS, refuses, server, service } from '../../fake/bad-config.js';

const check = (flow: string): string => service(`    checks:\n      - { ${flow} }\n`);
const instance = (lines: string): string =>
  `vrrp_instances:\n  - name: VI_1\n    interface: eth0\n    virtual_router_id: 51\n    virtual_addresses: [ 192.0.2.10/24 ]\n${lines}`;
const hmac = (keys: string, more = ''): string =>
  instance(`    authentication: { type: hmac, keys: ${keys}${more === '' ? '' : `, ${more}`} }\n`);
const director = (lines: string): string => `global: { ${lines} }\n${instance('')}`;
const both = (lines: string): string => instance(lines).replace('[ 192.0.2.10/24 ]', '[ 192.0.2.10/24, "2001:db8::1" ]');

const BAD: readonly (readonly [text: string, message: RegExp])[] = [
  ['', /nothing to do/],
  ['# only a comment\n', /nothing to do/],
  ['global: { router_id: d1 }\n', /nothing to do/],
  ['@virtual_server: []\n', /unknown key "virtual_server" in the file; did you mean "virtual_servers"/],
  ['virtual_servers: @7\n', /virtual_servers is a list, not 7/],
  ['virtual_servers:\n  - @web\n', /a virtual server is a mapping/],
  ['virtual_servers:\n  - @{ name: web }\n', /the virtual server web needs either "address" or "fwmark"/],
  [service('    @adress: 1\n'), /unknown key "adress" in a virtual server; did you mean "address"/],
  [service('    scheduler: @wlcc\n'), /"wlcc" is no scheduler; did you mean "wlc"/],
  [service('    forward: @nta\n'), /"nta" is no forwarding method; did you mean "nat"/],
  [service('    protocol: @icmp\n'), /"icmp" is no protocol/],
  [service('    slow_start: @500ms\n'), /slow_start: 500ms is too short for its steps/],
  [service('    on_failure: @drop\n'), /"drop" is no reaction to failure \(remove, quiesce\)/],
  ['virtual_servers:\n  - name: web\n    address: @192.0.2.10\n', /has no port: write 192\.0\.2\.10:80/],
  ['virtual_servers:\n  - name: web\n    address: @192.0.2.10:0\n', /port 0\) needs persistence/],
  ['virtual_servers:\n  - name: web\n    address: @192.0.2.256:80\n', /is no IPv4 address/],
  ['virtual_servers:\n  - name: web\n    address: @0.0.0.0:80\n', /0\.0\.0\.0 is no address of a host/],
  ['virtual_servers:\n  - name: web\n    address: @224.0.0.1:80\n', /is no unicast address/],
  ['virtual_servers:\n  - name: web\n    address: @2001:db8::1\n', /has no port: write \[2001:db8::1\]:80/],
  ['virtual_servers:\n  - name: @"we b"\n    address: 192.0.2.10:80\n', /is no name of a virtual server/],
  [
    'virtual_servers:\n  - { name: a, address: "192.0.2.10:80" }\n  - { name: @a, address: "192.0.2.11:80" }\n',
    /another virtual server named "a"/,
  ],
  [
    'virtual_servers:\n  - { name: a, address: "192.0.2.10:80" }\n  - { name: b, address: @"192.0.2.10:80" }\n',
    /tcp\/192\.0\.2\.10:80 is the address of "a" already/,
  ],
  [server('address: "10.0.0.1:80", weight: @70000'), /weight is a whole number from 0 to 65535, not 70000/],
  [server('address: "10.0.0.1:80", weight: @-1'), /weight is a whole number/],
  [server('address: "10.0.0.1:80", weight: @1.5'), /weight is a whole number/],
  [server('address: "10.0.0.1:80", weight: @heavy'), /weight is a whole number from 0 to 65535, not "heavy"/],
  [server('address: "10.0.0.1:80", lower: @5'), /lower \(5\) is above upper \(0\)/],
  [server('address: @"10.0.0.1:8080", forward: dr'), /dr does not change ports: port 8080 must be 80/],
  [server('address: @"10.0.0.1:8080", forward: tun'), /tun does not change ports/],
  [server('address: @"[2001:db8::1]:80"'), /2001:db8::1 is IPv6, the virtual server web IPv4/],
  [
    service('    real_servers:\n      - { address: "10.0.0.1:80" }\n      - { address: @"10.0.0.1:80" }\n'),
    /10\.0\.0\.1:80 is a real server of web already/,
  ],
  [server('address: "10.0.0.1:80", @wieght: 1'), /unknown key "wieght" in a real server; did you mean "weight"/],
  [service('    real_servers:\n      - @{ weight: 1 }\n'), /a real server needs "address"/],
  [check('type: @htpp'), /"htpp" is no check type; did you mean "http"/],
  [check('type: @bfd'), /bfd: this version of lbd does not have it yet/],
  [check('@type: script'), /a check of type script needs "command"/],
  [check('@type: udp'), /a check of type udp needs "send" or "send_hex"/],
  [check('@type: dns'), /a check of type dns needs "name"/],
  [check('@type: agent'), /a check of type agent needs "port"/],
  [check('@type: file'), /a check of type file needs "path"/],
  [check('type: dns, name: @"a b"'), /"a b" is no domain name/],
  [check(`type: dns, name: @${'a.'.repeat(128)}`), /is no domain name/],
  [check('type: dns, name: a, @answer: "2001:db8::1"'), /answer: "2001:db8::1" is no IPv4 address, and records of type A hold/],
  [check('type: dns, name: a, query: AAAA, @answer: b'), /answer: "b" is no IPv6 address/],
  [check(`type: udp, send: ${'x'.repeat(65_508)}`), /a datagram holds 65507 bytes at most, not 65508/],
  [check('type: dns, name: a, query: @AAA'), /"AAA" is no query; did you mean "AAAA"/],
  [check('type: tcp, send: a, @send_hex: "00"'), /either "send" or "send_hex"/],
  [check('type: udp, send_hex: @"0"'), /pairs of hexadecimal digits/],
  [check('type: tcp, regex: @"(a"'), /regex: \/\(a\/ is no regular expression/],
  [check('type: http, digest: @"md5:12"'), /neither md5: with 32/],
  [check('type: http, @method: HEAD, body: ok'), /an answer to HEAD has no body/],
  [check('type: http, @status: [ 204, 304 ], body: ok'), /an answer 204 or 304 has no body: nothing to search in it/],
  [check('type: http, method: POST, @headers: { Content-Length: "5" }'), /Content-Length: a probe sends no body/],
  [check('type: http, host: a, @headers: { host: b }'), /headers: Host is said by "host" already/],
  [check('type: tcp, @address: 0.0.0.0'), /address: 0\.0\.0\.0 is no address of a host/],
  [check('type: icmp, @address: "ff02::1"'), /address: ff02::1 is no address of a host/],
  [check('type: udp, send: x, @address: 255.255.255.255'), /is no address of a host/],
  [check('type: tcp, @source: "ff02::1"'), /source: ff02::1 is no address of a host/],
  [check('type: http, method: @GTE'), /"GTE" is no method; did you mean "GET"/],
  [check('type: http, @tls: {}'), /"tls" means nothing to a check of type http/],
  [check('type: tcp, @http2: true'), /"http2" means nothing to a check of type tcp/],
  [check('type: http, http2: @1'), /http2 is true or false, not 1/],
  [check('type: http, http2: true, @headers: { Connection: close }'), /headers: Connection cannot be sent in HTTP\/2/],
  [check('type: grpc, service: @""'), /service is empty/],
  [check('type: grpc, @path: /x'), /"path" means nothing to a check of type grpc/],
  [check('type: tcp, netns: @"a/b"'), /netns: "a\/b" is neither the name of a network namespace nor an absolute path/],
  [check('type: tcp, netns: @".."'), /netns: "\.\." is neither/],
  [check('type: file, path: /run/x, @netns: blue'), /"netns" means nothing to a check of type file/],
  [check('type: https, @tls: { certificate: /x }'), /a certificate needs its key/],
  [check('type: https, tls: { @verfy: true }'), /unknown key "verfy" in tls of a check; did you mean "verify"/],
  [check('type: tcp, jitter: @60%'), /"60%" is no share of the interval/],
  [
    server('address: @"10.0.0.1:80", checks: [ { type: tcp, source: "2001:db8::1" } ]'),
    /tcp check of 10\.0\.0\.1 \(IPv4\) cannot leave from 2001:db8::1: it is IPv6/,
  ],
  [check('type: tcp, source: @eth0'), /"eth0" is no IP address/],
  [check('type: script, command: @[]'), /command is an empty list/],
  [check('type: tcp, @path: /x'), /"path" means nothing to a check of type tcp/],
  [check('type: icmp, @port: 7'), /"port" means nothing to a check of type icmp/],
  [check('type: http, path: @healthz'), /path: "healthz" cannot be sent/],
  [check('type: http, status: [ @99 ]'), /"99" is no HTTP status/],
  [check('type: http, status: [ @300-200 ]'), /"300-200" is no HTTP status/],
  [check('type: tcp, interval: @fast'), /interval: "fast" is no duration/],
  [check('type: tcp, interval: @0s'), /interval: 0s is outside/],
  [check('type: tcp, fall: @0'), /fall is a whole number from 1 to 1000, not 0/],
  [service('    checks:\n      - @{ port: 80 }\n'), /a check needs "type"/],
  ['defaults: { @sheduler: rr }\n', /unknown key "sheduler" in defaults; did you mean "scheduler"/],
  ['@notifications: {}\n', /notifications: this version/],
  [director('http: @{}'), /http needs "listen"/],
  [director('http: { listen: @8405 }'), /"8405" is no ADDRESS:PORT: write 127.0.0.1:8405/],
  [director('http: { listen: @"127.0.0.1:0" }'), /is no ADDRESS:PORT/],
  [director('http: { listen: @[] }'), /listen is empty/],
  [director('http: { listen: ["127.0.0.1:1", @"127.0.0.1:1"] }'), /listen: 127.0.0.1:1 is there twice/],
  [director('http: @{ listen: "192.0.2.1:1" }'), /nobody may use the API \(192.0.2.1 can be reached from other hosts\)/],
  [director('http: @{ listen: "127.0.0.1:1", anonymous: none }'), /nobody may use the API: give it tokens/],
  [director('http: { listen: "127.0.0.1:1", anonymous: @change }'), /read/],
  [director('http: { listen: "127.0.0.1:1", tls: @{ certificate: /c } }'), /tls needs "key"/],
  [director('http: { listen: "127.0.0.1:1", tokens: [ @{ name: a, role: read } ] }'), /token a needs a file .* or its sha256/],
  [director('http: { listen: "127.0.0.1:1", tokens: [ { name: a, role: @write, file: /t } ] }'), /role/],
  [director('http: { listen: "127.0.0.1:1", tokens: [ { name: a, role: read, sha256: @abc } ] }'), /64 hexadecimal digits/],
  [director('peers: [ { name: a, url: @192.0.2.3 } ]'), /no address of the API: write https/],
  [director('peers: [ { name: a, url: @"https://u:p@h:1" } ]'), /url holds no password/],
  [director('peers: [ { name: a, url: @"https://h:1/api" } ]'), /ends with the port/],
  [director('peers: [ { name: a, url: "http://127.0.0.1:1", ca: @/c } ]'), /ca means nothing without https/],
  [director('peers: [ { name: a, url: "https://h:1", share: @true } ]'), /share makes changes there, and needs a token_file/],
  [director('peers: [ { name: a, url: "https://h:1" }, @{ name: a, url: "https://i:1" } ]'), /peers: a is there twice/],
  ['global: { state_dir: @lib }\n', /state_dir is an absolute path/],
  ['global: { on_stop: @flush }\n', /"flush" is no way to stop \(keep, remove\)/],
  ['@notifications: []\n', /notifications: this version/],
  [instance('    priority: @256\n'), /priority is a whole number from 1 to 255/],
  [instance('    version: @4\n'), /version is 2 or 3, not 4/],
  [instance('    version: 2\n    advert_interval: @500ms\n'), /VRRPv2 counts in whole seconds/],
  [instance('    advert_interval: @15ms\n'), /steps of 10ms/],
  [instance('    advert_interval: @60s\n'), /up to 40\.95s/],
  [
    instance('    @authentication: { type: pass, password: x }\n').replace('@authentication: {', 'authentication: @{'),
    /VRRPv3 has no password: sign the adverts/,
  ],
  [instance('    version: 2\n    authentication: { type: pass, password: @"123456789" }\n'), /more than 8 bytes/],
  [instance('    version: 2\n    authentication: { type: pass, password: @0123 }\n'), /write it in quotes/],
  [instance('    authentication: { type: @md5, password: x }\n'), /"md5" is no authentication type \(pass, hmac\)/],
  [instance('    authentication: { type: hmac, @password: x, keys: [ { id: 1, file: /k } ] }\n'), /unknown key "password"/],
  [hmac('@[]'), /keys is empty/],
  [hmac('[ { id: @0, file: /k } ]'), /id is a whole number from 1 to 255/],
  [hmac('[ { id: @256, file: /k } ]'), /id is a whole number from 1 to 255/],
  [hmac('[ { id: 1, file: @k } ]'), /file is an absolute path/],
  [hmac('[ @{ id: 1 } ]'), /a key needs "file"/],
  [hmac('[ { id: 1, @hex: "00", file: /k } ]'), /unknown key "hex" in a key/],
  [hmac('[ { id: 1, file: /k }, @{ id: 1, file: /l } ]', 'active_key: 1'), /key 1 is there twice/],
  [hmac('[ { id: 1, file: /k }, @{ id: 2, file: /k } ]', 'active_key: 1'), /key 2 has the file of key 1/],
  [
    instance('    authentication: @{ type: hmac, keys: [ { id: 1, file: /k }, { id: 2, file: /l } ] }\n'),
    /active_key: which of the keys 1, 2 are adverts signed with/,
  ],
  [hmac('[ { id: 1, file: /k } ]', 'active_key: @2'), /there is no key 2/],
  [hmac('[ { id: 1, file: /k } ]', 'mode: @receive-only'), /"receive-only" is no mode; did you mean "receive_only"/],
  [hmac('[ { id: 1, file: /k } ]', 'time_window: @500ms'), /outside 1000ms to 300s/],
  [hmac('[ { id: 1, file: /k } ]', 'time_window: @301s'), /outside 1000ms to 300s/],
  [hmac('[ { id: 1, file: /k } ]', 'time_window: @1500ms'), /whole seconds/],
  [hmac('[ { id: 1, file: /k } ]', 'anti_replay: monotonic, time_window: @5s'), /does not compare clocks/],
  [`global: { control: { socket: @/${'x'.repeat(107)} } }\n`, /at most 107 bytes, not 108/],
  [
    'virtual_servers: [ { name: a, address: [ "192.0.2.1:80", "192.0.2.1:443" ], real_servers: [ { address: @10.0.0.1 } ] } ]\n',
    /with nat every port \(80, 443\) goes to one port/,
  ],
  [
    'virtual_servers: [ { name: a, address: [ "192.0.2.1:443", "192.0.2.2:8443" ], real_servers: [ { address: "10.0.0.2:8443" }, { address: @"10.0.0.2:443", forward: dr } ] } ]\n',
    /are one real server to the kernel: dr does not change ports/,
  ],
  [instance('    unicast: @{ source: 192.0.2.2 }\n'), /unicast needs "peers"/],
  [instance('    unicast: { peers: @[] }\n'), /unicast needs at least one peer/],
  [instance('    unicast: { peers: [ @224.0.0.18 ] }\n'), /224\.0\.0\.18 is a group: unicast names hosts/],
  [instance('    unicast: { peers: [ @"2001:db8::3" ] }\n'), /2001:db8::3 is no IPv4 address: adverts of this instance are IPv4/],
  [instance('    unicast: { peers: [ 192.0.2.3, @192.0.2.3 ] }\n'), /192\.0\.2\.3 is listed twice/],
  [instance('    unicast: { peers: [ @192.0.2.10 ] }\n'), /192\.0\.2\.10 is a virtual address of this instance/],
  [instance('    unicast: { source: 192.0.2.2, peers: @[ 192.0.2.2 ] }\n'), /the only peer is this director itself/],
  [instance('    unicast: { peers: [ @{ address: 192.0.2.3, min_ttl: 9, max_ttl: 8 } ] }\n'), /min_ttl is above max_ttl/],
  [instance('    unicast: { peers: [ 192.0.2.3 ] }\n    use_vmac: @true\n'), /use_vmac is for adverts to the group/],
  [instance('    failback: @later\n'), /"later" is no failback/],
  [instance('    failback: @when_synced\n'), /when_synced without connection_sync/],
  [instance('    failback: { after: @25h }\n'), /after: 25h is outside/],
  [instance('    preempt: true\n    failback: @never\n'), /leave one of them out/],
  [instance('    preempt: false\n    failback: @immediate\n'), /leave one of them out/],
  [instance('    preempt: true\n    failback: @{ after: 60s }\n'), /takes over at once, failback: \{ after: 1m \} does not/],
  [instance('    preempt: { delay: 5s }\n    failback: @{ after: 60s }\n'), /are two times for one thing/],
  [instance('    priority: 255\n    failback: @never\n'), /the owner of its addresses \(priority 255\) always takes over/],
  [instance('    preempt: @later\n'), /preempt is true, false or \{ delay: 60s \}/],
  [instance('').replace('51', '@300'), /virtual_router_id is a whole number from 1 to 255/],
  [instance('').replace('192.0.2.10/24', '@192.0.2.10/33'), /is no address with an optional prefix length/],
  [both('    version: @2\n'), /VRRPv2 has no IPv6: this instance needs version: 3/],
  [both('    use_vmac: @{ name: vip }\n'), /vip cannot be of both families/],
  [both('    unicast: { peers: @[ 192.0.2.3 ] }\n'), /has IPv6 addresses and no IPv6 peer/],
  [both('    unicast: { peers: [ 192.0.2.3, "2001:db8::3", @"2001:db8::3" ] }\n'), /2001:db8::3 is listed twice/],
  [both('    advert_interval: @15ms\n'), /steps of 10ms/],
  [
    `${both('')}  - { name: VI_2, interface: eth0, virtual_router_id: @51, virtual_addresses: [ "2001:db8::9" ] }\n`,
    /virtual_router_id 51 is used by VI_1\/ipv6 already/,
  ],
  [instance('').replace('[ 192.0.2.10/24 ]', '@[ 192.0.2.10/24, 192.0.2.10/24 ]'), /listed twice/],
  [instance('    accept: @false\n').replace('[ 192.0.2.10/24 ]', '[]'), /there is no address that it could close/],
  [instance('    notify: [ @{ states: [ master ] } ]\n'), /a program to notify needs "command"/],
  [instance('    notify: [ { command: @[] } ]\n'), /command is empty/],
  [instance('    notify: [ { command: @[ notify.sh ] } ]\n'), /is an absolute path, not "notify\.sh"/],
  [instance('    notify: [ { command: [ /n ], states: [ @primary ] } ]\n'), /"primary" is no state/],
  [instance('    use_vmac: @maybe\n'), /use_vmac is true, false or \{ name: vrrp\.51 \}/],
  [instance('    use_vmac: @{ name: eth0 }\n'), /eth0 is the interface of the instance itself/],
  [
    `${instance('    use_vmac: true\n')}  - { name: VI_2, interface: eth1, virtual_router_id: 51, virtual_addresses: [ 192.0.2.11 ], use_vmac: @true }\n`,
    /vrrp\.51 is the interface of VI_1 already/,
  ],
  [instance('    virtual_routes: [ { to: @198.51.100.1/24 } ]\n'), /has bits beyond its length of 24: write the network/],
  [
    instance('    virtual_routes: [ { to: 198.51.100.0/24, via: @"2001:db8::1" } ]\n'),
    /is of another family than 198\.51\.100\.0\/24/,
  ],
  [
    instance('    virtual_routes: [ { to: default }, @{ to: 0.0.0.0/0 } ]\n'),
    /the route to 0\.0\.0\.0\/0 in table 254 is listed twice/,
  ],
  [instance('    virtual_routes: [ @{ via: 192.0.2.1 } ]\n'), /a virtual route needs "to"/],
  [instance('    virtual_rules: [ @{ table: 7 } ]\n'), /a virtual rule needs "priority"/],
  [instance('    virtual_rules: [ { table: 7, priority: @32766 } ]\n'), /priority is a whole number from 1 to 32765/],
  [
    instance('    virtual_rules: [ { table: 7, priority: 9, family: ipv6, from: @10.0.0.0/8 } ]\n'),
    /from 10\.0\.0\.0\/8 is no network of the rule's family \(IPv6\)/,
  ],
  [instance('    accept: @maybe\n'), /accept is true or false, not "maybe"/],
  [instance('    priority: 255\n    accept: @false\n'), /the address owner \(priority 255\) accepts packets/],
  [
    instance(
      '    accept: false\n    virtual_routes: [ { to: "2001:db8:1::/48", via: "2001:db8::1", source: @"2001:db8::9" } ]\n',
    ).replace('[ 192.0.2.10/24 ]', '[ 192.0.2.10/24, "2001:db8::9" ]'),
    /sends from 2001:db8::9 would come to an address that accept: false closes/,
  ],
  [
    instance('    accept: false\n    virtual_routes: [ { to: 203.0.113.0/24, via: 192.0.2.1, source: @192.0.2.10 } ]\n'),
    /answers to what this director sends from 192\.0\.2\.10 would come to an address that accept: false closes/,
  ],
  [instance('    unicast: { peers: [ 192.0.2.3 ], ttl: @0 }\n'), /ttl is a whole number from 1 to 255, not 0/],
  [instance('    excluded_addresses: @[ 192.0.2.10 ]\n'), /192\.0\.2\.10\/32 is in virtual_addresses already/],
  [instance('    excluded_addresses: [ @{ label: a } ]\n'), /a virtual address needs "address"/],
  [instance('    excluded_addresses: [ { address: 192.0.2.11, label: @eth0:much-too-long } ]\n'), /is no label of an address/],
  [instance('    excluded_addresses: [ @{ address: "2001:db8::1", label: a } ]\n'), /only an IPv4 address has a label/],
  [instance('    excluded_addresses: [ { address: 192.0.2.11, scope: @local } ]\n'), /"local" is no scope/],
  [instance('    excluded_addresses: [ { address: 192.0.2.11, interface: @"a b" } ]\n'), /is no interface name/],
  [instance('').replace('eth0', '@a-very-long-interface'), /is no interface name/],
  [instance('    version: @2\n').replace('192.0.2.10/24', '"2001:db8::1"'), /VRRPv2 has no IPv6/],
  [
    `${instance('')}  - { name: VI_2, interface: eth0, virtual_router_id: @51, virtual_addresses: [ 192.0.2.11 ] }\n`,
    /virtual_router_id 51 is used by VI_1 already \(IPv4 on eth0\); 52 is free in this file/,
  ],
  [
    `${instance('')}  - { name: VI_2, interface: eth0, virtual_router_id: 52, virtual_addresses: @[ 192.0.2.10 ] }\n`,
    /is a virtual address of VI_1 already/,
  ],
  ['virtual_servers: []\n@virtual_servers: []\n', /"virtual_servers" is written twice/],
  ['virtual_servers: [ @\n', /./],
  [`virtual_servers:\n  - name: @\${LBD_NOT_SET}\n    address: 192.0.2.10:80\n`, /environment variable LBD_NOT_SET is not set/],
  [
    `virtual_servers:\n  - name: @\${X-y}\n    address: 192.0.2.10:80\n`,
    /\$\{X-y\} is no variable: write \$\{NAME\} or \$\{NAME:-default\}/,
  ],
  [`virtual_servers:\n  - { name: web, priority: $@{X} }\n`, /in quotes, and is a text then: write the entry line by line/],
  ['virtual_servers: @*none\n', /\*none: no anchor &none stands before it/],
  [`${service('')}@---\nglobal: {}\n`, /a second document begins here/],
  [instance('    preempt: { delay: @1001s }\n'), /delay: 1001s is outside/],
  [
    instance('    preempt: { @dealy: 5s }\n').replace('dealy: 5s', 'delay: 1s, @dealy: 5s').replace('@', ''),
    /unknown key "dealy" in preempt/,
  ],
  [instance('    version: 2\n    v3_checksum: @rfc9568\n'), /v3_checksum means nothing here: VRRPv2 has one form/],
  [instance('').replace('VI_1', '@auto'), /"auto" is a word of follow/],
  [instance('').replace('eth0', '@eth0:1'), /is no interface name/],
  [instance('').replace('eth0', '@".."'), /is no interface name/],
  [instance('').replace('192.0.2.10/24', '@127.0.0.1/8'), /no other host can reach it/],
  [instance('').replace('192.0.2.10/24', '@192.0.2.10/0'), /would make every address a neighbour/],
  [instance('').replace('192.0.2.10/24', '@192.0.2.0/24'), /is the network itself/],
  [instance('').replace('192.0.2.10/24', '@192.0.2.255/24'), /is the broadcast address/],
  ['include: [ @nowhere.yaml ]\n', /include: there is no nowhere\.yaml/],
];

const options = BAD_OPTIONS;

refuses('wrong configurations', BAD);

test('every error of syntax is told, each at its place', () => {
  const { problems } = parseConfig('f.yaml', 'a: @x\nb: 1\nb: 2\nc: [ 1\nd: "x\n', BAD_OPTIONS);
  assert.deepEqual(
    problems.map(({ line, column }) => [line, column]),
    [
      [1, 4],
      [3, 1],
      [4, 4],
      [5, 4],
    ],
  );
});

test('all problems come in one run, in the order of the text', () => {
  const { problems } = parseConfig('f.yaml', service('    scheduler: wlcc\n    forward: x\n    slow_start: soon\n'), options);
  assert.deepEqual(
    problems.filter((one) => one.severity === 'error').map((one) => one.line),
    [4, 5, 6],
  );
});

test('warnings do not refuse: no check, no carrier, no real server', () => {
  const text = `${server('address: "10.0.0.1:80"')}  - { name: idle, address: "192.0.2.77:80" }\n${instance('')}`;
  const { config, problems } = parseConfig('f.yaml', text, options);
  assert.ok(config);
  assert.deepEqual(
    problems.map((one) => one.severity),
    ['warning', 'warning', 'warning'],
  );
  assert.match(
    problems.map((one) => one.message).join('\n'),
    /10\.0\.0\.1:80 of web has no check[\s\S]*idle has no real server[\s\S]*no VRRP instance carries 192\.0\.2\.77/,
  );
});

test('the environment fills in, and a plain scalar is typed again', () => {
  const text = service(`    real_servers:\n      - address: "\${RS}:80"\n        weight: \${W:-7}\n`);
  const { config } = parseConfig('f.yaml', text, { env: { RS: '10.0.0.5' } });
  assert.deepEqual(
    config?.virtualServers[0]?.realServers.map((one) => [one.address, one.weight]),
    [['10.0.0.5', 7]],
  );
});

test('an empty variable has the default too', () => {
  const text = service(`    scheduler: \${S:-mh}\n`);
  assert.equal(parseConfig('f.yaml', text, { env: { S: '' } }).config?.virtualServers[0]?.scheduler, 'mh');
});

test('a file that is found under another name is the same file', () => {
  const first = { file: 'f.yaml', text: `include: "*.yaml"\n${service('')}` };
  const readInclude = () => [{ ...first, file: '/etc/f.yaml' }];
  const identify = (file: string) => file.replace('/etc/', '');
  const { config, problems } = parseConfig(first.file, first.text, { ...options, readInclude, identify });
  assert.equal(config?.virtualServers.length, 1, JSON.stringify(problems));
});

test('what is wrong in an include is told beside what is wrong in the file', () => {
  const readInclude = () => [{ file: 'b.yaml', text: service('    scheduler: wlcc\n') }];
  const { problems } = parseConfig('f.yaml', `include: b.yaml\nglobal: { on_stop: maybe }\n`, { ...options, readInclude });
  assert.deepEqual(problems.map((one) => one.file).sort(), ['b.yaml', 'f.yaml']);
});

test('includes are merged, and a file is read once', () => {
  const files: Record<string, string> = { 'a.yaml': `include: f.yaml\n${service('')}`, 'b.yaml': instance('') };
  const readInclude = (pattern: string) =>
    pattern === 'f.yaml' ? [{ file: 'f.yaml', text: '' }] : Object.entries(files).map(([file, text]) => ({ file, text }));
  const { config } = parseConfig('f.yaml', 'include: [ "*.yaml" ]\n', { ...options, readInclude });
  assert.equal(config?.virtualServers.length, 1);
  assert.equal(config?.vrrpInstances.length, 1);
});

test('a mapping given twice over the includes is an error that names the other file', () => {
  const readInclude = () => [{ file: 'b.yaml', text: 'global: { router_id: x }\n' }];
  const { problems } = parseConfig('f.yaml', `include: b.yaml\nglobal: { router_id: y }\n${service('')}`, {
    ...options,
    readInclude,
  });
  assert.match(problems[0]?.message ?? '', /global is already given in f\.yaml/);
});

const GOOD = `${service('    scheduler: wrr\n    checks: [ { type: http, path: /x } ]\n    real_servers:\n      - { address: "10.0.0.1:80", weight: 3 }\n')}${instance('    priority: 150\n')}`;

test('no text makes the parser throw, whatever is cut out of it or put into it', () => {
  assert.ok(parseConfig('f.yaml', GOOD, options).config);
  const mutated = fc
    .tuple(
      fc.nat(GOOD.length),
      fc.nat(12),
      fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('- ', ': ', '{', '&a ', '*a', '\t', '|\n', '!!map ', '<<: ')),
    )
    .map(([at, cut, put]) => GOOD.slice(0, at) + put + GOOD.slice(at + cut));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ maxLength: 200 })), (text) => {
      const { config, problems } = parseConfig('f.yaml', text, options);
      assert.equal(
        config === undefined,
        problems.some((one) => one.severity === 'error'),
      );
      for (const one of problems) assert.ok(one.message.length > 0);
    }),
    { numRuns: 400 },
  );
});

test('a duration with a fraction is what it says', () => {
  const text = instance('    advert_interval: 16.1s\n').replace('@', '');
  const { config, problems } = parseConfig('f.yaml', text, { env: {} });
  assert.deepEqual(problems, []);
  assert.equal(config?.vrrpInstances[0]?.advertInterval, 16_100);
});

test('includes without end are refused, none is left out silently', () => {
  let count = 0;
  const readInclude = () => [{ file: `${count}.yaml`, text: `include: [ "${++count}" ]\n` }];
  const { config, problems } = parseConfig('f.yaml', 'include: [ "0" ]\n', { env: {}, readInclude });
  assert.equal(config, undefined);
  assert.match(problems[0]?.message ?? '', /more than 10000 files/);
});

// ---- what no hand wrote --------------------------------------------------------------------------------------------------------

const MANY = 20_000;
const aliases = (depth: number): string =>
  Array.from(
    { length: depth },
    (_, i) =>
      `a${i}: &a${i} [ ${
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*a${i - 1}`)
              .join(', ')
      } ]\n`,
  ).join('');

const MADE: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  'a list in a list in a list': [`virtual_servers: ${'['.repeat(MANY)}${']'.repeat(MANY)}`, /nested far too deep/],
  'lists that never end': ['['.repeat(MANY), /a \[ begins here/],
  'entries in entries': ['- '.repeat(MANY), /nested far too deep/],
  'mappings in mappings': [`a: ${'{ a: '.repeat(MANY)}1${' }'.repeat(MANY)}`, /nested far too deep/],
  'aliases of aliases': [aliases(10), /far more of it than is written/],
  'quotes alone': ['"'.repeat(MANY), /does not belong here/],
};

for (const [name, [text, message]] of Object.entries(MADE)) {
  test(`${name}: one sentence, at a place`, () => {
    const { problems } = parseConfig('f.yaml', text, options);
    assert.match(problems[0]?.message ?? '', message);
    assert.deepEqual([problems.length, (problems[0]?.line ?? 0) > 0, (problems[0]?.source.length ?? 0) < 1000], [1, true, true]);
  });
}

test('of a file of another kind not every line is told', () => {
  const text = Array.from({ length: 1000 }, (_, i) => `key${i}: 1\n`).join('');
  const { problems } = parseConfig('f.yaml', text, options);
  assert.equal(problems.length, 201);
  assert.equal(problems.at(-1)?.message, 'and 800 more errors');
});
