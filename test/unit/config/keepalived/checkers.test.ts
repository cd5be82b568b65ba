/** Checkers -> checks: what each of their lines becomes, and their times. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { imported, notesOf, yamlOf } from '../../../fake/imported.js';

const service = (checks: string, more = '', server = ''): string =>
  `virtual_server 192.0.2.10 80 {\nalpha\nprotocol TCP\ndelay_loop 6\nconnect_timeout 3\ndelay_before_retry 3\n${more}\nreal_server 10.0.0.21 80 {\n${server}\n${checks}\n}\n}\n`;
const noted = (text: string): string[] => notesOf(imported(text)).filter((line) => !line.startsWith('no_effect alpha'));

/** The text of checks: on one line each, without dashes. */
function checksOf(text: string): string[] {
  const yaml = yamlOf(text);
  const part = yaml.slice(yaml.indexOf('    checks:') + 11, yaml.indexOf('    real_servers:'));
  const line = part.replace(/\n {8,}/g, ' ').replace(/\n\s*- /g, '\n');
  return line
    .split(/\n|\{ (?=type)/)
    .map((one) => one.replace(/^[\s[]*|[\s\]},]*$/g, '').replace(/^type: /, ''))
    .filter((one) => one !== '' && !one.startsWith('#'));
}
const timesOf = (text: string): string => /check: \{ (.*) \}/.exec(yamlOf(text))?.[1] ?? '';

function becomes(what: string, checks: string, expected: readonly string[], notes: readonly RegExp[] = [], more = ''): void {
  test(what, () => {
    const text = service(checks, more);
    assert.deepEqual(checksOf(text), expected);
    const told = noted(text);
    assert.equal(told.length, notes.length, told.join('\n'));
    for (const [i, note] of notes.entries()) assert.match(told[i] as string, note);
  });
}

describe('each kind', () => {
  becomes('TCP_CHECK', 'TCP_CHECK {\n}', ['tcp']);
  becomes('PING_CHECK', 'PING_CHECK {\nconnect_ip 10.0.0.22\n}', ['icmp, address: 10.0.0.22']);
  becomes(
    'PING_CHECK without ports and marks',
    'PING_CHECK {\nconnect_port 80\nbind_port 9\nfwmark 7\n}',
    ['icmp'],
    [
      /no_effect connect_port 80: an echo request has no port/,
      /no_effect bind_port 9/,
      /no_effect fwmark 7: keepalived does not mark/,
    ],
  );
  becomes(
    'how a probe leaves',
    'TCP_CHECK {\nconnect_ip 10.0.0.22\nconnect_port 8080\nbindto 10.0.0.1\nbind_if eth1\nfwmark 7\n}',
    ['tcp, address: 10.0.0.22, port: 8080, source: 10.0.0.1, interface: eth1, fwmark: 7'],
  );
  becomes(
    'what lbd has not of it',
    'TCP_CHECK {\nbind_port 99\nbindto 2001:db8::1\nfwmark 0\n}',
    ['tcp'],
    [/refused bind_port 99/, /refused bindto 2001:db8::1: .*another family/],
  );
  becomes('SMTP_CHECK', 'SMTP_CHECK {\n}', ['smtp, helo: smtpchecker.keepalived.org']);
  becomes('its hosts', 'SMTP_CHECK {\nhelo_name me\nhost {\nconnect_ip 10.0.0.1\n}\nhost {\nconnect_port 26\n}\n}', [
    'smtp, helo: me, address: 10.0.0.1',
    'smtp, helo: me, port: 26',
  ]);
  becomes('UDP_CHECK', 'UDP_CHECK {\n}', ['udp, send: lbd, silence: 2700ms']);
  becomes('a payload and any answer', 'UDP_CHECK {\npayload 00FF\nrequire_reply\n}', ['udp, send_hex: 00ff']);
  becomes('an answer with wildcards', 'UDP_CHECK {\npayload 01\nrequire_reply 4f4B5XXX\n}', [
    'udp, regex: "^\\\\x4F\\\\x4B[\\\\x50-\\\\x5F][^]", send_hex: "01"',
  ]);
  becomes(
    'an answer that is no text',
    'UDP_CHECK {\nrequire_reply 80\nmin_reply_length 3\n}',
    ['udp, send: lbd'],
    [/refused require_reply 80: .*an answer is required, whatever it says/, /refused min_reply_length 3/],
  );
  becomes('MISC_CHECK', 'MISC_CHECK {\nmisc_path "/bin/x -a \'b c\' d\\\\ e"\nuser nobody\n}', [
    'script, command: [ /bin/x, -a, b c, d e ], user: nobody',
  ]);
  becomes(
    'what looks like a shell',
    'MISC_CHECK {\nmisc_path "/bin/x | cat"\nuser nobody\n}',
    ['script, command: [ /bin/x, "|", cat ], user: nobody'],
    [/changed misc_path \/bin\/x \| cat: keepalived gives it to no shell: the program gets \| like any other word/],
  );
  becomes(
    'its user',
    'MISC_CHECK {\nmisc_path /bin/x\n}',
    ['script, command: [ /bin/x ], user: root'],
    [/changed MISC_CHECK: .*keepalived_script/],
  );
  becomes(
    'its group',
    'MISC_CHECK {\nmisc_path /bin/x\nuser nobody nogroup\n}',
    ['script, command: [ /bin/x ], user: nobody'],
    [/changed user nobody nogroup: .*not with nogroup/],
  );
  becomes(
    'without a program',
    'TCP_CHECK {\n}\nMISC_CHECK {\nuser nobody\n}',
    ['tcp'],
    [/no_effect MISC_CHECK: .*no misc_path/, /no_effect user nobody/],
  );
  becomes(
    'FILE_CHECK and BFD_CHECK',
    'TCP_CHECK {\n}\nFILE_CHECK {\ntrack_file f\n}\nBFD_CHECK {\nname b\n}',
    ['tcp'],
    [/refused FILE_CHECK: .*reads words/, /refused track_file f/, /refused BFD_CHECK: .*no BFD/, /refused name b/],
  );
});

