/** One sentence: why a real server is in the table or out of it. */
import type { Milliseconds } from '../base/duration.js';
import { describeCheck, describeDoubt } from '../health/key.js';
import type { CheckSpec, HealthState, ResultRecord, Verdict } from '../health/types.js';
import { roughly } from './admin.js';
import { boundedShare, type Membership, memberVerdict } from './membership.js';

/** A check of the server with its state; undefined while nothing runs it (yet). */
export interface CheckReport {
  readonly spec: CheckSpec;
  readonly state: HealthState | undefined;
  /** Of the probe that ended last. */
  readonly latest?: ResultRecord | undefined;
}

export interface Member {
  readonly membership: Membership;
  /** The weight wanted while it is up, as it is now. */
  readonly weight: number;
  /** What the administrator wants it to be, where its checks or slow start make another one of it. */
  readonly asked?: number;
  /** Until slow start is over. */
  readonly growing?: Milliseconds | undefined;
  /** Why it stands by with weight 0: `while the sorry server serves: the quorum is lost`. */
  readonly idle?: string | undefined;
  /** So many checks must pass; absent: all. */
  readonly needed?: number | undefined;
  /** Of flap damping. */
  readonly penalty?: { readonly text: string; readonly held: boolean } | undefined;
  /** The rule that keeps it in though it failed: `min_healthy 50%`. */
  readonly kept?: string | undefined;
  /** It has decided before: what it waits for is a check that was changed, or added. Absent: it is new. */
  readonly known?: boolean;
  /** This director suspects itself of what these checks say. */
  readonly held?: boolean;
  readonly checks: readonly CheckReport[];
}

const verdictOf = (report: CheckReport) => report.state?.verdict ?? 'unknown';

/** Where it asks for more or less than it may. */
function bounded({ spec, state }: CheckReport): string {
  const share = boundedShare(spec, state?.share);
  return state?.share === undefined || share === state.share ? '' : `, at ${share > state.share ? 'least' : 'most'} ${share}%`;
}

/** The words of the server that its weight rests on, and how long it grows. */
function because({ checks, growing }: Member): string {
  const report = checks.find(({ state }) => state?.share !== undefined && state.share !== 100);
  const parts = report ? [`${describeCheck(report.spec)} ${report.latest?.reason ?? ''}`.trimEnd() + bounded(report)] : [];
  if (growing !== undefined) parts.push(`slow start: all of it in ${roughly(growing)}`);
  return parts.length > 0 ? ` (${parts.join('; ')})` : '';
}

const place = (member: Member): string => {
  const { membership, weight, asked = weight, idle, kept } = member;
  if (membership === 'out') return 'removed from the table';
  if (idle !== undefined) return `in the table with weight 0 ${idle}`;
  if (membership === 'quiesced') return 'in the table with weight 0 (on_failure: quiesce)';
  const of = asked === weight ? '' : ` of ${asked}${because(member)}`;
  const all = membership === 'kept' ? `, kept in because too few are healthy${kept === undefined ? '' : ` (${kept})`}` : '';
  return `in the table with weight ${weight}${of}${weight === 0 ? ', so without new connections' : ''}${all}`;
};

/** `2 of 3 checks pass, 2 needed` */
export function describePassed(verdicts: readonly Verdict[], needed: number): string {
  const up = verdicts.filter((one) => one === 'up').length;
  return `${up} of ${verdicts.length} checks ${up === 1 ? 'passes' : 'pass'}, ${needed} needed`;
}

/** Where not all must pass. */
const passed = ({ checks, needed }: Member): string | undefined =>
  needed === undefined || checks.length === 0 ? undefined : describePassed(checks.map(verdictOf), needed);

const more = (reports: readonly CheckReport[]): string => {
  const others = reports.length - 1;
  if (others === 0) return '';
  return `, and ${others} more ${others === 1 ? 'check' : 'checks'}`;
};

/** What a check that is down rests on, with the latest result where that says something else. */
function failure(report: CheckReport): string {
  const { latest, state: { reason } = { reason: '' } } = report;
  const news = latest && !reason.startsWith(latest.reason) ? `, now ${latest.reason}` : '';
  return `${describeCheck(report.spec)}: ${reason}${news}${describeDoubt(report.spec, latest?.reason ?? reason)}`;
}

/** How far a check without a verdict is. */
function progress(report: CheckReport): string {
  const { spec, state, latest } = report;
  if (!state || !latest) return describeCheck(spec);
  const { ok, count } = state.streak;
  const needed = ok ? spec.check.rise : state.firstFall;
  const counted = count > 0 ? ` (${count} of ${needed} ${ok ? 'successes' : 'failures'})` : '';
  return `${describeCheck(spec)}: ${latest.reason}${counted}`;
}

const held = (member: Member): string =>
  member.held ? '; it stays: most servers began to fail at once, and this director suspects itself' : '';

function down(member: Member, failed: readonly CheckReport[]): string {
  const counted = passed(member);
  return `down: ${counted === undefined ? '' : `${counted}: `}${failure(failed[0] as CheckReport)}${more(failed)}, ${place(member)}${held(member)}`;
}

/** With some checks down, where the others are enough. */
function up(member: Member, failed: readonly CheckReport[]): string {
  const counted = passed(member);
  const failing = failed[0] ? `; down: ${failure(failed[0])}${more(failed)}` : '';
  const text = `up${counted === undefined ? '' : ` (${counted}${failing})`}`;
  return member.penalty?.held ? `${text}, but ${place(member)}` : `${text}, ${place(member)}${doubt(member)}`;
}

function undecided(member: Member, open: readonly CheckReport[]): string {
  const waiting = `${progress(open[0] as CheckReport)}${more(open)}`;
  if (member.membership === 'out' && !member.known) return `new: waiting for its first successful check: ${waiting}`;
  return `unknown: ${place(member)} as before, until a new check has decided: ${waiting}`;
}

/** What speaks against a verdict of up, though not enough to change it: failures so far, or that nothing can be found out. */
function doubt(member: Member): string {
  for (const { spec, state, latest } of member.checks) {
    if (!state || !latest || latest.ok || state.verdict === 'down') continue;
    if (latest.local) return `; not checked at the moment: ${describeCheck(spec)}: ${latest.reason}`;
    return `; failing: ${describeCheck(spec)}: ${latest.reason} (${state.streak.count} of ${spec.check.fall} failures)`;
  }
  return '';
}

/** `up, in the table with weight 10`, `down: tcp connect to 10.0.0.21:80: connection refused (2 of 2 failures), removed from the table`. */
export function explain(member: Member): string {
  const penalty = member.penalty ? `; ${member.penalty.text}` : '';
  return `${explainVerdict(member)}${penalty}`;
}

function explainVerdict(member: Member): string {
  const which = (verdict: Verdict) => member.checks.filter((report) => verdictOf(report) === verdict);
  switch (memberVerdict(member.checks.map(verdictOf), member.needed)) {
    case 'unchecked':
      return `not checked, so always up, ${place(member)}`;
    case 'up':
      return up(member, which('down'));
    case 'down':
      return down(member, which('down'));
    case 'unknown':
      return undecided(member, which('unknown'));
  }
}
