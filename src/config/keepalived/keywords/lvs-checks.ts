/** Keywords of the checkers. */
import { ALPHA, TIMING } from './lvs-services.js';
import { type Block, carried, changed, type Keyword, noEffect, refused } from './types.js';

const IN_WHOLE = 'no check with this was carried over';

const AGAIN: readonly Keyword[] = [
  ...TIMING.filter(({ word }) => word !== 'connect_timeout'),
  ALPHA,
  noEffect('log_all_failures', 'lbctl why and lbctl show tell the last result of every check, and the metrics count failures'),
];

/** Of every checker that opens a connection. */
const COMMON: readonly Keyword[] = [
  carried('connect_ip', 'checks.address'),
  carried('connect_port', 'checks.port'),
  carried('bindto', 'checks.source'),
  refused('bind_port', 'lbd lets the kernel choose the source port of a probe'),
  carried('bind_if', 'checks.interface'),
  carried('connect_timeout', 'check.timeout'),
  carried('fwmark', 'checks.fwmark'),
  ...AGAIN,
];

/** An echo request has no ports. */
const PING: readonly Keyword[] = COMMON.map((one) =>
  one.word === 'connect_port' || one.word === 'bind_port' ? noEffect(one.word, 'an echo request has no port') : one,
);

const WEB: readonly Keyword[] = [
  ...COMMON,
  carried('nb_get_retry', 'check.fall'),
  carried('virtualhost', 'checks.host'),
  noEffect('http_protocol', 'lbd asks by HTTP/1.1, one request a connection'),
  carried('enable_sni', 'checks.tls.sni'),
  carried('sni_name', 'checks.tls.sni'),
  noEffect('tls_compliant', 'lbd closes a TLS connection as it should'),
  noEffect('fast_recovery', 'every url is a check of its own: all are looked at each time'),
  carried('url', 'checks'),
];

const URL: readonly Keyword[] = [
  carried('path', 'checks.path'),
  carried('digest', 'checks.digest'),
  carried('status_code', 'checks.status'),
  carried('virtualhost', 'checks.host'),
  carried('regex', 'checks.regex'),
  refused(
    'regex_no_match',
    'lbd has no check for what must not be there: write an expression for what must, or a check of type script',
  ),
  carried('regex_options', 'checks.regex'),
  noEffect('regex_stack', 'expressions are matched in linear time, without a stack'),
  changed('regex_min_offset', 'checks.regex', 'lbd searches the whole first MiB of the body'),
  changed('regex_max_offset', 'checks.regex', 'lbd searches the whole first MiB of the body'),
  noEffect('tls_compliant', 'lbd closes a TLS connection as it should'),
];

const LENGTH = 'lbd does not look at the length of an answer: a regex can';

export const CHECKS: readonly Block[] = [
  { name: 'TCP_CHECK', words: COMMON },
  { name: 'HTTP_GET', words: WEB },
  { name: 'SSL_GET', words: WEB },
  { name: 'url', words: URL },
  { name: 'SMTP_CHECK', words: [...COMMON, carried('helo_name', 'checks.helo'), carried('host', 'checks')] },
  { name: 'host', words: COMMON },
  { name: 'DNS_CHECK', words: [...COMMON, carried('type', 'checks.query'), carried('name', 'checks.name')] },
  {
    name: 'UDP_CHECK',
    words: [
      ...COMMON,
      carried('payload', 'checks.send_hex'),
      carried('require_reply', 'checks.regex'),
      refused('min_reply_length', LENGTH),
      refused('max_reply_length', LENGTH),
    ],
  },
  { name: 'PING_CHECK', words: PING },
  {
    name: 'MISC_CHECK',
    words: [
      ...AGAIN,
      carried('misc_path', 'checks.command'),
      carried('misc_timeout', 'checks.timeout'),
      carried('misc_dynamic', 'checks.weight'),
      carried('user', 'checks.user'),
    ],
  },
  { name: 'FILE_CHECK', words: [refused('track_file', IN_WHOLE), refused('weight', IN_WHOLE)] },
  { name: 'BFD_CHECK', words: [refused('name', IN_WHOLE), ALPHA] },
];