describe('DNS_CHECK', () => {
  const dns = (lines: string): string[] => checksOf(service(`DNS_CHECK {\n${lines}\n}`));
  test('name and type', () => {
    assert.deepEqual(dns(''), ['dns, name: ., query: SOA']);
    assert.deepEqual(dns('name www.example.com\ntype a'), ['dns, name: www.example.com, query: A']);
  });
  test('what lbd does not ask for', () => {
    assert.deepEqual(dns('type RRSIG'), ['dns, name: ., query: SOA']);
    assert.match(noted(service('DNS_CHECK {\ntype DNSKEY\n}')).join('\n'), /refused type DNSKEY/);
  });
});

test('misc_dynamic: the weight itself, where it is 100', () => {
  const misc = 'MISC_CHECK {\nmisc_path /bin/x\nuser nobody\nmisc_dynamic\n}';
  assert.deepEqual(checksOf(service(misc)), ['script, command: [ /bin/x ], user: nobody, weight: true']);
  assert.match(noted(service(misc)).join('\n'), /changed misc_dynamic: .*so many percent of the weight, less 2/);
  assert.deepEqual(noted(service(misc, '', 'weight 100')), []);
});

describe('HTTP_GET and SSL_GET', () => {
  const url = (lines: string, kind = 'HTTP_GET', more = ''): string => `${kind} {\n${more}\nurl {\n${lines}\n}\n}`;
  becomes('path, digest and status', url('path /a\ndigest 0123456789ABCDEF0123456789abcdef\nstatus_code 200 300-399'), [
    'http, path: /a, status: [ 200, 300-399 ], digest: md5:0123456789abcdef0123456789abcdef',
  ]);
  becomes(
    'each url is a check',
    'HTTP_GET {\nurl {\npath /a\n}\nurl {\npath /b\n}\n}',
    ['http, path: /a', 'http, path: /b'],
    [/changed HTTP_GET: each url is a check of its own/],
  );
  becomes('a path without its slash', url('path index.html'), ['http, path: /index.html'], [/changed path index\.html/]);
  becomes(
    'no path that can be asked for',
    `${url('path "/a b"')}\nTCP_CHECK {\n}`,
    ['tcp'],
    [/refused url/, /refused path \/a b/],
  );
  becomes('no url', 'HTTP_GET {\n}\nTCP_CHECK {\n}', ['tcp'], [/no_effect HTTP_GET: .*no url/]);
  becomes(
    'what does not matter',
    url('path /\nregex_stack 1 2', 'HTTP_GET', 'http_protocol 1.0C\nfast_recovery'),
    ['http, path: /'],
    [/no_effect http_protocol/, /no_effect fast_recovery/, /no_effect regex_stack/],
  );
  becomes(
    'one deadline',
    url('path /', 'HTTP_GET', 'connect_timeout 3'),
    ['http, path: /'],
    [/changed connect_timeout 3: .*whole probe/],
  );
  becomes(
    'regex',
    url('path /\nregex "^OK.*(a|b)$"\nregex_options dotall dollar_endonly'),
    ['http, path: /, regex: "^OK[^]*(?:a|b)$$"'],
    [/changed regex .*in lbd's expressions/],
  );
  becomes('regex that lbd has not', url('path /\nregex "(?=a)b"'), ['http, path: /'], [/refused regex .*linear time/]);
  becomes(
    'regex_no_match',
    url('path /\nregex error\nregex_no_match'),
    ['http, path: /'],
    [/refused regex error/, /refused regex_no_match/],
  );

  test('the host: of the url, the checker, the real server, the virtual server', () => {
    const host = (...[ofUrl, ofChecker, ofServer, ofService]: readonly boolean[]): string | undefined => {
      const say = (name: string, is: boolean | undefined): string => (is ? `virtualhost ${name}` : '');
      const get = url(`path /\n${say('url', ofUrl)}`, 'HTTP_GET', say('checker', ofChecker));
      return /host: (\w+)/.exec(yamlOf(service(get, say('service', ofService), say('server', ofServer))))?.[1];
    };
    assert.equal(host(true, true, true, true), 'url');
    assert.equal(host(false, true, true, true), 'checker');
    assert.equal(host(false, false, true, true), 'server');
    assert.equal(host(false, false, false, true), 'service');
    assert.equal(host(false, false, false, false), undefined);
  });

  test('TLS: no certificate is verified, a name is asked for where keepalived does', () => {
    const tls = (checker: string, more = '', server = ''): string | undefined =>
      /tls: \{ (.*?) \}/.exec(yamlOf(service(url('path /', 'SSL_GET', checker), more, server)))?.[1];
    assert.equal(tls(''), 'verify: false');
    assert.equal(tls('enable_sni\nvirtualhost www.example.com:443'), 'verify: false, sni: www.example.com');
    assert.equal(tls('sni_name a.example.com'), 'verify: false, sni: a.example.com');
    assert.equal(
      tls('enable_sni', 'virtualhost b.example.com', 'virtualhost c.example.com'),
      'verify: false, sni: b.example.com',
    );
    assert.match(
      noted(service(url('path /', 'SSL_GET', 'virtualhost x'))).join('\n'),
      /changed SSL_GET: .*SNI.*keepalived for none/,
    );
  });

  test('the SSL block: for all SSL_GET', () => {
    const block = (lines: string): string => `SSL {\n${lines}\n}\n${service(url('path /', 'SSL_GET'))}`;
    const both = block('certificate /etc/c.pem\nkey /etc/k.pem\nca /etc/ca.pem\npassword secret');
    assert.match(yamlOf(both), /tls: \{ verify: false, certificate: \/etc\/c\.pem, key: \/etc\/k\.pem \}/);
    assert.match(noted(both).join('\n'), /no_effect ca .*never verifies/);
    const alone = block('certificate /etc/c.pem');
    assert.match(noted(alone).join('\n'), /refused certificate \/etc\/c\.pem: a certificate needs its key/);
  });
});

describe('times', () => {
  const TCP = 'TCP_CHECK {\n}';
  const bare = (checks: string, more = '', server = ''): string =>
    service(checks, more, server).replace('delay_loop 6\nconnect_timeout 3\ndelay_before_retry 3\n', '');

  test('the nearest level counts', () => {
    assert.equal(timesOf(service(TCP)), 'interval: 6s, interval_changing: 3s, timeout: 3s, fall: 2');
    assert.match(timesOf(service(TCP, '', 'delay_loop 9\nretry 4')), /interval: 9s.*fall: 5/);
    assert.match(
      timesOf(service('TCP_CHECK {\nretry 0\ndelay_loop 2\nconnect_timeout 1\n}', 'retry 7', 'retry 4')),
      /^interval: 2s, timeout: 1s, fall: 1$/,
    );
  });
  test('what nobody says', () => {
    assert.equal(timesOf(bare(TCP)), 'interval: 1m, interval_changing: 1s, timeout: 5s, fall: 2');
    assert.equal(timesOf(bare('HTTP_GET {\nurl {\npath /\n}\n}')), 'interval: 1m, interval_changing: 3s, timeout: 5s, fall: 2');
    assert.equal(timesOf(bare('DNS_CHECK {\n}')), 'interval: 1m, timeout: 5s, fall: 4');
    assert.equal(timesOf(bare('MISC_CHECK {\nmisc_path /x\n}')), 'interval: 1m, timeout: 1m, fall: 1');
    assert.equal(
      timesOf(bare('MISC_CHECK {\nmisc_path /x\nmisc_timeout 9\n}', 'delay_loop 20')),
      'interval: 20s, timeout: 9s, fall: 1',
    );
  });
  test('a deadline may be longer than the interval, said or not', () => {
    assert.equal(timesOf(bare(TCP, 'delay_loop 2')), 'interval: 2s, interval_changing: 1s, timeout: 5s, fall: 2');
    const long = bare(TCP, 'delay_loop 2\nconnect_timeout 4');
    assert.equal(timesOf(long), 'interval: 2s, interval_changing: 1s, timeout: 4s, fall: 2');
    assert.doesNotMatch(noted(long).join('\n'), /delay_loop/);
  });
  test('a failed probe is repeated after a time of its own', () => {
    const text = service(TCP, 'delay_before_retry 1');
    assert.match(timesOf(text), /interval: 6s, interval_changing: 1s, timeout: 3s/);
    assert.match(noted(text).join('\n'), /^no_effect delay_before_retry 3: a later line of the block says/);
    assert.match(timesOf(service(TCP, 'delay_before_retry 20')), /interval: 6s, interval_changing: 20s/);
    assert.match(timesOf(service(TCP, 'delay_before_retry 0')), /interval_changing: 20ms/);
  });
  test('the bounds of lbd', () => {
    assert.match(timesOf(bare(TCP, 'delay_loop 5000\nretry 4000000000')), /interval: 1h.*fall: 1000/);
    assert.match(timesOf(bare(TCP, 'connect_timeout 900')), /interval: 1m.*timeout: 10m/);
    assert.match(timesOf(bare(TCP, 'delay_loop 0.001')), /interval: 20ms.*timeout: 5s/);
  });
  test('what differs stands at the checks', () => {
    const yaml = yamlOf(service('TCP_CHECK {\n}\nPING_CHECK {\nretry 5\ndelay_loop 12\n}'));
    assert.match(yaml, /check: \{ timeout: 3s \}/);
    assert.match(yaml, /type: tcp, interval: 6s, interval_changing: 3s, fall: 2/);
    assert.match(yaml, /type: icmp, interval: 12s, interval_changing: 3s, fall: 6/);
  });
  test('checks that real servers do not share stand at each', () => {
    const text = service('TCP_CHECK {\n}').replace(/\}\n$/, 'real_server 10.0.0.22 80 {\nPING_CHECK {\n}\n}\n}\n');
    const yaml = yamlOf(text);
    assert.match(yaml, /10\.0\.0\.21:80, checks: \[ \{ type: tcp \} \]/);
    assert.match(yaml, /10\.0\.0\.22:80, checks: \[ \{ type: icmp \} \]/);
  });
});
