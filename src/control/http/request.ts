/** What a request over HTTP asks of the API. */
import type { MethodName } from '../api.js';
import { kindOf, wrongParameter } from '../params.js';
import { hasBody, pathParams, type Route } from './routes.js';

export interface Parts {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly body: unknown;
}

export type Read = { readonly params: Readonly<Record<string, unknown>> } | { readonly wrong: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A word of the query as the method's parameter wants it; what does not fit stays a text, and is refused as one. */
function fromQuery(method: MethodName, name: string, word: string | readonly string[]): unknown {
  if (typeof word !== 'string') return word;
  const kind = kindOf(method, name);
  if (kind === 'number' && /^\d+$/.test(word)) return Number(word);
  if (kind === 'yes or no' && (word === 'true' || word === '')) return true;
  if (kind === 'yes or no' && word === 'false') return false;
  return word;
}

/** The parameters of the route's method, or the sentence that says what is wrong. */
export function readParams(route: Route, { path, query, body }: Parts): Read {
  const { method } = route;
  const given: Record<string, unknown> = {};
  if (hasBody(route)) {
    if (Object.keys(query).length > 0)
      return { wrong: `${route.verb} takes its parameters from a JSON object, not from the query` };
    if (body !== undefined && body !== null && !isObject(body)) return { wrong: 'the body is a JSON object' };
    Object.assign(given, body);
  } else for (const [name, word] of Object.entries(query)) given[name] = fromQuery(method, name, word);
  for (const name of pathParams(route.path)) {
    if (Object.hasOwn(given, name)) return { wrong: `"${name}" stands in the path already` };
    given[name] = path[name];
  }
  const wrong = wrongParameter(method, given);
  return wrong === undefined ? { params: given } : { wrong };
}
