/**
 * The demo: two directors, three web servers and a client on one lab kernel, and what a user would see while things break.
 * Every figure is measured at the client, which goes on asking all the time.
 */
import { fileURLToPath } from 'node:url';
import { createDirector, type Director } from '../kit/director.js';
import { buildNetwork, giveVip, type Network, VIP } from '../kit/net.js';
import { type Program, start } from '../kit/shell.js';
import { longestGap, monotonic, shares, startTraffic, type Traffic } from '../kit/traffic.js';
import { createNarrator, type Narrator } from './narrator.js';

const RATE = 20;
const TIMEOUT_MS = 2000;
const INTERVAL_MS = 300;

const config = (priority: number): string => `
defaults:
  scheduler: rr
  forward: dr
  check: { interval: 1s, timeout: 800ms, rise: 1, fall: 2 }
virtual_servers:
  - name: web
    address: ${VIP}:80
    checks: [ { type: http, path: /healthz, status: [ 200-299 ], body: "ok" } ]
    real_servers:
      - { address: "192.0.2.21:80" }
      - { address: "192.0.2.22:80" }
      - { address: "192.0.2.23:80" }
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    priority: ${priority}
    advert_interval: ${INTERVAL_MS}ms
    virtual_addresses: [ ${VIP}/24 ]
`;

interface Stage {
  readonly tell: Narrator;
  readonly network: Network;
  readonly d1: Director;
  readonly d2: Director;
  readonly web: Map<string, Program>;
  traffic: Traffic;
}

async function startWeb(stage: Pick<Stage, 'network' | 'web'>, name: string): Promise<void> {
  const script = fileURLToPath(new URL('../kit/web.js', import.meta.url));
  const program = start(stage.network.host(name).netns, [process.execPath, script, name, '80']);
  stage.web.set(name, program);
  await program.line(/listens/);
}

const live = (stage: Stage) => () => {
  const last = stage.traffic.between(monotonic() - 5000);
  const failed = last.filter((answer) => answer.error !== null).length;
  return `client: ${stage.traffic.answers.length} requests; last 5 s: ${last.length - failed} answered, ${failed} failed  ${JSON.stringify(shares(last))}`;
};

const watch = <T>(stage: Stage, work: Promise<T>): Promise<T> => stage.tell.during(live(stage), work);

const ms = (value: number) => `${Math.round(value)} ms`;

/** What the client saw since `from`: the longest silence and the requests that failed. */
function seen(stage: Stage, from: number): { gap: string; failed: string; count: number } {
  const answers = stage.traffic.between(from - 1000);
  const failed = answers.filter((answer) => answer.error !== null).length;
  return { gap: ms(longestGap(answers)), failed: `${failed} of ${answers.length}`, count: answers.length };
}

const upCount = (count: number) => (status: { services: readonly { up: number }[] }) => status.services[0]?.up === count;
const isMaster = (status: { instances: readonly { state: string }[] }) => status.instances[0]?.state === 'master';
const isBackup = (status: { instances: readonly { state: string }[] }) => status.instances[0]?.state === 'backup';

async function spread(stage: Stage): Promise<void> {
  const { tell, traffic } = stage;
  tell.step(`The client asks http://${VIP}/ ${RATE} times a second`);
  await watch(
    stage,
    traffic.next((answer) => answer.error === null),
  );
  const answers = await watch(stage, traffic.more(60));
  const failed = answers.filter((answer) => answer.error !== null).length;
  tell.result(
    'requests spread over the web servers',
    Object.entries(shares(answers))
      .map(([who, count]) => `${who} ${count}`)
      .join(', '),
  );
  if (failed > 0)
    throw new Error(
      `${failed} of ${answers.length} requests failed with everything healthy: ${JSON.stringify(answers.find((one) => one.error))}`,
    );
}

async function serverDies(stage: Stage): Promise<void> {
  const { tell, traffic, d1 } = stage;
  tell.step('Web server rs2 is killed');
  const from = monotonic();
  await stage.web.get('rs2')?.kill();
  await watch(stage, d1.when('rs2 is out', upCount(2)));
  const out = await watch(stage, settledWithout(traffic, 'rs2'));
  tell.result('web server dead: last failed request after', ms(out - from));
  tell.result('web server dead: requests failed', seen(stage, from).failed);
  tell.say(d1.ctl('why', 'web/192.0.2.22:80').stdout.split('\n')[0] ?? '');
}

/** The end of the last failure: once RATE requests in a row have succeeded. */
async function settledWithout(traffic: Traffic, _who: string): Promise<number> {
  await traffic.next(() => {
    const last = traffic.answers.slice(-RATE);
    return last.length === RATE && last.every((answer) => answer.error === null);
  });
  const failures = traffic.answers.filter((answer) => answer.error !== null);
  const last = failures.at(-1);
  return last ? last.at + last.ms : 0;
}

async function serverReturns(stage: Stage): Promise<void> {
  const { tell, traffic } = stage;
  tell.step('rs2 is started again');
  await startWeb(stage, 'rs2');
  const from = monotonic();
  const first = await watch(
    stage,
    traffic.next((answer) => answer.who === 'rs2'),
  );
  tell.result('web server back: first request after its start', ms(first.at - from));
}

