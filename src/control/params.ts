/** Is a line a request? Which methods there are, and the types of their parameters. What the words mean is for the daemon. */
import type { ApiError, ChangeMethod, CommandLine, MethodName } from './api.js';

/** A longer command line is for lbctl's own process; so is one of more bytes in native/lbctl.c. */
const COMMAND_LINE_LIMIT = 65_536;

export type Kind = 'text' | 'texts' | 'number' | 'yes or no' | 'changes';
type Field = Kind | `${Kind}?`;

const CHANGE = { dry_run: 'yes or no?', reason: 'text?', expected_revision: 'number?', shared_by: 'text?' } as const;

/** What `changes` takes. */
export const CHANGES: readonly ChangeMethod[] = [
  'add_rs',
  'set_rs',
  'del_rs',
  'set_state',
  'set_host',
  'add_vs',
  'set_vs',
  'del_vs',
];
/** BOUNDED: so many at a time. */
const MOST_CHANGES = 1000;
const REAL_SERVER = { service: 'text', rs: 'text' } as const;

/** Of what may be said for a time. */
const FOR = { for: 'number?' } as const;
const DRAIN = { deadline: 'number?', no_deadline: 'yes or no?', sticky: 'text?' } as const;

const METHODS: { readonly [M in MethodName | 'command_line']: Readonly<Record<string, Field>> } = {
  status: {},
  brief: {},
  list: { service: 'text?', host: 'text?', counters: 'yes or no?', all: 'yes or no?' },
  stats: { service: 'text?' },
  names: { service: 'text?' },
  show: { service: 'text', rs: 'text?' },
  add_rs: { ...REAL_SERVER, ...FOR, weight: 'number?', forward: 'text?', upper: 'number?', lower: 'number?', ...CHANGE },
  set_rs: { ...REAL_SERVER, ...FOR, weight: 'text', ...CHANGE },
  del_rs: { ...REAL_SERVER, ...FOR, drain: 'yes or no?', ...DRAIN, ...CHANGE },
  set_state: { ...REAL_SERVER, state: 'text', ...DRAIN, for: 'number?', ...CHANGE },
  set_host: { host: 'text', state: 'text', ...DRAIN, for: 'number?', ...CHANGE },
  add_vs: {
    name: 'text',
    address: 'text',
    protocol: 'text?',
    scheduler: 'text?',
    forward: 'text?',
    persistence: 'number?',
    one_packet: 'yes or no?',
    ...FOR,
    ...CHANGE,
  },
  set_vs: {
    service: 'text',
    scheduler: 'text?',
    scheduler_flags: 'text?',
    persistence: 'number?',
    persistence_prefix: 'number?',
    quorum: 'number?',
    hysteresis: 'number?',
    on_failure: 'text?',
    slow_start: 'number?',
    sorry_server: 'text?',
    unset: 'text?',
    ...FOR,
    ...CHANGE,
  },
  failover: { instance: 'text', for: 'number?', undo: 'yes or no?', check: 'yes or no?', force: 'yes or no?', ...CHANGE },
  take_over: { service: 'text', ...CHANGE },
  del_vs: { service: 'text', ...FOR, ...CHANGE },
  vrrp: { instance: 'text?' },
  why: { target: 'text', rs: 'text?' },
  doctor: {},
  changes: { changes: 'changes', force: 'yes or no?', ...CHANGE },
  reload: { force: 'yes or no?', ...CHANGE },
  plan: { text: 'text?', name: 'text?' },
  apply: { text: 'text', name: 'text?', confirm: 'number?', force: 'yes or no?', ...CHANGE },
  confirm: { ...CHANGE },
  rollback: { revision: 'number?', force: 'yes or no?', ...CHANGE },
  history: { limit: 'number?' },
  overrides: {},
  diff: { against: 'text?', peer: 'text?' },
  save: { ...CHANGE },
  events: { follow: 'yes or no?', since: 'number?', since_time: 'text?', limit: 'number?', kind: 'text?', subject: 'text?' },
  command_line: { version: 'text', socket: 'text', argv: 'texts', columns: 'number?', no_color: 'text?', lbd_socket: 'text?' },
};

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  number: (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  'yes or no': (value) => typeof value === 'boolean',
  changes: (value) => Array.isArray(value) && value.length > 0 && value.length <= MOST_CHANGES && value.every(isObject),
};
const NEEDS: Readonly<Record<Kind, string>> = {
  text: 'a text',
  texts: 'a list of texts',
  number: 'a whole number from 0',
  'yes or no': 'true or false',
  changes: `a list of 1 to ${MOST_CHANGES} objects, each with method and params`,
};

