/** The answer of each method as text for people. */
import type { ApiEvent, ApiWhy, MethodName, Methods } from '../../control/api.js';
import { renderDiff, renderSaved } from './diff.js';
import { renderDoctor } from './doctor.js';
import { renderHistory, renderPlan } from './revisions.js';
import { renderChecks, renderList, renderShow } from './services.js';
import { renderStats } from './stats.js';
import { renderStatus } from './status.js';
import { line, sentence, styled, type View } from './text.js';
import { renderVrrp } from './vrrp.js';

function renderWhy(view: View, { summary, steps, checks }: ApiWhy): string {
  const width = String(steps.length).length;
  return [
    sentence(view, styled(summary, 'bold')),
    ...steps.map((step, i) => sentence(view, `  ${String(i + 1).padStart(width)}. ${step}`)),
    checks.length > 0 ? `\n${renderChecks(view, checks)}` : '',
  ].join('');
}

/** `  [up -> down, cause: http GET 10.0.0.21:80]` */
function changeText({ cause, before, after }: ApiEvent): string {
  const values = before === undefined && after === undefined ? [] : [`${before ?? '?'} -> ${after ?? '?'}`];
  const parts = [...values, ...(cause === undefined ? [] : [`cause: ${cause}`])];
  return parts.length === 0 ? '' : `  [${parts.join(', ')}]`;
}

/** One line an event: number, time, kind, what it is about, text; wide also what it was before and after, and the cause. */
export function renderEvent(view: View, event: ApiEvent): string {
  const { id, at, kind, subject, text } = event;
  const head = styled(`${String(id).padStart(5)} ${at} `, 'dim');
  return sentence(view, head, kind.padEnd(9), styled(subject, 'bold'), `: ${text}`, view.wide ? changeText(event) : '');
}

function renderChanged(view: View, { text, notes = [], revision, dry_run }: Methods['add_rs']['result']): string {
  const done = sentence(view, dry_run ? `dry run, nothing was changed: ${text}` : `${text} (revision ${revision})`);
  return done + notes.map((note) => sentence(view, `  ${note}`)).join('');
}

type Renderers = { readonly [M in MethodName]: (view: View, result: Methods[M]['result']) => string };

/** No command of lbctl asks for it. */
const renderBrief = (view: View, { router_id, revision, services }: Methods['brief']['result']): string =>
  line(view, `${router_id}: revision ${revision}, ${services} virtual servers`);

const RENDERERS: Renderers = {
  status: renderStatus,
  brief: renderBrief,
  list: (view, { services }) => renderList(view, services),
  show: renderShow,
  stats: renderStats,
  names: (view, { services }) => services.map(({ name }) => sentence(view, name)).join(''),
  vrrp: (view, { instances }) => renderVrrp(view, instances),
  why: renderWhy,
  doctor: renderDoctor,
  events: (view, { events }) =>
    events.length === 0 ? line(view, 'no event') : events.map((one) => renderEvent(view, one)).join(''),
  add_rs: renderChanged,
  set_rs: renderChanged,
  del_rs: renderChanged,
  set_state: renderChanged,
  set_host: renderChanged,
  add_vs: renderChanged,
  set_vs: renderChanged,
  failover: renderChanged,
  take_over: renderChanged,
  del_vs: renderChanged,
  changes: renderChanged,
  reload: renderChanged,
  plan: renderPlan,
  apply: renderChanged,
  confirm: renderChanged,
  rollback: renderChanged,
  history: renderHistory,
  overrides: (view, { overrides }) =>
    overrides.length === 0
      ? line(view, 'nothing was set at run time')
      : overrides
          .map(({ id, kind, target, who, when, why }) =>
            sentence(view, `#${id} ${kind} ${target} (${who}, ${when}${why ? `: ${why}` : ''})`),
          )
          .join(''),
  diff: renderDiff,
  save: (view, result) => renderChanged(view, result) + renderSaved(view, result),
};

export function render<M extends MethodName>(view: View, method: M, result: Methods[M]['result']): string {
  return RENDERERS[method](view, result);
}
