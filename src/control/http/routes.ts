/**
 * The API over HTTP, route by route: which method of the API each is, where its parameters come from, and which role it needs. The server
 * and the OpenAPI document are made from this table.
 */
import type { MethodName } from '../api.js';

export const PREFIX = '/api/v1';

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Route {
  readonly verb: Verb;
  /** Below PREFIX; `:service` is the method's parameter of that name, percent-encoded where it has a slash (`tcp%2F192.0.2.10:80`). */
  readonly path: string;
  readonly method: MethodName;
  readonly role: 'read' | 'change';
  readonly summary: string;
}

const read = (path: string, method: MethodName, summary: string): Route => ({ verb: 'GET', path, method, role: 'read', summary });
const change = (verb: Verb, path: string, method: MethodName, summary: string): Route => ({
  verb,
  path,
  method,
  role: 'change',
  summary,
});

const SERVICE = '/services/:service';
const REAL_SERVER = `${SERVICE}/real-servers/:rs`;

export const ROUTES: readonly Route[] = [
  read('/status', 'status', 'Role, addresses, problems worst first, services at a glance'),
  read('/brief', 'brief', 'What another director asks every few seconds'),
  read('/services', 'list', 'Virtual servers with their real servers: wanted, verdicts and kernel apart'),
  read(SERVICE, 'list', 'One virtual server, by name or key'),
  read(REAL_SERVER, 'show', 'One real server with its checks and their last results'),
  read('/stats', 'stats', 'What the kernel counted, and its rates'),
  read('/names', 'names', 'The names of services, hosts and instances, and those of the real servers of one service'),
  read('/vrrp', 'vrrp', 'The VRRP instances'),
  read('/vrrp/:instance', 'vrrp', 'One VRRP instance: both families where it has both'),
  read('/why/:target', 'why', 'The causal chain of a virtual server, real server or VRRP instance'),
  read('/doctor', 'doctor', 'What of this host is not as a director needs it'),
  read('/plan', 'plan', 'What reading the configuration file again would change, object by object and in the kernel'),
  read('/history', 'history', 'Revisions of what is wanted, newest first, and what waits for its confirmation'),
  read('/overrides', 'overrides', 'What was set at run time, beside the file'),
  read('/diff', 'diff', 'What was set at run time beside the file, and whether the file was edited since'),
  read('/events', 'events', 'What happened; with Accept: text/event-stream also what will'),
  change('POST', '/services', 'add_vs', 'Adds a virtual server at run time'),
  change('PATCH', SERVICE, 'set_vs', 'Sets settings of a virtual server, or gives them back to the file; connections stay'),
  change('DELETE', SERVICE, 'del_vs', 'Removes a virtual server'),
  change(
    'POST',
    `${SERVICE}/take-over`,
    'take_over',
    'Makes a service of somebody else, whose address a virtual server has, lbd’s own',
  ),
  change('POST', `${SERVICE}/real-servers`, 'add_rs', 'Adds a real server; it takes traffic when its checks pass'),
  change('PATCH', REAL_SERVER, 'set_rs', 'Sets the weight of a real server'),
  change('DELETE', REAL_SERVER, 'del_rs', 'Removes a real server, with drain when it is empty'),
  change('PUT', `${REAL_SERVER}/state`, 'set_state', 'drain, undrain, disable or enable a real server'),
  change('PUT', '/hosts/:host/state', 'set_host', 'The same for all real servers of a host'),
  change('POST', '/vrrp/:instance/failover', 'failover', 'Planned switch-over of an instance'),
  change('POST', '/changes', 'changes', 'Several changes, all of them or none'),
  change('POST', '/reload', 'reload', 'Reads the configuration file again'),
  change('POST', '/plan', 'plan', 'What another text of the configuration file would change; changes nothing'),
  change('POST', '/apply', 'apply', 'Another text of the configuration file, for good or until it is confirmed'),
  change('POST', '/confirm', 'confirm', 'What was applied stays'),
  change('POST', '/rollback', 'rollback', 'Back to an earlier revision'),
  change('POST', '/save', 'save', 'Writes what was changed at run time into the configuration file'),
];

/** The names of the parameters that stand in the path. */
export const pathParams = (path: string): readonly string[] =>
  [...path.matchAll(/:([a-z_]+)/g)].map(([, name]) => name as string);

/** GET and DELETE take theirs from the query, the others from a JSON object. */
export const hasBody = ({ verb }: Pick<Route, 'verb'>): boolean => verb !== 'GET' && verb !== 'DELETE';
