import assert from 'node:assert/strict';
import { createSocket, type Socket as Udp } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import packet from 'dns-packet';
import type { AgentProbe, DnsProbe, SmtpProbe, TcpProbe, UdpProbe } from '../../../../src/config/types.js';
import { startProbe } from '../../../../src/os/probe/index.js';
import type { Target } from '../../../../src/os/probe/types.js';
import { closeAll, closedPort, expectFailure, expectSuccess, leavesNothing, run, serve } from '../../../fake/probing.js';

const tcp = (own: Partial<TcpProbe>): TcpProbe => ({ type: 'tcp', ...own });
const udp = (own: Partial<UdpProbe> = {}): UdpProbe => ({ type: 'udp', send: { text: 'ping' }, ...own });
const smtp: SmtpProbe = { type: 'smtp', helo: 'lbd' };
const agent: AgentProbe = { type: 'agent', port: 1 };

/** Says each line to what comes, the first one unasked. */
const dialogue =
  (lines: Readonly<Record<string, string>>) =>
  (socket: Socket): void => {
    if (lines['']) socket.write(lines['']);
    socket.on('data', (bytes) => {
      const answer = lines[bytes.toString()];
      if (answer !== undefined) socket.write(answer);
    });
  };

async function udpServer(
  answer: (message: Buffer, reply: (bytes: Uint8Array) => void) => void,
): Promise<{ socket: Udp; target: Target }> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => answer(message, (bytes) => socket.send(bytes, from.port, from.address)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, target: { address: '127.0.0.1', port: socket.address().port } };
}

before(async () => {
  await run(tcp({}), await closedPort());
});
after(closeAll);

describe('tcp with an exchange', () => {
  const redis = dialogue({ PING: '+PONG\r\n' });
  const cases: [string, Partial<TcpProbe>, (socket: Socket) => void, boolean, string][] = [
    ['what is expected comes', { send: { text: 'PING' }, expect: '+PONG' }, redis, true, 'answered "+PONG\\r\\n"'],
    ['bytes in hexadecimal', { send: { hex: '50494e47' }, regex: '^\\+P' }, redis, true, 'answered "+PONG\\r\\n"'],
    ['a greeting', { expect: 'SSH-2.0' }, dialogue({ '': 'SSH-2.0-x\r\n' }), true, 'answered "SSH-2.0-x\\r\\n"'],
    ['in two pieces', { expect: 'ab' }, (s) => s.write('a', () => setImmediate(() => s.write('b'))), true, 'answered "ab"'],
    ['another answer and the end', { expect: 'ok' }, (s) => s.end('no'), false, 'the answer "no" does not contain "ok"'],
    ['no answer at all', { expect: 'ok' }, (s) => s.end(), false, 'connection closed by the server without an answer'],
    ['a flood', { regex: 'x$' }, (s) => s.write('y'.repeat(70_000)), false, 'the first 64 KiB of the answer does not match /x$/'],
    [
      'the PROXY header v1 first',
      { proxyProtocol: 'v1', expect: 'ok' },
      dialogue({ 'PROXY UNKNOWN\r\n': 'ok' }),
      true,
      'answered "ok"',
    ],
  ];
  for (const [name, own, behaviour, good, reason] of cases)
    test(name, () =>
      leavesNothing(async () => {
        const result = await run(tcp(own), await serve(behaviour));
        (good ? expectSuccess : expectFailure)(result, reason);
      }),
    );

  test('an answer that drips is not searched from its start at every drop, and what is expected is found', () =>
    leavesNothing(async () => {
      const { test: original } = RegExp.prototype;
      let searches = 0;
      RegExp.prototype.test = function (text) {
        if (this.source === '[a-z]+needle$') searches++;
        return original.call(this, text);
      };
      const drip = (socket: Socket): void => {
        let left = 500;
        const drop = () => {
          socket.write(left > 0 ? 'x' : 'needle');
          if (left-- > 0) setImmediate(drop);
        };
        socket.setNoDelay();
        socket.write('x'.repeat(2000), drop);
      };
      const { ok } = await run(tcp({ regex: '[a-z]+needle$' }), await serve(drip));
      RegExp.prototype.test = original;
      assert.equal(ok, true);
      assert.ok(searches < 100, `${searches} searches`);
    }));
  test('the PROXY header v2 says LOCAL', () =>
    leavesNothing(async () => {
      let heard = Buffer.alloc(0);
      const target = await serve((socket) =>
        socket.on('data', (bytes) => {
          heard = Buffer.concat([heard, bytes]);
          if (heard.length >= 17) socket.write('ok');
        }),
      );
      expectSuccess(await run(tcp({ proxyProtocol: 'v2', send: { text: 'x' }, expect: 'ok' }), target), 'answered "ok"');
      assert.equal(heard.toString('hex'), `0d0a0d0a000d0a515549540a20000000${'78'}`);
    }));
});

