/**
 * The check process: health, pool, IPVS. A verdict changes the wanted service, the table keeper makes the kernel follow. Everything
 * arrives as an event of this process's loop: commands of core, results of probes, readings of the kernel.
 */

import { parseEndpoint } from '../../base/ip.js';
import type { HealthState } from '../../health/types.js';
import type { RealServerIntent, ServiceIntent } from '../../intent/types.js';
import { destinationKey, serviceKey } from '../../ipvs/types.js';
import { now } from '../../os/clock.js';
import { openIpvs } from '../../os/ipvs.js';
import { startProbe } from '../../os/probe/index.js';
import {
  adoptedMembership,
  allChecks,
  checksOf,
  type Memberships,
  memberships,
  servingChecks,
  wanted,
} from '../../pool/membership.js';
import { linkToCore } from '../child.js';
import { takeLease } from '../lease.js';
import type { CheckCommand, CheckQuery, CheckSummary, Forwarding } from '../messages.js';
import { openOwnership } from './ownership.js';
import { reportForeign, reportService, reportWhy, type Sight } from './report.js';
import { createCheckRunner } from './scheduler.js';
import { createTableKeeper, type TableKeeper } from './table.js';
import { openVerdictStore, type VerdictStore } from './verdicts.js';

type Configure = Extract<CheckCommand, { type: 'configure' }>;

/** Core is gone: how long to go on for a successor. */
const ORPHAN_MS = 15_000;
/** How long instances wait at start for every check to decide. */
const DECIDE_MS = 10_000;

export function runCheckProcess(): void {
  const link = linkToCore<CheckCommand>();
  let pool: Pool | undefined;
  link.onCommand((command) => {
    switch (command.type) {
      case 'configure':
        pool ??= createPool(command, link);
        pool.configure(command);
        break;
      case 'query':
        link.send({ type: 'answer', id: command.id, ...answer(pool, command.query) });
        break;
      case 'recheck':
        pool?.recheck();
        break;
      case 'stop':
        void end(pool, true);
        break;
      case 'exit':
        void end(pool, false);
    }
  });
  link.onOrphan(() => {
    link.log('error', `core is gone; checks go on for ${ORPHAN_MS / 1000}s for a successor`);
    setTimeout(() => void end(pool, false), ORPHAN_MS);
  });
  process.on('SIGUSR2', () => void end(pool, false));
  void takeLease('check', () => void end(pool, false)).then((alone) => {
    if (!alone) link.log('error', 'an older check process does not end: two of them command one IPVS table');
    link.send({ type: 'ready' });
  });
}

async function end(pool: Pool | undefined, ordered: boolean): Promise<void> {
  await pool?.close(ordered);
  process.exit(0);
}

function answer(pool: Pool | undefined, query: CheckQuery): { value: unknown } | { error: string } {
  if (!pool) return { error: 'the check process has no configuration yet' };
  switch (query.what) {
    case 'summary':
      return { value: pool.summary() };
    case 'services':
      return pool.services(query.service);
    case 'detail':
      return pool.detail(query.service, query.rs);
  }
}

type Answer = { value: unknown } | { error: string };

interface Pool {
  configure(command: Configure): void;
  recheck(): void;
  summary(): CheckSummary;
  services(service: string | undefined): Answer;
  detail(service: string, rs: string | undefined): Answer;
  close(ordered: boolean): Promise<void>;
}