export interface Request {
  /** Whatever the caller sent; it comes back with the answer. */
  readonly id: unknown;
  readonly method: MethodName;
  readonly params: Readonly<Record<string, unknown>>;
  /** Who asks wants to know what he waits for. */
  readonly progress: boolean;
}

export interface CommandLineRequest {
  readonly id: unknown;
  readonly method: 'command_line';
  readonly params: CommandLine;
  /** As of any request. */
  readonly progress: boolean;
}

export interface Malformed {
  readonly id: unknown;
  readonly error: ApiError;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a parameter of a method is, with or without being needed; undefined: there is no such. */
export function kindOf(method: MethodName, name: string): Kind | undefined {
  const field = Object.hasOwn(METHODS[method], name) ? METHODS[method][name] : undefined;
  return field?.replace('?', '') as Kind | undefined;
}

/** What is wrong with the parameters, or undefined. */
export function wrongParameter(method: keyof typeof METHODS, params: Readonly<Record<string, unknown>>): string | undefined {
  const fields = METHODS[method];
  for (const name of Object.keys(params)) if (!Object.hasOwn(fields, name)) return `${method} has no parameter "${name}"`;
  for (const [name, field] of Object.entries(fields)) {
    const optional = field.endsWith('?');
    const kind = (optional ? field.slice(0, -1) : field) as Kind;
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined && !optional) return `${method} needs the parameter "${name}"`;
    if (value !== undefined && !IS[kind](value)) return `parameter "${name}" of ${method} must be ${NEEDS[kind]}`;
  }
  return method === 'changes' ? wrongChange(params.changes as readonly Readonly<Record<string, unknown>>[]) : undefined;
}

/** Of the changes that `changes` takes. */
function wrongChange(changes: readonly Readonly<Record<string, unknown>>[]): string | undefined {
  for (const [i, { method, params = {}, ...rest }] of changes.entries()) {
    const at = `change ${i + 1}`;
    const known = CHANGES.find((one) => one === method);
    if (!known) return `${at}: the method is one of ${CHANGES.join(', ')}`;
    const [other] = Object.keys(rest);
    if (other !== undefined) return `${at} has no field "${other}": it has method and params`;
    if (!isObject(params)) return `${at}: its params are not an object`;
    const option = Object.keys(CHANGE).find((name) => Object.hasOwn(params, name));
    if (option !== undefined) return `${at}: "${option}" is said of all changes together`;
    const wrong = wrongParameter(known, params);
    if (wrong !== undefined) return `${at}: ${wrong}`;
  }
  return undefined;
}

/** Reads one line of the control socket. */
export function parseRequest(line: string): Request | CommandLineRequest | Malformed {
  const bad = (message: string, id: unknown = null): Malformed => ({ id, error: { code: 'bad_request', message } });
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return bad('the request is not JSON');
  }
  if (!isObject(message)) return bad('the request is not an object');
  const { id = null, method, params = {}, progress } = message;
  if (typeof method !== 'string') return bad('the request has no method', id);
  if (!Object.hasOwn(METHODS, method)) return bad(`unknown method "${method.slice(0, 100)}"`, id);
  if (!isObject(params)) return bad(`the params of ${method} are not an object`, id);
  const wrong = wrongParameter(method as MethodName, params);
  if (wrong !== undefined) return bad(wrong, id);
  const asked = { id, progress: progress === true };
  if (method !== 'command_line') return { ...asked, method: method as MethodName, params };
  if (line.length > COMMAND_LINE_LIMIT) return bad(`the command line is longer than ${COMMAND_LINE_LIMIT} bytes`, id);
  return { ...asked, method, params: params as unknown as CommandLine };
}
