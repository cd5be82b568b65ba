/** HTTP_GET and SSL_GET: each url is a check. */
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
import { translateRegex } from './checkers-regex.js';
import { commandWords } from './programs.js';
import { WEB_LIKE } from './services-timing.js';
import {
  flagOf,
  keeper,
  lose,
  loseWhole,
  passOver,
  type Reading,
  type Said,
  tellWhole,
  value,
  type Words,
  wordOf,
} from './services-words.js';
import type { Statement } from './types.js';
import { walk } from './walk.js';

interface WebWords {
  readonly host: string;
  readonly enableSni: boolean;
  readonly sniName: string;
}

interface UrlWords {
  readonly path: string;
  readonly digest: string;
  readonly status: readonly (string | number)[];
  readonly host: string;
  readonly regex: string;
  readonly options: readonly string[];
}

const text = (statement: Statement) => value(wordOf(statement) || undefined, 'it says nothing');

/** What lbd can send in a request line and in a Host header. */
const SENDABLE = /^[\x21-\x7e]+$/;
const DIGEST = /^[0-9a-fA-F]{32}$/;

/** `200`, `201-299`: those that keepalived takes. */
function readStatus({ args }: Statement): { readonly value: UrlWords['status'] } | string {
  const codes = args.flatMap(({ text: word }): (string | number)[] => {
    const [, from, to] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(word) ?? [];
    if (from === undefined || (to !== undefined && from > to)) return [];
    return [to === undefined || to === from ? Number(from) : `${from}-${to}`];
  });
  return value(codes.length > 0 ? codes : undefined, 'it has no status code from 100 to 599');
}

function readRegex(statement: Statement): { readonly value: string } | string {
  const words = commandWords(statement);
  return value(words.length === 1 ? words[0]?.text : undefined, 'a regex is one word: write it in quotes');
}

function readUrl(statement: Statement, reading: Reading): Words<UrlWords> {
  const words: Words<UrlWords> = {};
  const keep = keeper(words, reading);
  const ignore = (one: Statement) => reading.sheet.leave(one);
  walk(
    'url',
    statement.block ?? [],
    {
      path: keep('path', text),
      digest: keep('digest', (one) =>
        value(DIGEST.test(wordOf(one)) ? wordOf(one) : undefined, `"${wordOf(one)}" is no MD5 digest of 32 hexadecimal digits`),
      ),
      status_code: keep('status', readStatus),
      virtualhost: keep('host', text),
      regex: keep('regex', readRegex),
      regex_options: keep('options', ({ args }) => ({ value: args.map((one) => one.text.toLowerCase()) })),
      regex_min_offset: ignore,
      regex_max_offset: ignore,
    },
    reading,
  );
  return withoutInverted(words, statement, reading);
}

/** What must not be in the body must not be looked for: the check would fail where keepalived's passes. */
function withoutInverted(
  { regex, options, ...words }: Words<UrlWords>,
  { block = [] }: Statement,
  reading: Reading,
): Words<UrlWords> {
  if (!block.some((one) => one.key.text === 'regex_no_match'))
    return { ...words, ...(regex ? { regex } : {}), ...(options ? { options } : {}) };
  for (const said of [regex, options])
    if (said) lose(said.from, 'with regex_no_match it is what must not be there, and lbd has no check for that', reading);
  return words;
}

