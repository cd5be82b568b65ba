/** authentication, auth_hmac -> `authentication`. */
import { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import type { InstancePlace } from './vrrp-unicast.js';
import { allOf, lastOf, passOver, textsOf, wholeOf, written } from './vrrp-values.js';
import { type Handlers, type Importing, refuseWhole, walk } from './walk.js';

const MAX_BYTES = 8;
const AH = 'lbd has no IPsec AH: give the directors type: hmac, or auth_type PASS, both at one time';

/** Why keepalived uses no password here. */
function whyUnused({ old }: InstancePlace, statement: Statement): string | undefined {
  if (old.version === 3)
    return 'VRRPv3 has no password, and keepalived ignores it, too: authentication: { type: hmac } signs adverts';
  if (old.strict) return 'vrrp_strict allows none, and keepalived ignores it, too';
  if (!lastOf(statement, 'auth_type')) return 'it says no auth_type, and keepalived uses none';
  return lastOf(statement, 'auth_pass') ? undefined : 'it says no auth_pass, and keepalived uses none';
}

/** The first bytes of a password; a character beyond ASCII is refused by lbd anyway. */
const cut = (word: string): string => word.slice(0, MAX_BYTES);

function password(place: InstancePlace, statement: Statement): void {
  const { mapping, importing } = place;
  const { sheet, notes } = importing;
  const unused = whyUnused(place, statement);
  const [type] = textsOf(lastOf(statement, 'auth_type') ?? { ...statement, args: [] });
  const [secret = ''] = textsOf(lastOf(statement, 'auth_pass') ?? { ...statement, args: [] });
  if (lastOf(place.old.statement, 'auth_hmac')) return refuseAll('adverts are signed (auth_hmac): lbd has one of both');
  if (unused === undefined && type === 'AH') return refuseAll(AH);
  if (unused === undefined && type !== 'PASS') return refuseAll(`keepalived has PASS and AH, and no ${type}`);
  if (unused === undefined && (secret === '' || /[^\x20-\x7e]/.test(secret)))
    return refuseAll('a password of lbd has printable ASCII characters alone: change it on all directors');
  const section = new Mapping(['type', 'password']);
  const handlers: Handlers = {
    auth_type(one) {
      if (unused === undefined) sheet.set(section, 'type', 'pass', one);
      else sheet.leave(one);
    },
    auth_pass(one) {
      if (unused !== undefined) return sheet.leave(one);
      if (secret.length > MAX_BYTES) notes.change(one, `VRRPv2 carries ${MAX_BYTES} bytes of it, and these are written`);
      sheet.set(section, 'password', cut(secret), one);
    },
  };
  if (unused === undefined) sheet.set(mapping, 'authentication', section, statement);
  else {
    notes.noEffect(statement, unused);
    sheet.leave({ ...statement, block: [], below: [] });
  }
  walk('authentication', statement.block ?? [], handlers, importing);

  function refuseAll(why: string): void {
    refuseWhole(statement, why, importing);
  }
}

const MODES: Readonly<Record<string, string>> = { enforce: 'enforce', permissive: 'permissive', 'receive-only': 'receive_only' };
const HMAC_ORDER = ['type', 'keys', 'active_key', 'mode', 'anti_replay', 'time_window'];

interface Key {
  readonly id: number;
  readonly file: string;
  /** Its value stood in the old file. */
  readonly isWritten: boolean;
}

/** By their statements; a second one of a number, or of a file, is none. */
function keysOf(statement: Statement, vrid: number | undefined): ReadonlyMap<Statement, Key> {
  const keys = new Map<Statement, Key>();
  for (const one of allOf(statement, 'key')) {
    const [word, value = ''] = textsOf(one);
    const id = wholeOf(word, 1, 255);
    const isWritten = !value.startsWith('file:/');
    const file = isWritten ? `/etc/lbd/vrrp-${vrid}-key-${id}` : value.slice('file:'.length);
    const isTaken = [...keys.values()].some((key) => key.id === id || key.file === file);
    if (id !== undefined && value !== '' && !isTaken) keys.set(one, { id, file, isWritten });
  }
  return keys;
}

function keyHandler(
  section: Mapping,
  keys: ReadonlyMap<Statement, Key>,
  { sheet, notes }: Importing,
): (statement: Statement) => void {
  return (statement) => {
    const key = keys.get(statement);
    if (!key) {
      notes.refuse(statement, 'a key has a number of 1 to 255 of its own, and a value: keepalived passes over it');
      return sheet.leave(statement);
    }
    const { id, file, isWritten } = key;
    if (isWritten)
      notes.change(
        statement,
        `a key stands in a file of its own, readable by root alone: write it into ${file} before lbd starts, which it does not without`,
      );
    sheet.add(sheet.listOf(section, 'keys'), { id, file }, statement);
  };
}

type Put = (statement: Statement, key: string, value: string | number | undefined) => void;

function hmacHandlers(put: Put, isMonotonic: boolean, importing: Importing): Handlers {
  return {
    anti_replay: (one) =>
      put(
        one,
        'anti_replay',
        ['time', 'monotonic'].find((word) => word === textsOf(one)[0]),
      ),
    mode: (one) => put(one, 'mode', MODES[textsOf(one)[0] ?? '']),
    time_window(one) {
      const seconds = wholeOf(textsOf(one)[0], 1, 300);
      if (isMonotonic) refuseWhole(one, 'it means nothing with anti_replay monotonic', importing);
      else put(one, 'time_window', seconds === undefined ? undefined : written(seconds * 1000));
    },
  };
}

function hmac({ old, mapping, importing }: InstancePlace, statement: Statement): void {
  const { sheet } = importing;
  const section = new Mapping(HMAC_ORDER);
  const keys = keysOf(statement, old.vrid);
  const [active] = textsOf(lastOf(statement, 'active_key') ?? { ...statement, args: [] });
  const signing = [...keys.values()].find(({ id }) => String(id) === active);
  if (keys.size === 0 || (!signing && (active !== undefined || keys.size > 1)))
    return refuseWhole(statement, 'active_key names none of its keys: keepalived signs nothing then', importing);
  const isMonotonic = textsOf(lastOf(statement, 'anti_replay') ?? { ...statement, args: [] })[0] === 'monotonic';
  const put: Put = (one, key, value) => {
    if (value === undefined) passOver(one, 'it knows no such value', importing);
    else sheet.set(section, key, value, one);
  };
  sheet.set(mapping, 'authentication', section, statement);
  sheet.set(section, 'type', 'hmac');
  const handlers = {
    ...hmacHandlers(put, isMonotonic, importing),
    key: keyHandler(section, keys, importing),
    active_key: (one: Statement) => put(one, 'active_key', signing?.id),
  };
  walk('auth_hmac', statement.block ?? [], handlers, importing);
}

export const authenticationHandlers = (place: InstancePlace): Handlers => ({
  authentication: (statement) => password(place, statement),
  auth_hmac(statement) {
    if (statement === lastOf(place.old.statement, 'auth_hmac')) hmac(place, statement);
    else refuseWhole(statement, 'another one follows, which counts', place.importing);
  },
});