describe('where a probe leaves this host', () => {
  test('from the source that is said', () =>
    leavesNothing(async () => {
      let peer = '';
      const target = await serve((socket) => {
        peer = socket.remoteAddress ?? '';
        socket.write('ok');
      });
      await run(tcp({ source: '127.0.0.9', expect: 'ok' }), target);
      assert.equal(peer, '127.0.0.9');
    }));
  test('a source that is not ours, and an interface that is not there, are faults of this director', () =>
    leavesNothing(async () => {
      const target = await serve(() => {});
      for (const own of [{ source: '192.0.2.77' }, { interface: 'lbd-none0' }]) {
        const result = await run(tcp(own), target);
        assert.deepEqual([result.ok, result.local], [false, true], result.reason);
        assert.match(result.reason, /^source [0-9a-f.:]+: no interface of this director has that address$|no such interface/);
      }
    }));
});

describe('udp', () => {
  test('an answer is a success, another one a failure', () =>
    leavesNothing(async () => {
      const { socket, target } = await udpServer((_message, reply) => reply(Buffer.from('pong')));
      expectSuccess(await run(udp(), target), 'answered "pong"');
      expectFailure(await run(udp({ expect: 'hello' }), target), 'the answer "pong" does not contain "hello"');
      socket.close();
    }));
  test('a datagram that does not go out is no fault of the server', () =>
    leavesNothing(async () => {
      const { socket, target } = await udpServer((_message, say) => say(Buffer.from('pong')));
      const { ok, local, reason } = await run(udp({ send: { text: 'x'.repeat(70_000) } }), target);
      assert.deepEqual([ok, local, reason], [false, true, 'the datagram is too large for the way to it']);
      socket.close();
    }));
  test('a closed port is told at once, also where silence would do', () =>
    leavesNothing(async () => {
      const closed = await closedPort();
      expectFailure(await run(udp(), closed), 'connection refused');
      expectFailure(await run(udp({ silence: 500 }), closed), 'connection refused');
    }));
  test('silence while this process stood still is none where the error waits to be read', () =>
    leavesNothing(async () => {
      const result = run(udp({ silence: 20 }), await closedPort());
      const until = performance.now() + 60;
      while (performance.now() < until);
      expectFailure(await result, 'connection refused');
    }));
  test('silence is a success only where it is asked for', () =>
    leavesNothing(async () => {
      const { socket, target } = await udpServer(() => {});
      expectSuccess(await run(udp({ silence: 20 }), target), 'no answer, and no error');
      let told = 0;
      const probe = startProbe(udp(), target, () => told++);
      await run(udp({ silence: 50 }), target);
      assert.equal(told, 0);
      probe.cancel();
      socket.close();
    }));
});