/** Or why lbd cannot ask for it. */
function pathWord({ value: path, from }: Said<string>, reading: Reading): CheckWord | string {
  if (!SENDABLE.test(path) || /^[a-z]+:\/\//i.test(path))
    return `"${path}" is no path that lbd can ask for: it begins with /, and blanks in it are %20`;
  if (path.startsWith('/')) return ['path', path, from];
  reading.notes.change(from, 'a path begins with /, which is written before it; keepalived asks for it as it stands');
  return ['path', `/${path}`, from];
}

function regexWord({ regex, options }: Words<UrlWords>, reading: Reading): CheckWord[] {
  if (!regex) {
    if (options) passOver(options.from, 'there is no regex', reading);
    return [];
  }
  const made = translateRegex(regex.value, options?.value ?? []);
  if ('refused' in made) {
    lose(
      regex.from,
      `lbd cannot match it: ${made.refused}. Write another expression in the check's regex, or a text in its body`,
      reading,
    );
    return [];
  }
  if (made.regex !== regex.value) reading.notes.change(regex.from, `it is ${made.regex} in lbd's expressions`);
  return [['regex', made.regex, regex.from]];
}

function hostWord(host: Said<string> | undefined, reading: Reading): CheckWord[] {
  if (!host) return [];
  if (SENDABLE.test(host.value)) return [['host', host.value, host.from]];
  lose(host.from, `"${host.value}" is nothing that stands in a Host header`, reading);
  return [];
}

const SNI = /^[0-9A-Za-z._-]+$/;

/** keepalived asks for no name unless enable_sni says so, and skips the virtualhost of the real server. */
function sniOf(url: Words<UrlWords>, web: Words<WebWords>, { serviceHost }: CheckerContext): string | undefined {
  if (!web.enableSni?.value && !web.sniName) return undefined;
  const name = web.sniName?.value ?? url.host?.value ?? web.host?.value ?? serviceHost?.value;
  const bare = name?.replace(/:\d+$/, '');
  return bare !== undefined && SNI.test(bare) ? bare : undefined;
}

function tlsWord(statement: Statement, url: Words<UrlWords>, web: Words<WebWords>, context: CheckerContext): CheckWord[] {
  if (statement.key.text !== 'SSL_GET') return [];
  const sni = sniOf(url, web, context);
  const hostSaid = url.host ?? web.host ?? context.serverHost ?? context.serviceHost;
  if (sni === undefined && hostSaid !== undefined)
    context.reading.notes.change(statement, 'lbd asks for the name of the host in the TLS handshake (SNI), keepalived for none');
  return [
    ['tls', { verify: false, ...(sni === undefined ? {} : { sni }), ...context.tls }, web.sniName?.from ?? web.enableSni?.from],
  ];
}

export function readWeb(statement: Statement, context: CheckerContext): CheckDraft[] {
  const { reading } = context;
  const [web, connection]: [Words<WebWords>, Words<ConnectionWords>] = [{}, {}];
  const urls: Statement[] = [];
  const keep = keeper(web, reading);
  const { words: times, handlers } = timed(reading);
  walk(
    statement.key.text,
    statement.block ?? [],
    {
      ...connectionHandlers(connection, reading),
      ...handlers,
      nb_get_retry: handlers.retry as (one: Statement) => void,
      virtualhost: keep('host', text),
      enable_sni: keep('enableSni', (one) => value(flagOf(one), `"${wordOf(one)}" is neither on nor off`)),
      sni_name: keep('sniName', text),
      url: (one) => urls.push(one),
    },
    reading,
  );
  const timing = timingIn(context, [times], WEB_LIKE);
  if (times.connectTimeout)
    reading.notes.change(
      times.connectTimeout.from,
      'it is the deadline of the whole probe; in keepalived every stage of it has that long',
    );
  const common = connectionWords([connection], context);
  const drafts = urls.flatMap((url): CheckDraft[] => {
    const words = readUrl(url, reading);
    if (!words.path) {
      tellWhole(url, 'noEffect', 'keepalived passes over it: it has no path', reading.notes);
      return [];
    }
    const path = pathWord(words.path, reading);
    if (typeof path === 'string') {
      loseWhole(url, path, reading);
      return [];
    }
    const { digest, status } = words;
    return [
      {
        heads: [url],
        type: statement.key.text === 'SSL_GET' ? 'https' : 'http',
        words: [
          path,
          ...hostWord(words.host ?? web.host ?? context.serverHost ?? context.serviceHost, reading),
          ...(status ? [['status', status.value, status.from] as const] : []),
          ...(digest ? [['digest', `md5:${digest.value.toLowerCase()}`, digest.from] as const] : []),
          ...regexWord(words, reading),
          ...tlsWord(statement, words, web, context),
          ...common,
        ],
        timing,
        needsPort: true,
      },
    ];
  });
  if (urls.length === 0) tellWhole(statement, 'noEffect', 'keepalived passes over it: it has no url', reading.notes);
  else if (drafts.length > 1)
    reading.notes.change(statement, 'each url is a check of its own, made each time; keepalived asks for one of them at a time');
  return drafts.map((draft, i) => (i === 0 ? { ...draft, heads: [statement, ...draft.heads] } : draft));
}