/** All virtual servers of this process and what they share. */
function createPool(first: Configure, link: ReturnType<typeof linkToCore<CheckCommand>>): Pool {
  let services: readonly ServiceIntent[] = [];
  let onStop = first.onStop;
  let byCheck = new Map<string, Set<ServiceIntent>>();
  let byKey = new Map<string, ServiceIntent>();
  const members = new Map<string, Memberships>();
  /** Checks that look again after the network was away, with the results still to be awaited. */
  const rechecking = new Map<string, number>();
  const startedAt = now();
  let told: { state: Forwarding; reason: string } | undefined;
  const warn = (text: string) => link.log('warn', text);
  const store: VerdictStore = openVerdictStore(first.stateDir, { now, warn });
  const nameOf = (key: string) => byKey.get(key)?.name ?? key;
  const keeper: TableKeeper = createTableKeeper({
    open: openIpvs,
    owned: openOwnership(first.stateDir, warn),
    now,
    log: link.log,
    event: link.event,
    nameOf,
    onState: () => tellForwarding(),
  });
  const runner = createCheckRunner({ now, startProbe, onVerdict, onResult });
  let latest = first;
  let opened = false;
  void start();

  /** What core passes on to the VRRP instances. Ready once, it stays so until IPVS is lost. */
  function tellForwarding(): void {
    const next = forwarding();
    if (told?.state === next.state && told.reason === next.reason) return;
    if (told?.state === 'ready' && next.state === 'starting' && rechecking.size === 0) return;
    told = next;
    link.send({ type: 'forwarding', ...next });
  }

  function forwarding(): { state: Forwarding; reason: string } {
    if (!opened) return { state: 'starting', reason: 'IPVS is being opened' };
    if (keeper.problem) return { state: 'unusable', reason: keeper.problem };
    const open = runner.undecided();
    if (open > 0 && now() - startedAt < DECIDE_MS) return { state: 'starting', reason: `${open} checks have not decided yet` };
    const again = rechecking.size;
    if (again > 0) return { state: 'starting', reason: `the network is back: ${again} checks look again` };
    return { state: 'ready', reason: '' };
  }

  /** Checks that were down when the network came back get `fall` more tries before their verdict counts again. */
  function recheck(): void {
    for (const [key, state] of runner.states()) if (state.verdict === 'down') rechecking.set(key, triesOf(key));
    runner.hasten(rechecking.keys());
    setTimeout(() => {
      rechecking.clear();
      tellForwarding();
    }, DECIDE_MS);
    told = undefined;
    tellForwarding();
  }

  /** The fall that a check was configured with; the key alone does not tell. */
  function triesOf(key: string): number {
    for (const service of byCheck.get(key) ?? []) {
      for (const server of service.realServers) {
        const spec = checksOf(server).find((one) => one.key === key);
        if (spec) return spec.check.fall;
      }
    }
    return 1;
  }

  function onResult(key: string): void {
    const left = rechecking.get(key);
    if (left === undefined) return;
    if (left > 1 && runner.state(key)?.verdict !== 'up') rechecking.set(key, left - 1);
    else rechecking.delete(key);
    // The table follows first: `ready` means that what the verdicts say is in the kernel.
    keeper.flush();
    tellForwarding();
  }

  function onVerdict(checkKey: string, change: { from: string; to: string; reason: string }): void {
    for (const service of byCheck.get(checkKey) ?? []) {
      for (const server of service.realServers) {
        if (!checksOf(server).some((spec) => spec.key === checkKey)) continue;
        link.event('verdict', `${service.name}/${server.key}`, `${change.from} -> ${change.to}: ${change.reason}`);
      }
      decide(service);
    }
    remember();
    tellForwarding();
  }

  const membersOf = (key: string): Memberships => members.get(key) ?? new Map();
  const verdictOf = (key: string) => runner.state(key)?.verdict ?? 'unknown';

  function decide(service: ServiceIntent): void {
    const decided = memberships(service, verdictOf, membersOf(service.key));
    members.set(service.key, decided);
    for (const one of wanted(service, decided)) keeper.want(serviceKey(one.id), one);
  }

  function remember(): void {
    store.save(runner.states(), members);
  }

  function index(): void {
    byKey = new Map(services.map((service) => [service.key, service]));
    byCheck = new Map();
    for (const service of services) {
      for (const server of service.realServers) {
        for (const spec of checksOf(server)) {
          const users = byCheck.get(spec.key) ?? new Set();
          byCheck.set(spec.key, users.add(service));
        }
      }
    }
  }

  /** After a restart the kernel's table says who was in, where the saved memberships do not. */
  function adopt(service: ServiceIntent): void {
    if (members.has(service.key)) return;
    const saved = store.members(service.key);
    const found = keeper.believed(service.key);
    members.set(
      service.key,
      saved ?? new Map([...(found?.destinations ?? [])].map(([key, one]) => [key, adoptedMembership(one)])),
    );
  }

  function configure(command: Configure): void {
    latest = command;
    if (opened) apply(command);
  }

  function apply(command: Configure): void {
    const gone = new Set(byKey.keys());
    services = command.services;
    onStop = command.onStop;
    index();
    for (const service of services) {
      gone.delete(service.key);
      adopt(service);
    }
    const serving = servingChecks(services, membersOf);
    runner.reconcile(allChecks(services), (key) => ({ remembered: store.verdict(key), serving: serving.has(key) }));
    for (const key of gone) {
      members.delete(key);
      keeper.want(key, undefined);
    }
    for (const service of services) decide(service);
    remember();
  }

  /** The kernel is read before anything is decided: what it holds is where a restarted daemon goes on from. */
  async function start(): Promise<void> {
    await keeper.open();
    opened = true;
    apply(latest);
    keeper.begin();
    setTimeout(tellForwarding, DECIDE_MS + 1);
    tellForwarding();
  }

  function sight(): Sight {
    return {
      now: now(),
      stateOf: (key) => runner.state(key) as HealthState | undefined,
      membersOf,
      wantedOf: (key) => {
        const service = byKey.get(key);
        return service && wanted(service, membersOf(key))[0];
      },
      kernel: keeper.read(),
      refusalOf: keeper.refusal,
    };
  }

  function find(word: string): ServiceIntent | undefined {
    return services.find((one) => one.name === word) ?? byKey.get(word);
  }

  function unknown(word: string): { error: string } {
    const names = services.map((one) => one.name);
    return {
      error: `unknown service "${word}"${names.length > 0 && names.length <= 20 ? `; there is ${names.join(', ')}` : ''}`,
    };
  }

  return {
    configure,
    recheck,
    summary() {
      const view = sight();
      const reports = services.map((service) => reportService(view, service));
      const down = reports.flatMap((report) =>
        report.real_servers
          .filter((one) => one.verdict.state === 'down')
          .map((one) => ({ service: report.name, rs: one.address, reason: one.why })),
      );
      const ipvs = keeper.problem ? { usable: false, text: keeper.problem } : { usable: true, text: 'ok' };
      return {
        ipvs,
        drift: keeper.drift(),
        services: reports.map(({ real_servers: _none, ...rest }) => rest),
        foreign: keeper.foreign(),
        down: down.slice(0, 100),
      };
    },
    services(word) {
      const view = sight();
      if (word === undefined) {
        const foreign = keeper.foreign().flatMap((key) => view.kernel?.get(key) ?? []);
        return { value: { services: [...services.map((one) => reportService(view, one)), ...foreign.map(reportForeign)] } };
      }
      const service = find(word);
      return service ? { value: { services: [reportService(view, service)] } } : unknown(word);
    },
    detail(word, rs) {
      const service = find(word);
      if (!service) return unknown(word);
      if (rs === undefined) return { value: reportWhy(sight(), service, undefined) };
      const server = findServer(service, rs);
      return typeof server === 'string' ? { error: server } : { value: reportWhy(sight(), service, server) };
    },
    async close(ordered) {
      runner.close();
      if (ordered && onStop === 'remove') keeper.removeAll();
      keeper.close();
      await store.flush();
    },
  };
}

/** The real server that `ADDRESS[:PORT]` names, or the sentence that says why it names none. */
function findServer(service: ServiceIntent, word: string): RealServerIntent | string {
  const endpoint = parseEndpoint(word);
  if (!endpoint) return `"${word}" is no real server address (ADDRESS:PORT)`;
  const { address, port } = endpoint;
  const matches = service.realServers.filter((one) => one.address === address && (port === undefined || one.port === port));
  if (matches.length === 1) return matches[0] as RealServerIntent;
  if (matches.length > 1) return `the port is ambiguous: ${matches.map(destinationKey).join(', ')}`;
  return `${service.name} has no real server ${word}; it has ${service.realServers.map((one) => one.key).join(', ') || 'none'}`;
}
