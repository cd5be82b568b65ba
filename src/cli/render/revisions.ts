/** `lbctl plan` and `lbctl history`. */
import type { ApiHistory, ApiOperation, ApiPlan } from '../../control/api.js';
import { age, heading, line, type Style, sentence, styled, table, type View } from './text.js';

const SIGNS: Readonly<Record<ApiPlan['changes'][number]['change'], readonly [sign: string, style: Style]>> = {
  added: ['+', 'green'],
  removed: ['-', 'red'],
  changed: ['~', 'yellow'],
};

function renderObject(view: View, { object, change, details }: ApiPlan['changes'][number]): string {
  const [sign, style] = SIGNS[change];
  return sentence(view, styled(`${sign} ${object}`, style)) + details.map((one) => sentence(view, `    ${one}`)).join('');
}

function renderOperations(view: View, title: string, operations: readonly ApiOperation[]): string {
  if (operations.length === 0) return '';
  const rows = operations.map(({ service, key, operation }) => [service, key, operation]);
  return line(view, styled(title, 'bold')) + table(view, rows, { indent: 2 });
}

function renderKernel(view: View, operations: ApiPlan['operations']): string {
  if (!operations) return line(view, 'what the kernel would get is not known: its table is not');
  const { now, later, total } = operations;
  const more = total - now.length - later.length;
  return [
    renderOperations(view, 'in the kernel, at once:', now),
    renderOperations(view, 'in the kernel, when the new checks have passed:', later),
    more > 0 ? line(view, `  and ${more} more`) : '',
  ].join('');
}

export function renderPlan(view: View, { text, changes, operations, refused }: ApiPlan): string {
  return [
    changes.length === 0 ? sentence(view, text) : changes.map((one) => renderObject(view, one)).join(''),
    renderKernel(view, operations),
    refused === null ? '' : sentence(view, styled(`it would be refused: ${refused}`, 'red')),
  ].join('');
}

/** In the table a revision is a line. */
const firstLine = (text: string): string => text.split('\n')[0] as string;

export function renderHistory(view: View, { revisions, pending }: ApiHistory): string {
  const rows = revisions.map(({ revision, at, kind, who, why, text, in_force }) => [
    styled(`${in_force ? '*' : ' '} ${revision}`, in_force ? 'bold' : undefined),
    at.replace(/\.\d+Z$/, 'Z'),
    kind,
    who,
    firstLine(why === '' ? text : `${text} (${why})`),
  ]);
  const waits = pending
    ? sentence(
        view,
        styled(
          `what ${pending.who} applied is taken back to revision ${pending.back_to} in ${age(pending.seconds_left)}, unless confirmed: lbctl confirm`,
          'yellow',
        ),
      )
    : '';
  return waits + table(view, [heading('  REVISION', 'TIME', 'KIND', 'WHO', 'WHAT'), ...rows]);
}
