/** The table keeper when the kernel refuses, when an answer is in doubt, and when IPVS is gone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeKernel } from '../../../fake/ipvs-kernel.js';
import {
  dest,
  keyOf,
  mail,
  outside,
  put,
  QUIET,
  SLOW,
  same,
  say,
  service,
  start,
  TIMING,
  until,
  web,
  world,
} from '../../../fake/table-world.js';

describe('refusals', () => {
  const odd = service(5, [dest(1), dest(2)], 'twos');

  test('one that stays backs off, is told once, and hurts no other service', async () => {
    await world(async ({ keeper, kernel, has, log }) => {
      await start(keeper, odd, web);
      assert.ok(same(has(1), web));
      assert.match(keeper.refusal(keyOf(5)) ?? '', /^this kernel has no scheduler "twos" \(module ip_vs_twos\)$/);
      assert.equal(keeper.refusal(keyOf(1)), undefined);
      await sleep(300);
      const tries = kernel.commands.filter((one) => one === 1).length;
      // 0, 5, 10 and then every 10 ms; web itself is one.
      assert.ok(tries >= 3 && tries <= 35, `${tries} tries`);
      assert.equal(log.filter((one) => one.startsWith('error: the kernel refused')).length, 1);
      assert.equal(keeper.drift().total, 0, 'a refusal is no drift');
      outsideDrift(kernel);
      await until(() => same(has(1), web), 'others are healed meanwhile');
    });
  });

  /** Somebody takes web's newest destination away. */
  function outsideDrift(kernel: FakeKernel): void {
    const found = [...kernel.table.services.values()].find((one) => one.dests.length === 3);
    assert.ok(found);
    found.dests.shift();
  }

  test('the waits grow to the last one and stay there', async () => {
    await world(
      async ({ keeper, kernel }) => {
        await start(keeper, odd);
        await until(() => kernel.commands.filter((one) => one === 1).length === 3, 'at once, 0, 5');
        await sleep(QUIET);
        assert.equal(kernel.commands.filter((one) => one === 1).length, 3);
      },
      [],
      { ...TIMING, retry: [0, 5, 60_000] },
    );
  });

  test('one that heals is forgotten, and drift of the service is healed again', async () => {
    await world(async ({ keeper, kernel, has, other }) => {
      await start(keeper, odd);
      kernel.table.schedulers.add('twos');
      await until(() => same(has(5), odd), 'the scheduler came');
      assert.equal(keeper.refusal(keyOf(5)), undefined);
      outside(other, { kind: 'del-service', key: '', id: odd.id });
      await until(() => same(has(5), odd), 'healed');
      assert.equal(keeper.drift().total, 1);
    });
  });

  test('refused because it is so already: read back, forgotten, and healed when it drifts', async () => {
    await world(async ({ keeper, has, other }) => {
      await keeper.open();
      // After the reading, another program makes the very same service: EEXIST, and nothing is left to do.
      put(other, web);
      say(keeper, web);
      keeper.begin();
      assert.match(keeper.refusal(keyOf(1)) ?? '', /EEXIST/);
      await until(() => keeper.refusal(keyOf(1)) === undefined, 'settled');
      assert.ok(same(has(1), web));
      outside(other, { kind: 'del-dest', key: '', id: web.id, dest: dest(1) });
      await until(() => same(has(1), web), 'drift is seen again');
    });
  });

  test('a service that vanishes while its change is retried is made anew', async () => {
    await world(async ({ keeper, kernel, other, has }) => {
      await start(keeper, web);
      kernel.refuse.push({ command: 6, errno: 12, times: 2 });
      const changed = service(1, [dest(1, { weight: 7 }), dest(2), dest(3)]);
      say(keeper, changed);
      keeper.flush();
      assert.match(keeper.refusal(keyOf(1)) ?? '', /ENOMEM/);
      outside(other, { kind: 'del-service', key: '', id: web.id });
      await until(() => same(has(1), changed), 'made anew');
      assert.equal(keeper.refusal(keyOf(1)), undefined);
    });
  });

  test('a refused service that is no longer wanted is forgotten', async () => {
    await world(async ({ keeper, kernel, owned }) => {
      await start(keeper, odd);
      keeper.want(keyOf(5), undefined);
      keeper.flush();
      assert.equal(keeper.refusal(keyOf(5)), undefined);
      assert.ok(!owned.keys.has(keyOf(5)));
      const tries = kernel.commands.length;
      await sleep(QUIET);
      assert.ok(!kernel.commands.slice(tries).includes(1));
    });
  });

  test('a deletion that finds nothing is done', async () => {
    await world(async ({ keeper, other, owned }) => {
      await start(keeper, web);
      outside(other, { kind: 'del-service', key: '', id: web.id });
      keeper.want(keyOf(1), undefined);
      keeper.flush();
      await until(() => keeper.refusal(keyOf(1)) === undefined && !owned.keys.has(keyOf(1)), 'forgotten');
    });
  });

  test('many refusals are a short sentence', async () => {
    await world(
      async ({ keeper, kernel }) => {
        kernel.refuse.push({ command: 5, errno: 12, extack: 'full' });
        await start(
          keeper,
          service(
            1,
            Array.from({ length: 20 }, (_, i) => dest(i + 1)),
          ),
        );
        assert.match(keeper.refusal(keyOf(1)) ?? '', /^(add \S+ weight 1 \(nat\): ENOMEM \(full\); ){3}and 17 more$/);
      },
      [],
      SLOW,
    );
  });
});

