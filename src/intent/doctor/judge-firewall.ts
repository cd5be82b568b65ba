/** The firewall: what of lbd's traffic it drops, by which rule, and the line that is missing. */
import { describePlace, type Obstacle, obstacles } from './firewall.js';
import { finding, listNames } from './host.js';
import { type Ruleset, readRuleset } from './ruleset.js';
import { ownTrials, serviceTrials, type Trial, type Tuples } from './trials.js';
import type { Finding, HostFacts, Wanted } from './types.js';

/** Packets of services that are tried. */
const MAX_SERVICE_TRIALS = 150;

/** Trials that fail for the same reason: one finding. */
interface Failure {
  readonly obstacle: Obstacle;
  readonly trial: Trial;
  readonly names: string[];
  readonly tuples: Tuples[];
}

const endpoint = ({ address, port }: Tuples): string => `${address} . ${port}`;

/** `ip daddr 192.0.2.10 tcp dport 80`, or a set of such pairs. */
function tupleRule(tuples: readonly Tuples[]): string {
  const [first] = tuples as readonly [Tuples];
  const { side, family, protocol, address, port, onlyInvalid } = first;
  const network = `${family === 4 ? 'ip' : 'ip6'} ${side === 'to' ? 'daddr' : 'saddr'}`;
  const transport = `${protocol} ${side === 'to' ? 'dport' : 'sport'}`;
  const state = onlyInvalid ? ' ct state invalid' : '';
  const unique = [...new Map(tuples.map((one) => [endpoint(one), one])).values()];
  if (port === 0) {
    const addresses = unique.map((one) => one.address);
    const set = addresses.length === 1 ? address : `{ ${addresses.join(', ')} }`;
    return `${network} ${set} meta l4proto ${protocol}${state}`;
  }
  if (unique.length === 1) return `${network} ${address} ${transport} ${port}${state}`;
  return `${network} . ${transport} { ${unique.map(endpoint).join(', ')} }${state}`;
}

function cureOf({ obstacle, trial, tuples }: Failure): string {
  const { family, table, name } = obstacle.base;
  const rule = typeof trial.rule === 'string' ? trial.rule : tupleRule(tuples);
  return `nft insert rule ${family} ${table} ${name} ${rule} accept`;
}

function toFinding(failure: Failure): Finding {
  const { obstacle, trial, names } = failure;
  const what = `${trial.subject} ${listNames(names)}`;
  const place = describePlace(obstacle.place);
  if (obstacle.verdict === 'dropped')
    return finding(trial.severity, 'firewall', `${what} are dropped by ${place}: ${trial.effect}`, cureOf(failure));
  const { family, table, name } = obstacle.place.chain;
  const text = `lbd cannot tell whether ${what} get through ${place}, which has ${obstacle.doubt || 'a rule it cannot judge'}`;
  return finding('info', 'firewall', text, `read it: nft -a list chain ${family} ${table} ${name}`);
}

/** Rules that say which port differ from those that do not; protocols and families cannot share one. */
function keyOf(trial: Trial, { verdict, base, place }: Obstacle): string {
  const { rule } = trial;
  const kind =
    typeof rule === 'string' ? rule : [rule.side, rule.family, rule.protocol, rule.port === 0, rule.onlyInvalid].join();
  return [verdict, describePlace({ chain: base, handle: undefined }), describePlace(place), trial.subject, kind].join('\0');
}

function note(failures: Map<string, Failure>, trial: Trial, obstacle: Obstacle): void {
  const key = keyOf(trial, obstacle);
  const failure = failures.get(key) ?? { obstacle, trial, names: [], tuples: [] };
  failure.names.push(trial.of);
  if (typeof trial.rule !== 'string') failure.tuples.push(trial.rule);
  failures.set(key, failure);
}

const baseOf = ({ base }: Obstacle): string => describePlace({ chain: base, handle: undefined });

/** Where a chain drops a service's new connections, what it does to the invalid packets of that service is no news. */
function tryAll(ruleset: Ruleset, trials: readonly Trial[]): Map<string, Failure> {
  const failures = new Map<string, Failure>();
  const closed = new Set<string>();
  for (const trial of trials) {
    const invalid = typeof trial.rule !== 'string' && trial.rule.onlyInvalid;
    for (const obstacle of obstacles(ruleset, trial.packet, trial.hooks)) {
      if (trial.onlyCertain && obstacle.verdict === 'unknown') continue;
      const known = `${trial.of}\0${baseOf(obstacle)}`;
      if (invalid && closed.has(known)) continue;
      closed.add(known);
      note(failures, trial, obstacle);
    }
  }
  return failures;
}

/** At most so many: the rules are alike for the rest. */
function firstOf(trials: Generator<Trial>): { readonly taken: Trial[]; readonly more: boolean } {
  const taken: Trial[] = [];
  for (const trial of trials) {
    if (taken.length === MAX_SERVICE_TRIALS) return { taken, more: true };
    taken.push(trial);
  }
  return { taken, more: false };
}

function legacy({ legacyTables }: HostFacts): Finding[] {
  if (legacyTables.length === 0) return [];
  const text = `the old iptables is in use (${legacyTables.join(', ')}), which lbd does not look at`;
  return [finding('info', 'firewall', text, 'read it: iptables-legacy -S; ip6tables-legacy -S')];
}

export function judgeFirewall(facts: HostFacts, wanted: Wanted): Finding[] {
  const ruleset = readRuleset(facts.nft);
  if (!ruleset) return legacy(facts);
  const { taken, more } = firstOf(serviceTrials(facts, wanted));
  const trials = [...ownTrials(facts, wanted), ...taken];
  const found = [...tryAll(ruleset, trials).values()].map(toFinding);
  const fine = finding('ok', 'firewall', 'nftables lets through what lbd and its services need');
  if (found.length === 0 && trials.length > 0) found.push(fine);
  const text = 'of the many services only the first were tried against the firewall';
  if (more) found.push(finding('info', 'firewall', text));
  return [...found, ...legacy(facts)];
}
