/** authentication, auth_hmac -> `authentication`. */
import { Mapping } from './sheet.js';
import type { Statement } from './types.js';
import type { InstancePlace } from './vrrp-unicast.js';
import { lastOf, passOver, textsOf, wholeOf, written } from './vrrp-values.js';
import { type Handlers, refuseWhole, walk } from './walk.js';

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

function keyHandler(section: Mapping, vrid: number | undefined, { importing }: InstancePlace): (statement: Statement) => void {
  const { sheet, notes } = importing;
  return (statement) => {
    const [id, value = ''] = textsOf(statement);
    const number = wholeOf(id, 1, 255);
    if (number === undefined || value === '') return passOver(statement, 'a key has a number of 1 to 255 and a value', importing);
    const given = value.startsWith('file:/') ? value.slice('file:'.length) : undefined;
    const file = given ?? `/etc/lbd/vrrp-${vrid}-key-${number}`;
    if (given === undefined)
      notes.change(
        statement,
        `a key stands in a file of its own, readable by root alone: write it into ${file} before lbd starts, which it does not without`,
      );
    // A key is nobody's comment.
    sheet.add(sheet.listOf(section, 'keys'), { id: number, file }, statement);
  };
}

function hmac(place: InstancePlace, statement: Statement): void {
  const { old, mapping, importing } = place;
  const { sheet } = importing;
  const section = new Mapping(HMAC_ORDER);
  const { anti_replay: replay } = Object.fromEntries((statement.block ?? []).map((one) => [one.key.text, textsOf(one)[0]]));
  const put = (one: Statement, key: string, value: string | number | undefined): void => {
    if (value === undefined) passOver(one, 'lbd, like keepalived, knows no such value', importing);
    else sheet.set(section, key, value, one);
  };
  sheet.set(mapping, 'authentication', section, statement);
  sheet.set(section, 'type', 'hmac');
  walk(
    'auth_hmac',
    statement.block ?? [],
    {
      key: keyHandler(section, old.vrid, place),
      active_key: (one) => put(one, 'active_key', wholeOf(textsOf(one)[0], 1, 255)),
      anti_replay: (one) =>
        put(
          one,
          'anti_replay',
          ['time', 'monotonic'].find((word) => word === textsOf(one)[0]),
        ),
      mode: (one) => put(one, 'mode', MODES[textsOf(one)[0] ?? '']),
      time_window(one) {
        const seconds = wholeOf(textsOf(one)[0], 1, 300);
        if (replay === 'monotonic') refuseWhole(one, 'it means nothing with anti_replay monotonic', importing);
        else put(one, 'time_window', seconds === undefined ? undefined : written(seconds * 1000));
      },
    },
    importing,
  );
}

export const authenticationHandlers = (place: InstancePlace): Handlers => ({
  authentication: (statement) => password(place, statement),
  auth_hmac: (statement) => hmac(place, statement),
});