describe('doubt and loss', () => {
  for (const kind of ['silence', 'lost last', 'ENOBUFS', 'nonsense', 'truncated'] as const) {
    test(`the answer to a change is in doubt (${kind}): read anew at once, nobody is alarmed`, async () => {
      await world(async ({ keeper, kernel, has, states }) => {
        await start(keeper, web);
        await sleep(TIMING.reopen + 5);
        kernel.faults.push({ kind, command: 1 });
        say(keeper, mail);
        await until(
          () => same(has(2), mail) && keeper.believed(keyOf(2)) !== undefined && keeper.read([]) !== undefined,
          'goes on',
        );
        assert.ok(
          states.every((one) => one === 'ready'),
          states.join(),
        );
        assert.equal(kernel.faults.length, 0);
        assert.ok(kernel.sockets <= 4);
      });
    });

    test(`a reading is in doubt (${kind}): no part of it is believed`, async () => {
      await world(async ({ keeper, kernel, has }) => {
        await start(keeper, web, mail);
        await sleep(TIMING.reopen + 5);
        const before = kernel.commands.length;
        kernel.faults.push({ kind, command: 8 }, { kind, command: 4 });
        await until(() => kernel.faults.length === 0, 'it happened');
        await until(() => keeper.problem === undefined && keeper.read([]) !== undefined, 'usable');
        await sleep(QUIET);
        assert.deepEqual(
          [...new Set(kernel.commands.slice(before))].sort((a, b) => a - b),
          [4, 8, 15],
          'nothing was changed',
        );
        assert.equal(keeper.drift().total, 0);
        assert.ok(same(has(1), web));
      });
    });
  }

  test('IPVS goes and comes back: told, tried in measure, and all is made anew', async () => {
    await world(async ({ keeper, kernel, states, log }) => {
      await start(keeper, web, mail);
      kernel.loaded = false;
      await until(() => states.at(-1)?.startsWith('unusable') === true, 'told');
      await until(() => /no IPVS and the module ip_vs cannot be loaded/.test(keeper.problem ?? ''), 'with the cure');
      assert.equal(keeper.read([]), undefined);
      say(keeper, service(3, []));
      const opened = kernel.opened;
      await sleep(100);
      assert.ok(kernel.opened - opened <= 12, `${kernel.opened - opened} attempts in 100 ms`);
      assert.ok(log.filter((one) => one.startsWith('error: IPVS cannot be used')).length <= 2);
      kernel.table.services.clear();
      kernel.family = 40;
      kernel.loaded = true;
      await until(() => keeper.problem === undefined, 'back');
      assert.equal(states.at(-1), 'ready');
      const found = await keeper.readAll(false);
      assert.deepEqual([...(found?.keys() ?? [])].sort(), [keyOf(1), keyOf(2), keyOf(3)]);
    });
  });

  test('IPVS that cannot be opened at start: the first attempt resolves, the others follow', async () => {
    await world(async ({ keeper, kernel, states }) => {
      kernel.loaded = false;
      await start(keeper, web);
      assert.match(keeper.problem ?? '', /no IPVS/);
      assert.equal(keeper.applied, false);
      keeper.removeAll();
      say(keeper, web);
      kernel.loaded = true;
      await until(() => keeper.applied, 'applied');
      assert.equal(states.at(-1), 'ready');
      assert.deepEqual([...((await keeper.readAll(false))?.keys() ?? [])], [keyOf(1)]);
    });
  });

  test('a refusal outlives the loss of IPVS, and is settled when it is over', async () => {
    await world(async ({ keeper, kernel }) => {
      await start(keeper, service(5, [dest(1)], 'twos'));
      kernel.loaded = false;
      await until(() => keeper.problem !== undefined, 'lost');
      kernel.table.schedulers.add('twos');
      kernel.loaded = true;
      await until(() => keeper.read([service(5, []).id])?.[0]?.destinations.size === 1, 'made');
      assert.equal(keeper.refusal(keyOf(5)), undefined);
    });
  });

  test('closed while IPVS is being opened: no socket stays', async () => {
    await world(async ({ keeper, kernel }) => {
      const before = kernel.sockets;
      const opening = keeper.open();
      keeper.close();
      await opening;
      assert.equal(kernel.sockets, before);
    });
  });
});