describe('dns', () => {
  const dns = (own: Partial<DnsProbe> = {}): DnsProbe => ({ type: 'dns', name: 'web.test', query: 'A', ...own });
  const answers = [{ type: 'A' as const, name: 'web.test', ttl: 1, data: '192.0.2.7' }];
  const reply = (message: Buffer, own: object = {}): Buffer => {
    const { id, questions } = packet.decode(message);
    return packet.encode({ type: 'response', id: id ?? 0, questions: questions ?? [], answers, ...own });
  };

  test('an answer is looked at: code, record, and whether it is the wanted one', () =>
    leavesNothing(async () => {
      const { socket, target } = await udpServer((message, say) => {
        const name = packet.decode(message).questions?.[0]?.name;
        say(reply(message, name === 'gone.test' ? { flags: 3, answers: [] } : {}));
      });
      expectSuccess(await run(dns(), target), 'DNS 192.0.2.7');
      expectSuccess(await run(dns({ answer: '192.0.2.7' }), target), 'DNS 192.0.2.7');
      expectFailure(await run(dns({ answer: '192.0.2.8' }), target), 'DNS answered 192.0.2.7, not 192.0.2.8');
      expectFailure(await run(dns({ name: 'gone.test' }), target), 'DNS NXDOMAIN');
      socket.close();
    }));

  test('an answer with another number is none, and nonsense neither', () =>
    leavesNothing(async () => {
      const { socket, target } = await udpServer((message, say) => {
        say(Buffer.from('nonsense'));
        const other = reply(message);
        other.writeUInt16BE((message.readUInt16BE() + 1) & 0xffff);
        say(other);
        say(reply(message));
      });
      expectSuccess(await run(dns(), target), 'DNS 192.0.2.7');
      socket.close();
    }));

  test('an answer that has our number but cannot be read, or is about something else, is a failure, by name', () =>
    leavesNothing(async () => {
      const unreadable = 'the DNS answer cannot be read: it is cut, or no DNS message';
      const loop = (message: Buffer): Buffer => {
        const bytes = reply(message);
        // The owner of the record is a pointer to itself.
        bytes.writeUInt16BE(0xc000 | message.length, message.length);
        return bytes;
      };
      const cases: [(message: Buffer) => Buffer, string][] = [
        [(message) => reply(message).subarray(0, -3), unreadable],
        [(message) => reply(message).subarray(0, 9), unreadable],
        [loop, unreadable],
        [(message) => message, unreadable],
        [
          (message) => reply(message, { questions: [{ type: 'A', name: 'other.test' }] }),
          'the DNS answer is about other.test A, not web.test A',
        ],
        [
          (message) => reply(message, { questions: [{ type: 'AAAA', name: 'web.test' }] }),
          'the DNS answer is about web.test AAAA, not web.test A',
        ],
        [(message) => reply(message, { questions: [] }), 'the DNS answer is without its question'],
        [(message) => reply(message, { questions: [], answers: [], flags: 5 }), 'DNS REFUSED'],
      ];
      for (const [answer, reason] of cases) {
        const { socket, target } = await udpServer((message, say) => say(answer(message)));
        expectFailure(await run(dns(), target), reason);
        socket.close();
      }
    }));

  test('an address is the same however it is spelt', () =>
    leavesNothing(async () => {
      const data = '2001:db8::7';
      const { socket, target } = await udpServer((message, say) =>
        say(reply(message, { answers: [{ type: 'AAAA', name: 'web.test', data }] })),
      );
      expectSuccess(await run(dns({ query: 'AAAA', answer: '2001:0DB8:0::0007' }), target), `DNS ${data}`);
      socket.close();
    }));

  test('a cut answer is asked for again by TCP', () =>
    leavesNothing(async () => {
      const target = await serve((socket) =>
        socket.once('data', (bytes) => {
          const whole = reply(bytes.subarray(2));
          const length = Buffer.alloc(2);
          length.writeUInt16BE(whole.length);
          socket.write(Buffer.concat([length, whole.subarray(0, 5)]), () => socket.write(whole.subarray(5)));
        }),
      );
      const socket = createSocket('udp4');
      socket.on('message', (message, from) =>
        socket.send(reply(message, { flags: 0x200 }).subarray(0, -3), from.port, from.address),
      );
      socket.bind(target.port, '127.0.0.1');
      await once(socket, 'listening');
      expectSuccess(await run(dns(), target), 'DNS 192.0.2.7 (by TCP)');
      socket.close();
    }));
});

