/** Lines of the list of problems. */
import type { ApiProblemLine } from '../../control/api.js';

export const critical = (text: string): ApiProblemLine => ({ severity: 'critical', text });
export const warning = (text: string): ApiProblemLine => ({ severity: 'warning', text });