describe('what this kernel does not have', () => {
  const gue = dest(2, { forward: 'tun', tunType: 1, tunPort: 6080 });
  const wanted = service(1, [dest(1), gue, dest(3, { forward: 'tun' })]);

  test('a tunnel is found by trying: its servers are left out and named, the others serve', async () => {
    await world(async ({ keeper, kernel, has, log }) => {
      for (const attribute of [13, 14, 15]) kernel.table.unknown.add(attribute);
      await start(keeper, wanted);
      assert.deepEqual([...(has(1)?.destinations.keys() ?? [])], ['10.0.0.1:80', '10.0.0.3:80']);
      assert.equal(kernel.table.services.size, 1, 'what was tried is gone');
      assert.match(keeper.refusal(keyOf(1)) ?? '', /this kernel has no tunnel gue .*: 10\.0\.0\.2:80 left out/);
      await sleep(QUIET);
      assert.equal(keeper.drift().total, 0);
      assert.equal(log.filter((one) => one.startsWith('error: this kernel lacks something')).length, 1);
      say(keeper, service(1, [dest(1)]));
      keeper.flush();
      assert.equal(keeper.refusal(keyOf(1)), undefined);
    });
  });

  test('one that has it is tried once, and not at all where nobody wants a tunnel', async () => {
    await world(async ({ keeper, kernel, has }) => {
      await start(keeper, mail);
      assert.equal(kernel.commands.filter((one) => one === 1).length, 1);
      say(keeper, wanted, service(3, [gue]));
      await until(() => same(has(1), wanted) && same(has(3), service(3, [gue])), 'as wanted');
      assert.equal(kernel.commands.filter((one) => one === 1).length, 1 + 2 + 1, 'two services, and one to try');
      assert.equal(keeper.refusal(keyOf(1)), undefined);
    });
  });
});

describe('a table of hashes with a server that the kernel refuses', () => {
  const refused = dest(5, { address: '2001:db8::5', forward: 'tun' });
  const DEL_DEST = 7;

  for (const scheduler of ['sh', 'mh'])
    test(`${scheduler}: the healthy ones behind it are left alone, and it gets its place when it is taken`, async () => {
      await world(async ({ keeper, kernel, has }) => {
        // A sync daemon runs.
        kernel.table.mixed = false;
        const order = () => [...(has(1)?.destinations.keys() ?? [])].join();
        const tries = () => kernel.commands.filter((one) => one === 5).length;
        await start(keeper, service(1, [dest(1), refused, dest(3), dest(4)], scheduler));
        await until(() => order() === '10.0.0.1:80,10.0.0.3:80,10.0.0.4:80', 'the others');
        const before = tries();
        await until(() => tries() > before + 5, 'tried again');
        assert.ok(!kernel.commands.includes(DEL_DEST));
        assert.match(keeper.refusal(keyOf(1)) ?? '', /2001:db8::5/);
        kernel.table.mixed = true;
        await until(() => order() === '10.0.0.1:80,[2001:db8::5]:80,10.0.0.3:80,10.0.0.4:80', 'in its place');
        assert.equal(keeper.drift().total, 0);
      });
    });
});

describe('no answer of the kernel while a service behind a tunnel is planned', () => {
  const gue = service(5, [dest(1, { forward: 'tun', tunType: 1, tunPort: 6080 })]);

  for (const [what, command] of [
    ['to the trial of the tunnel', 1],
    ['to the question for the new service', 4],
  ] as const)
    test(`${what}: IPVS is opened anew, and the service is there`, async () => {
      await world(
        async ({ keeper, kernel, has }) => {
          await start(keeper, mail);
          await sleep(QUIET);
          say(keeper, gue);
          kernel.faults.push({ kind: 'ENOBUFS', command });
          keeper.flush();
          await until(() => has(5) !== undefined, 'there');
        },
        ['x'],
      );
    });
});

test('what somebody else made between the first reading and the first table is left as it was', async () => {
  await world(
    async ({ keeper, other, has }) => {
      await keeper.open();
      put(other, service(1, [dest(9)]));
      say(keeper, web);
      keeper.begin();
      await until(() => /not lbd/.test(keeper.refusal(keyOf(1)) ?? ''), 'told');
      assert.deepEqual([...(has(1)?.destinations.keys() ?? [])], ['10.0.0.9:80']);
    },
    ['x'],
  );
});

describe('everybody who takes traffic is replaced', () => {
  const refused = dest(5, { address: '2001:db8::5', forward: 'tun' });

  test('while the kernel refuses the new ones, the old ones go on; then they go', async () => {
    await world(async ({ keeper, kernel, has }) => {
      kernel.table.mixed = false;
      const now = () => [...(has(1)?.destinations ?? [])].map(([key, { weight }]) => `${key}=${weight}`).join();
      const tries = () => kernel.commands.filter((one) => one === 5).length;
      await start(keeper, service(1, [dest(1), dest(2)]));
      const all = now();
      const before = tries();
      say(keeper, service(1, [dest(1, { weight: 0 }), refused]));
      await until(() => tries() > before + 5, 'tried again and again');
      assert.equal(now(), all);
      assert.match(keeper.refusal(keyOf(1)) ?? '', /2001:db8::5/);
      assert.equal(keeper.drift().total, 0);
      kernel.table.mixed = true;
      await until(() => /^10\.0\.0\.1:80=0,\[2001:db8::5\]:80=[1-9]\d*$/.test(now()), 'replaced');
      assert.equal(keeper.drift().total, 0);
    });
  });
});
