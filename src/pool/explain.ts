/** One sentence: why a real server is in the table or out of it. */
import { describeCheck, describeDoubt } from '../health/key.js';
import type { CheckSpec, HealthState } from '../health/types.js';
import { type Membership, memberVerdict } from './membership.js';

/** A check of the server with its state; undefined while nothing runs it (yet). */
export interface CheckReport {
  readonly spec: CheckSpec;
  readonly state: HealthState | undefined;
}

export interface Member {
  readonly membership: Membership;
  /** The weight wanted while it is up. */
  readonly weight: number;
  /** What the administrator wants it to be, where its checks make another one of it. */
  readonly asked?: number;
  /** The quorum is lost, and the sorry server serves. */
  readonly sorry?: boolean;
  /** This director suspects itself of what these checks say. */
  readonly held?: boolean;
  readonly checks: readonly CheckReport[];
}

const verdictOf = (report: CheckReport) => report.state?.verdict ?? 'unknown';

/** The words of the server that its weight rests on. */
function asking({ checks }: Member): string {
  const report = checks.find(({ state }) => state?.share !== undefined && state.share !== 100);
  return report ? ` (${describeCheck(report.spec)} ${report.state?.history[0]?.reason ?? ''})` : '';
}

const place = (member: Member): string => {
  if (member.membership === 'out') return 'removed from the table';
  if (member.sorry) return 'in the table with weight 0 while the sorry server serves: the quorum is lost';
  if (member.membership === 'quiesced') return 'in the table with weight 0 (on_failure: quiesce)';
  const of = member.asked === undefined || member.asked === member.weight ? '' : ` of ${member.asked}${asking(member)}`;
  return `in the table with weight ${member.weight}${of}${member.weight === 0 ? ', so without new connections' : ''}`;
};

const more = (reports: readonly CheckReport[]): string => {
  const others = reports.length - 1;
  if (others === 0) return '';
  return `, and ${others} more ${others === 1 ? 'check' : 'checks'}`;
};

/** What a check that is down rests on, with the latest result where that says something else. */
function failure(report: CheckReport): string {
  const { reason = '', history = [] } = report.state ?? {};
  const latest = history[0];
  const news = latest && !reason.startsWith(latest.reason) ? `, now ${latest.reason}` : '';
  return `${describeCheck(report.spec)}: ${reason}${news}${describeDoubt(report.spec, latest?.reason ?? reason)}`;
}

/** How far a check without a verdict is. */
function progress(report: CheckReport): string {
  const { spec, state } = report;
  const latest = state?.history[0];
  if (!state || !latest) return describeCheck(spec);
  const { ok, count } = state.streak;
  const needed = ok ? spec.check.rise : state.firstFall;
  const counted = count > 0 ? ` (${count} of ${needed} ${ok ? 'successes' : 'failures'})` : '';
  return `${describeCheck(spec)}: ${latest.reason}${counted}`;
}

const held = (member: Member): string =>
  member.held ? '; it stays: most servers began to fail at once, and this director suspects itself' : '';

const down = (member: Member, failed: readonly CheckReport[]): string =>
  `down: ${failure(failed[0] as CheckReport)}${more(failed)}, ${place(member)}${held(member)}`;

function undecided(member: Member, open: readonly CheckReport[]): string {
  const waiting = `${progress(open[0] as CheckReport)}${more(open)}`;
  if (member.membership === 'out') return `new: waiting for its first successful check: ${waiting}`;
  return `unknown: ${place(member)} as before, until a new check has decided: ${waiting}`;
}

/** What speaks against a verdict of up, though not enough to change it: failures so far, or that nothing can be found out. */
function doubt(member: Member): string {
  for (const report of member.checks) {
    const latest = report.state?.history[0];
    if (!report.state || !latest || latest.ok) continue;
    if (latest.local) return `; not checked at the moment: ${describeCheck(report.spec)}: ${latest.reason}`;
    const { count } = report.state.streak;
    return `; failing: ${describeCheck(report.spec)}: ${latest.reason} (${count} of ${report.spec.check.fall} failures)`;
  }
  return '';
}

/** `up, in the table with weight 10`, `down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), removed from the table`. */
export function explain(member: Member): string {
  switch (memberVerdict(member.checks.map(verdictOf))) {
    case 'unchecked':
      return `not checked, so always up, ${place(member)}`;
    case 'up':
      return `up, ${place(member)}${doubt(member)}`;
    case 'down':
      return down(
        member,
        member.checks.filter((report) => verdictOf(report) === 'down'),
      );
    case 'unknown':
      return undecided(
        member,
        member.checks.filter((report) => verdictOf(report) === 'unknown'),
      );
  }
}