describe('smtp', () => {
  const good = dialogue({ '': '220-hello\r\n220 mail.test\r\n', 'EHLO lbd\r\n': '250-mail.test\r\n250 SIZE\r\n' });
  test('greeting and EHLO', () => leavesNothing(async () => expectSuccess(await run(smtp, await serve(good)), 'SMTP 250')));
  test('an old server knows HELO alone', () =>
    leavesNothing(async () => {
      const old = dialogue({ '': '220 x\r\n', 'EHLO lbd\r\n': '502 what?\r\n', 'HELO lbd\r\n': '250 x\r\n' });
      expectSuccess(await run(smtp, await serve(old)), 'SMTP 250');
    }));
  test('what is no reply before a good one is none, however it was split', () =>
    leavesNothing(async () => {
      for (const [greeting, said] of [
        ['HTTP/1.1 400 Bad\r\n220 x\r\n', 'HTTP/1.1 400 Bad'],
        ['220-x\r\n554 no\r\n', '220-x\\r\\n554 no'],
        ['220-x\r\n250 y\r\n', '220-x\\r\\n250 y'],
        ['220x\r\n', '220x'],
        [`220 ${'x'.repeat(17_000)}\r\n`, undefined],
      ] as const)
        for (const pieces of [[greeting], greeting.split(/(?<=\n)/), [...greeting]]) {
          const talk = dialogue({ 'EHLO lbd\r\n': '250 x\r\n' });
          const target = await serve((socket) => {
            talk(socket);
            socket.setNoDelay();
            for (const piece of pieces) socket.write(piece);
          });
          const { ok, reason } = await run(smtp, target);
          assert.equal(ok, false);
          if (said === undefined) assert.match(reason, /^no SMTP reply: "/);
          else assert.equal(reason, `no SMTP reply: "${said}"`);
        }
    }));
  test('a busy server, another protocol, and an end in the middle', () =>
    leavesNothing(async () => {
      expectFailure(await run(smtp, await serve(dialogue({ '': '421 busy\r\n' }))), 'SMTP 421 to the connection: "421 busy"');
      expectFailure(await run(smtp, await serve(dialogue({ '': 'SSH-2.0\r\n' }))), 'no SMTP reply: "SSH-2.0"');
      expectFailure(
        await run(smtp, await serve((s) => s.end('220 x\r\n'))),
        'connection closed by the server in the middle of the SMTP dialogue',
      );
    }));
});

describe('agent', () => {
  const says = async (line: string) => run(agent, await serve((socket) => socket.end(line)));
  test('words and shares', () =>
    leavesNothing(async () => {
      const half = await says('up 50%\n');
      assert.deepEqual([half.ok, half.share, half.reason], [true, 50, 'says up 50%']);
      const drain = await says('drain\r\n');
      assert.deepEqual([drain.ok, drain.share], [true, 0]);
      expectFailure(await says('maint #upgrade\n'), 'says maint (upgrade)');
      assert.equal((await says('ready')).share, undefined);
      assert.ok((await says(`down #${'x'.repeat(3000)}\n`)).reason.length <= 301, 'a reason has its bounds');
      assert.match((await says('hello world\n')).reason, /no word that an agent may say: "hello world"/);
      expectFailure(await says(''), 'the agent said nothing');
    }));
  test('words that mean nothing here take nobody down beside others', () =>
    leavesNothing(async () => {
      const limit = await says('maxconn:30\n');
      assert.deepEqual([limit.ok, limit.share, limit.reason], [true, undefined, 'says maxconn:30']);
      const more = await says('up 99999% hello maxconn:30\r\n');
      assert.deepEqual([more.ok, more.share, more.reason], [true, 1000, 'says up 99999% hello maxconn:30; lbd knows no hello']);
      expectFailure(await says('drain down hello #x\n'), 'says drain down hello (x); lbd knows no hello');
    }));
  test('what a server says moves no cursor of who reads it', () =>
    leavesNothing(async () =>
      expectFailure(await says('down #\x1b[2J\u009b1m\u202ex\n'), 'says down (\\u001b[2J\\u009b1m\\u202ex)'),
    ));
});

test('a cancelled conversation leaves nothing', () =>
  leavesNothing(async () => {
    const target = await serve(() => {});
    const probes = [tcp({ expect: 'x' }), smtp, agent].map((probe) => startProbe(probe, target, () => assert.fail('told')));
    await new Promise((done) => setTimeout(done, 30));
    for (const probe of probes) probe.cancel();
  }));
