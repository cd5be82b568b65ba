/** The checkers of a real server -> checks. */
import {
  type CheckDraft,
  type CheckerContext,
  type CheckWord,
  type ConnectionWords,
  connectionHandlers,
  connectionWords,
  timed,
  timingIn,
} from './checkers-common.js';
import { readMisc } from './checkers-misc.js';
import { readUdp } from './checkers-udp.js';
import { readWeb } from './checkers-web.js';
import { keywordsOf } from './keywords/table.js';
import { DNS_LIKE, TCP_LIKE, type TimingWords } from './services-timing.js';
import { keeper, lose, type Reading, value, type Words, wordOf } from './services-words.js';
import type { Statement } from './types.js';
import { type Handlers, walk } from './walk.js';

interface Plainly {
  readonly connection: Words<ConnectionWords>;
  readonly times: Words<TimingWords>;
}

/** A block of connection and times, and what else it has. */
function readBlock(statement: Statement, reading: Reading, more: Handlers = {}): Plainly {
  const connection: Words<ConnectionWords> = {};
  const { words: times, handlers } = timed(reading);
  const all: Handlers = { ...connectionHandlers(connection, reading), ...handlers, ...more };
  // What has no effect in this kind of checker (the port of a ping) is not kept.
  const keywords = keywordsOf(statement.key.text);
  const meant = Object.entries(all).filter(([word]) => keywords.get(word)?.outcome !== 'no_effect');
  walk(statement.key.text, statement.block ?? [], Object.fromEntries(meant), reading);
  return { connection, times };
}

function readTcp(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { connection, times } = readBlock(statement, context.reading);
  const words = connectionWords([connection], context);
  return [{ heads: [statement], type: 'tcp', words, timing: timingIn(context, [times], TCP_LIKE), needsPort: true }];
}

function readPing(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading } = context;
  const { connection, times } = readBlock(statement, reading);
  if (connection.fwmark) {
    reading.notes.noEffect(connection.fwmark.from, 'keepalived does not mark an echo request');
    reading.sheet.leave(connection.fwmark.from);
  }
  const words = connectionWords([connection], context).filter(([key]) => key !== 'fwmark');
  return [{ heads: [statement], type: 'icmp', words, timing: timingIn(context, [times], TCP_LIKE), needsPort: false }];
}

interface SmtpWords {
  readonly helo: string;
}

const HELO = 'smtpchecker.keepalived.org';

function readSmtp(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading } = context;
  const own: Words<SmtpWords> = {};
  const hosts: Statement[] = [];
  const { connection, times } = readBlock(statement, reading, {
    helo_name: keeper(own, reading)('helo', (one) => value(/^[\x21-\x7e]+$/.exec(wordOf(one))?.[0], 'it is no name')),
    host: (one) => hosts.push(one),
  });
  const helo: CheckWord = ['helo', own.helo?.value ?? HELO, own.helo?.from];
  const draft = (heads: readonly Statement[], nearer: readonly Plainly[]): CheckDraft => ({
    heads,
    type: 'smtp',
    words: [helo, ...connectionWords([...nearer.map((one) => one.connection), connection], context)],
    timing: timingIn(context, [...nearer.map((one) => one.times), times], TCP_LIKE),
    needsPort: true,
  });
  if (hosts.length === 0) return [draft([statement], [])];
  return hosts.map((host, i) => draft(i === 0 ? [statement, host] : [host], [readBlock(host, reading)]));
}

interface DnsWords {
  readonly query: string;
  readonly name: string;
}

const QUERIES = ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA', 'RRSIG', 'DNSKEY'];
const NOT_ASKED = ['RRSIG', 'DNSKEY'];
const DNS_NAME = /^(?:\.|(?:[0-9A-Za-z_-]{1,63}\.)*[0-9A-Za-z_-]{1,63}\.?)$/;

function readDns(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading } = context;
  const own: Words<DnsWords> = {};
  const keep = keeper(own, reading);
  const { connection, times } = readBlock(statement, reading, {
    type: keep('query', (one) => {
      const query = wordOf(one).toUpperCase();
      return value(QUERIES.includes(query) ? query : undefined, `"${wordOf(one)}" is no type of query that it knows`);
    }),
    name: keep('name', (one) => value(DNS_NAME.exec(wordOf(one))?.[0], `"${wordOf(one)}" is no domain name`)),
  });
  let query = own.query;
  if (query && NOT_ASKED.includes(query.value)) {
    lose(query.from, `lbd does not ask for ${query.value}: SOA is asked for, as where nothing is said`, reading);
    query = undefined;
  }
  const words: CheckWord[] = [
    ['name', own.name?.value ?? '.', own.name?.from],
    ['query', query?.value ?? 'SOA', query?.from],
    ...connectionWords([connection], context),
  ];
  return [{ heads: [statement], type: 'dns', words, timing: timingIn(context, [times], DNS_LIKE), needsPort: true }];
}

/** By the keyword. FILE_CHECK and BFD_CHECK are refused before anybody reads them. */
export const CHECKERS: Readonly<Record<string, (statement: Statement, context: CheckerContext) => CheckDraft[]>> = {
  TCP_CHECK: readTcp,
  HTTP_GET: readWeb,
  SSL_GET: readWeb,
  SMTP_CHECK: readSmtp,
  DNS_CHECK: readDns,
  UDP_CHECK: readUdp,
  PING_CHECK: readPing,
  MISC_CHECK: readMisc,
};
