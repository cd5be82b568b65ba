import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createHttpReader, createMatcher, encodeRequest, MAX_FRAMING, MAX_HEAD, mergeHeaders } from '../../../src/wire/http.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

interface Read {
  status: number | undefined;
  body: string;
  outcome: string;
}

/** What the reader says of pieces; `closed` ends the connection after them. */
function read(pieces: readonly Uint8Array[], closed = true): Read {
  const seen: Read = { status: undefined, body: '', outcome: 'open' };
  const reader = createHttpReader((event) => {
    assert.equal(seen.outcome, 'open', 'nothing follows the end');
    if (event.kind === 'head') seen.status = event.status;
    else if (event.kind === 'body') seen.body += decode(event.bytes);
    else seen.outcome = event.kind === 'end' ? 'end' : event.reason;
  });
  for (const piece of pieces) reader.push(piece);
  if (closed) reader.end();
  return seen;
}

const whole = (text: string, closed = true) => read([encode(text)], closed);

describe('answers', () => {
  test('with Content-Length end without the close', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more';
    assert.deepEqual(whole(text, false), { status: 200, body: 'hello', outcome: 'end' });
    assert.deepEqual(whole('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', false), { status: 200, body: '', outcome: 'end' });
  });

  test('without a length end with the close', () => {
    assert.deepEqual(whole('HTTP/1.0 200\nServer: x\n\nhello', false), { status: 200, body: 'hello', outcome: 'open' });
    assert.deepEqual(whole('HTTP/1.0 200\nServer: x\n\nhello'), { status: 200, body: 'hello', outcome: 'end' });
  });

  test('in chunks are put together, extensions and trailers skipped', () => {
    const head = 'HTTP/1.1 200 OK\r\ntransfer-ENCODING: gzip, chunked\r\nContent-Length: 3\r\n\r\n';
    const chunks = '4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n';
    assert.deepEqual(whole(head + chunks, false), { status: 200, body: 'Wikipedia in \r\n\r\nchunks.', outcome: 'end' });
  });

  test('without a body end with their head', () => {
    for (const status of [204, 304, 101]) {
      assert.deepEqual(whole(`HTTP/1.1 ${status} x\r\nContent-Length: 9\r\n\r\n`, false), { status, body: '', outcome: 'end' });
    }
  });

  test('that are interim are skipped', () => {
    const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n';
    assert.deepEqual(whole(`${interim}HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno`, false), {
      status: 503,
      body: 'no',
      outcome: 'end',
    });
  });
});

describe('no answer', () => {
  const reasons: [name: string, text: string, outcome: string][] = [
    ['nothing', '', 'connection closed without an answer'],
    ['half a status line', 'HTTP/1.1 20', 'connection closed in the head of the answer'],
    ['half a head', 'HTTP/1.1 200 OK\r\nServer: x\r\n', 'connection closed in the head of the answer'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell', 'connection closed after 4 of 10 bytes of the body'],
    [
      'half a chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe',
      'connection closed in the middle of the body',
    ],
    [
      'no last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n',
      'connection closed in the middle of the body',
    ],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'the answer is not HTTP/1.x'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'the answer is not HTTP/1.x'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x16', 'answered with a TLS alert: a port for HTTPS?'],
    ['a status that is none', 'HTTP/1.1 abc OK\r\n\r\n', 'malformed status line'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'malformed status line'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'malformed Content-Length'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'two different Content-Length fields'],
    ['a chunk size that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'malformed chunk size'],
    [
      'a chunk longer than it says',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n',
      'malformed end of a chunk',
    ],
    [
      'an endless line of a chunk',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(2000)}`,
      'malformed chunk size',
    ],
  ];
  for (const [name, text, outcome] of reasons) {
    test(name, () => {
      assert.equal(whole(text).outcome, outcome);
      assert.equal(read([...encode(text)].map((byte) => Uint8Array.of(byte))).outcome, outcome);
    });
  }

  test('a first byte that is wrong is enough', () => {
    assert.equal(whole('S', false).outcome, 'the answer is not HTTP/1.x');
  });

  test('a head beyond the limit, in one line or many, interim answers counted', () => {
    const limit = `the head of the answer is longer than ${MAX_HEAD} bytes`;
    assert.equal(whole(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(MAX_HEAD)}`, false).outcome, limit);
    assert.equal(whole(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(MAX_HEAD)}`, false).outcome, limit);
    assert.equal(whole('HTTP/1.1 100 Continue\r\n\r\n'.repeat(MAX_HEAD), false).outcome, limit);
    const trailers = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(MAX_HEAD)}`;
    assert.equal(whole(trailers, false).outcome, limit);
    const idle = `1;${'x'.repeat(1000)}\r\na\r\n`.repeat(MAX_FRAMING / 1000);
    const chunks = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${idle}`;
    assert.equal(whole(chunks, false).outcome, 'the chunks of the body have next to nothing in them');
    const most = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(MAX_HEAD - 24)}\r\n\r\n`;
    assert.equal(most.length, MAX_HEAD);
    assert.equal(whole(most, false).status, 200);
  });
});

const piece = fc.constantFrom(
  'HTTP/1.1 ',
  '200 OK\r\n',
  '100 Continue\r\n',
  '404\n',
  'Content-Length: 5\r\n',
  'Content-Length: 50000\r\n',
  'Transfer-Encoding: chunked\r\n',
  '\r\n',
  '\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  'hello',
  'x'.repeat(9000),
  '\0\xff',
);
const answer = fc.array(piece, { maxLength: 12 }).map((pieces) => encode(`HTTP/1.1 200 OK\r\n${pieces.join('')}`));
const anyBytes = fc.oneof(answer, fc.uint8Array({ maxLength: 300 }));

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}

test('any split of any bytes says the same', () => {
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (bytes, cuts, closed) => {
      assert.deepEqual(read(split(bytes, cuts), closed), read([bytes], closed));
    }),
    { numRuns: 500 },
  );
});

test('the matcher finds what a search finds, in any split', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'ö'), maxLength: 30 });
  const needle = fc.string({ unit: fc.constantFrom('a', 'b', 'ö'), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(letters, needle, fc.array(fc.nat(), { maxLength: 6 }), (text, wanted, cuts) => {
      const matcher = createMatcher(wanted);
      let found = false;
      for (const part of split(encode(text), cuts)) found = matcher.push(part);
      assert.equal(found, text.includes(wanted));
    }),
    { numRuns: 500 },
  );
});

describe('requests', () => {
  test('a GET with its fields', () => {
    const text = 'GET /healthz?a=1 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n';
    const headers: [string, string][] = [
      ['Host', 'example.org'],
      ['Connection', 'close'],
    ];
    assert.equal(decode(encodeRequest({ method: 'GET', path: '/healthz?a=1', headers })), text);
  });

  test('neither path nor header can break the line', () => {
    const request = decode(encodeRequest({ method: 'GET', path: '/a b\r\nX: y/ü', headers: [['X', 'a\r\nY: b\0']] }));
    assert.equal(request, 'GET /a%20b%0D%0AX:%20y/%C3%BC HTTP/1.1\r\nX: a Y: b \r\n\r\n');
  });

  test("a check's own headers replace those of the same name", () => {
    const base: [string, string][] = [
      ['Host', 'a'],
      ['Accept', '*/*'],
    ];
    assert.deepEqual(
      mergeHeaders(base, [
        ['host', 'b'],
        ['X', '1'],
        ['X', '2'],
      ]),
      [
        ['Accept', '*/*'],
        ['host', 'b'],
        ['X', '1'],
        ['X', '2'],
      ],
    );
  });
});