async function addServer(stage: Stage): Promise<void> {
  const { tell, traffic, d1, d2 } = stage;
  tell.step('A fourth web server is added while traffic flows: lbctl add-rs web 192.0.2.24:80');
  await startWeb(stage, 'rs4');
  const from = monotonic();
  for (const [name, director] of Object.entries({ d1, d2 })) {
    const added = director.ctl('add-rs', 'web', '192.0.2.24:80', '--reason', 'demo');
    if (added.status !== 0) throw new Error(`lbctl add-rs: ${added.stderr}`);
    tell.say(`${name}: ${added.stdout.trim()}`);
  }
  const first = await watch(
    stage,
    traffic.next((answer) => answer.who === 'rs4'),
  );
  tell.result('lbctl add-rs: first request on the new server after', ms(first.at + first.ms - from));
  await d2.when('the backup has it too', upCount(4));
}

async function masterCut(stage: Stage): Promise<void> {
  const { tell, traffic, network, d1, d2 } = stage;
  tell.step(`The master d1 is cut off (adverts each ${INTERVAL_MS} ms)`);
  const from = monotonic();
  network.cable('d1', 'down');
  await watch(stage, d2.when('d2 is master', isMaster));
  await watch(stage, traffic.more(RATE * 2));
  const { gap, failed } = seen(stage, from);
  tell.result('master cut off: without answer', gap);
  tell.result('master cut off: requests failed', failed);
  tell.say(`d1 says: ${(await d1.status()).problems[0]?.text ?? 'nothing'}`);
}

async function masterReturns(stage: Stage): Promise<void> {
  const { tell, traffic, network, d1, d2 } = stage;
  tell.step('d1 is plugged in again; it has the higher priority and takes over');
  const from = monotonic();
  network.cable('d1', 'up');
  await watch(stage, d1.when('d1 is master', isMaster));
  await watch(stage, d2.when('d2 is backup', isBackup));
  await watch(stage, traffic.more(RATE * 2));
  const { gap, failed } = seen(stage, from);
  tell.result('master back: longest time without answer', gap);
  tell.result('master back: requests failed', failed);
}

async function orderedStop(stage: Stage): Promise<void> {
  const { tell, traffic, d1, d2 } = stage;
  tell.step('Ordered switch-over: d1 is told to stop (SIGTERM)');
  const from = monotonic();
  const status = await watch(stage, d1.stop());
  await watch(stage, d2.when('d2 is master', isMaster));
  await watch(stage, traffic.more(RATE * 2));
  const { gap, failed } = seen(stage, from);
  tell.result('ordered switch-over: longest time without answer', gap);
  tell.result('ordered switch-over: requests failed', failed);
  if (!failed.startsWith('0 ')) {
    tell.say(
      '(a request in the middle of the switch meets a director that does not know its connection: connection_sync, which this demo leaves out, tells it of those that have gone on for some packets)',
    );
  }
  if (status !== 0) throw new Error(`lbd of d1 ended with status ${status}`);
}

async function play(stage: Stage): Promise<void> {
  const { tell, network, d1, d2 } = stage;
  for (const name of ['rs1', 'rs2', 'rs3', 'rs4']) giveVip(network, name);
  tell.step('Three web servers, then the directors d1 (priority 150) and d2 (priority 100)');
  for (const name of ['rs1', 'rs2', 'rs3']) await startWeb(stage, name);
  d1.configure(config(150));
  d2.configure(config(100));
  await tell.during(() => 'starting', Promise.all([d1.start(), d2.start()]));
  await d1.when('three servers up, master', (status) => upCount(3)(status) && isMaster(status));
  await d2.when('three servers up, backup', (status) => upCount(3)(status) && isBackup(status));
  for (const line of d1.ctl('status').stdout.trimEnd().split('\n')) tell.say(`| ${line}`);
  stage.traffic = startTraffic(network.host('cli').netns, VIP, 80, RATE, TIMEOUT_MS);
  for (const act of [spread, serverDies, serverReturns, addServer, masterCut, masterReturns, orderedStop]) await act(stage);
}

async function main(): Promise<number> {
  const tell = createNarrator((text) => process.stdout.write(text), process.env.LBD_DEMO_LIVE === '1');
  const network = buildNetwork(['cli', 'd1', 'd2', 'rs1', 'rs2', 'rs3', 'rs4']);
  const d1 = createDirector(network.host('d1').netns, 'd1');
  const d2 = createDirector(network.host('d2').netns, 'd2');
  const stage = { tell, network, d1, d2, web: new Map<string, Program>() } as Stage;
  try {
    await play(stage);
    tell.say('');
    process.stdout.write(
      `\nMeasured at the client (${stage.traffic.answers.length} requests):\n${tell.table()}\n\nThe demo ended well.\n`,
    );
    return 0;
  } catch (error) {
    process.stdout.write(`\nThe demo went wrong: ${(error as Error).message}\n`);
    return 1;
  } finally {
    await stage.traffic?.stop();
    await d1.destroy();
    await d2.destroy();
    for (const program of stage.web.values()) await program.kill();
    network.destroy();
  }
}

process.exitCode = await main();
