/** A refusal on its way to the client. */
import type { ApiError } from '../../control/api.js';

export class Refused extends Error {
  readonly error: ApiError;
  constructor(error: ApiError) {
    super(error.message);
    this.error = error;
  }
}

export const refuse = (message: string): never => {
  throw new Refused({ code: 'refused', message });
};
