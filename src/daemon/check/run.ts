/** What was sent to the kernel since the table was last as wanted, and how it is told. */
import { describeOperation } from '../../ipvs/plan.js';
import type { Operation } from '../../ipvs/types.js';
import { summarize } from './refusal.js';
import type { TableOptions } from './table-types.js';

/** Operations of one run that are told one by one. */
const TOLD_SINGLY = 50;

export class Run {
  private readonly done: Operation[] = [];
  private operations = 0;
  private refused = 0;
  private ms = 0;

  /** One exchange with the kernel. */
  sent(operations: number, refused: number, ms: number): void {
    this.operations += operations;
    this.refused += refused;
    this.ms += ms;
  }

  did(operations: readonly Operation[]): void {
    for (const operation of operations) this.done.push(operation);
  }

  tell({ log, event, nameOf }: Pick<TableOptions, 'log' | 'event' | 'nameOf'>): void {
    const { done, operations, refused } = this;
    if (operations > 0) log('info', 'table applied', { operations, refused, ms: Math.round(this.ms * 100) / 100 });
    // Each operation is an event, but not the thousands of a first table: they would bury what matters.
    if (done.length > TOLD_SINGLY) event('table', 'all', summarize(done));
    else for (const operation of done) event('table', nameOf(operation.key), describeOperation(operation));
  }
}
