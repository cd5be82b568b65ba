/** `authentication`: what must not be, and its defaults. */
import type { Located, Report } from './located.js';
import type { VrrpInstanceShape } from './schema.js';
import type { AuthenticationShape, HmacShape } from './schema-authentication.js';
import type { SigningConfig, VrrpInstanceConfig } from './types.js';

const MAX_PASSWORD_BYTES = 8;
/** Time that clocks may be apart, seconds: as keepalived reckons it. */
const LEAST_WINDOW = 5;
const MOST_WINDOW = 300;
const WINDOW_INTERVALS = 3;

const isHmac = (shape: AuthenticationShape | undefined): shape is HmacShape => shape?.type === 'hmac';

export const passwordOf = ({ authentication: shape }: VrrpInstanceShape): string | undefined =>
  shape === undefined || isHmac(shape) ? undefined : shape.password;

/** Undefined: adverts are not signed. `interval`: of the adverts, in milliseconds. */
export function signingOf({ authentication: shape }: VrrpInstanceShape, interval: number): SigningConfig | undefined {
  if (!isHmac(shape)) return undefined;
  const { keys, active_key: active, mode = 'enforce', anti_replay: antiReplay = 'time', time_window: window } = shape;
  const usual = Math.max(LEAST_WINDOW, Math.ceil((WINDOW_INTERVALS * interval) / 1000));
  return {
    keys: keys.map(({ id, file }) => ({ id, file })),
    activeKey: active ?? keys[0]?.id ?? 0,
    mode,
    antiReplay,
    window: window ?? Math.min(MOST_WINDOW, usual),
  };
}

function checkPassword({ password, version }: VrrpInstanceConfig, at: Located<unknown>, report: Report): void {
  if (password === undefined) return;
  const path = ['authentication', 'password'];
  if (version === 3)
    report('error', at, 'VRRPv3 has no password: sign the adverts (type: hmac), leave it out, or use version: 2', [
      'authentication',
    ]);
  // Bytes, not characters: the field of the advert is 8 bytes wide. Every character beyond ASCII takes at least two.
  const bytes = [...password].reduce((sum, letter) => sum + (letter.charCodeAt(0) < 0x80 ? 1 : 2), 0);
  if (bytes > MAX_PASSWORD_BYTES)
    report('error', at, `the password has more than ${MAX_PASSWORD_BYTES} bytes; VRRPv2 would cut it`, path);
  if (/[^\x20-\x7e]/.test(password)) report('error', at, 'the password may hold printable ASCII characters only', path);
}

function checkKeys({ keys }: HmacShape, at: Located<unknown>, report: Report): void {
  const ids = new Set<number>();
  const files = new Map<string, number>();
  for (const [i, { id, file }] of keys.entries()) {
    const path = ['authentication', 'keys', i];
    const twin = files.get(file);
    if (ids.has(id)) report('error', at, `key ${id} is there twice`, path);
    else if (twin !== undefined)
      report('error', at, `key ${id} has the file of key ${twin}: a new key has a file of its own`, path);
    ids.add(id);
    files.set(file, id);
  }
}

function checkSigning(shape: HmacShape, at: Located<unknown>, report: Report): void {
  const { keys, active_key: active, anti_replay: antiReplay, time_window: window } = shape;
  checkKeys(shape, at, report);
  const ids = keys.map(({ id }) => id);
  if (active === undefined && keys.length > 1) {
    const text = `active_key: which of the keys ${ids.join(', ')} are adverts signed with?`;
    report('error', at, text, ['authentication']);
  }
  if (active !== undefined && !ids.includes(active))
    report('error', at, `active_key: there is no key ${active}`, ['authentication', 'active_key']);
  if (antiReplay === 'monotonic' && window !== undefined)
    report('error', at, 'time_window means nothing with anti_replay: monotonic, which does not compare clocks', [
      'authentication',
      'time_window',
    ]);
}

export function checkAuthentication(instance: VrrpInstanceConfig, at: Located<VrrpInstanceShape>, report: Report): void {
  checkPassword(instance, at, report);
  const { authentication: shape } = at.value;
  if (isHmac(shape)) checkSigning(shape, at, report);
}
