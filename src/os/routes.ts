/** Adds and removes routes and rules through rtnetlink. */
import { OsError } from '../base/errors.js';
import { formatPrefix } from '../base/ip.js';
import { createWriter, type Writer } from '../wire/netlink.js';
import { type Change, putRoute, putRule, type Route, type Rule } from '../wire/route.js';
import { createNetlinkSocket, NETLINK_ROUTE, openTransport, type Transport } from './netlink.js';

const EEXIST = 17;
const ENOENT = 2;
const ESRCH = 3;

export interface Routes {
  /** `exists`: one with the same key is there, whoever put it there. Throws OsError. */
  addRoute(route: Route): 'added' | 'exists';
  deleteRoute(route: Route): 'deleted' | 'missing';
  addRule(rule: Rule): 'added' | 'exists';
  deleteRule(rule: Rule): 'deleted' | 'missing';
  close(): void;
}

export function openRoutes(open: () => Transport = () => openTransport(NETLINK_ROUTE)): Routes {
  const socket = createNetlinkSocket(open);

  function exchange(op: string, object: string, expected: readonly number[], put: (writer: Writer, sequence: number) => void) {
    const sequence = socket.reserve(1);
    const writer = createWriter(256);
    put(writer, sequence);
    const { errno = 0, extack } = socket.exchange(op, writer, sequence, 1)[0] ?? {};
    if (errno !== 0 && !expected.includes(errno)) throw new OsError({ op, object, errno, extack });
    return errno === 0;
  }

  const route = (change: Change, one: Route, expected: readonly number[]) =>
    exchange(change === 'add' ? 'adding' : 'removing', `the route to ${formatPrefix(one.to)}`, expected, (writer, sequence) =>
      putRoute(writer, change, sequence, one),
    );
  const rule = (change: Change, one: Rule, expected: readonly number[]) =>
    exchange(change === 'add' ? 'adding' : 'removing', `the rule of priority ${one.priority}`, expected, (writer, sequence) =>
      putRule(writer, change, sequence, one),
    );

  return {
    addRoute: (one) => (route('add', one, [EEXIST]) ? 'added' : 'exists'),
    deleteRoute: (one) => (route('remove', one, [ESRCH, ENOENT]) ? 'deleted' : 'missing'),
    addRule: (one) => (rule('add', one, [EEXIST]) ? 'added' : 'exists'),
    deleteRule: (one) => (rule('remove', one, [ENOENT, ESRCH]) ? 'deleted' : 'missing'),
    close: () => socket.close(),
  };
}
