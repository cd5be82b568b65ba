/**
 * Plays the files of test/scenario/vrrp/*.txt on the machine: each line is what happens at a time, the indented lines below it are
 * what the machine does. Between two lines the time passes and the machine gets its ticks. LBD_SCENARIO=write writes the answers anew.
 *
 *   conf KEY VALUE …                       priority version interval preempt delay able-for synced-within addresses password peers witness (before `start`)
 *   TIME start [link …] [gate …] [resume master|backup AGE]
 *   TIME advert from ADDRESS priority N [interval D] [version V] [addresses A,B|none] [password P] [ttl N] [to ADDRESS] [damaged]
 *   TIME link up [ADDRESS] | link down REASON | link wait REASON
 *   TIME gate ready | gate starting | gate unusable REASON
 *   TIME tracked fault REASON | tracked init REASON | tracked ok    by what it tracks; `mates …` by its group
 *   TIME lead master|backup REASON         its group goes
 *   TIME objection REASON | objection none from then on, what its group says to a take-over
 *   TIME claimed ADDRESS · synced yes|no · restored · witness · asked yes|no · stop · stand-down [LENGTH] · stand-up · reconfigure KEY VALUE …
 *   TIME freeze                            no ticks until the next line's time; what that line brings comes before the tick
 *   TIME show                              the phase, its reason, and when the machine wants to be woken
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../src/base/duration.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../src/base/ip.js';
import { NEVER } from '../../src/base/time.js';
import type { VrrpInstanceConfig } from '../../src/config/types.js';
import { deadline, initial, step } from '../../src/vrrp/machine.js';
import type { Gate, Hindrance, Link, Received, Resume, VrrpEffect, VrrpEvent, VrrpState } from '../../src/vrrp/types.js';
import { AUTH_NONE, AUTH_PASS, decodeAdvert, encodeAdvert, NO_AUTH, passwordData, VRRP_GROUP } from '../../src/wire/vrrp.js';

const FOLDER = new URL('../../../test/scenario/vrrp/', import.meta.url);
const OWN = '192.0.2.2';

type Happening = VrrpEvent extends infer E ? (E extends VrrpEvent ? Omit<E, 'now'> : never) : never;

const defaults: VrrpInstanceConfig = {
  name: 'VI_1',
  interface: 'eth0',
  family: 4,
  vrid: 51,
  version: 3,
  priority: 100,
  advertInterval: 1000,
  preempt: true,
  preemptDelay: 0,
  v3Checksum: 'pseudo',
  addresses: [{ address: '192.0.2.10', length: 24 }],
  password: undefined,
};

const duration = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`"${text}" is no duration`);
  return ms;
};
const prefixes = (text: string): Prefix[] => (text === 'none' ? [] : text.split(',')).map((one) => parsePrefix(one) as Prefix);
const clock = (ms: number): string => (ms === Number.POSITIVE_INFINITY ? 'never' : `${(ms / 1000).toFixed(3)}s`);

/** `KEY VALUE KEY VALUE …` */
function pairs(words: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) found.set(words[i] as string, words[i + 1] ?? '');
  return found;
}

function configured(conf: VrrpInstanceConfig, words: readonly string[]): VrrpInstanceConfig {
  let next = conf;
  for (const [key, value] of pairs(words)) {
    if (key === 'priority') next = { ...next, priority: Number(value) };
    else if (key === 'version') next = { ...next, version: value === '2' ? 2 : 3 };
    else if (key === 'interval') next = { ...next, advertInterval: duration(value) };
    else if (key === 'preempt') next = { ...next, preempt: value === 'true' };
    else if (key === 'delay') next = { ...next, preemptDelay: duration(value) };
    else if (key === 'able-for') next = { ...next, preemptDelay: duration(value), delayFrom: 'able' };
    else if (key === 'synced-within') next = { ...next, preemptDelay: duration(value), delayFrom: 'able', syncedShare: 0.9 };
    else if (key === 'addresses') next = { ...next, addresses: prefixes(value) };
    else if (key === 'peers')
      next = {
        ...next,
        unicast: { peers: prefixes(value).map(({ address }) => ({ address, minTtl: 250, maxTtl: 255 })) },
      };
    else if (key === 'password') next = { ...next, password: value };
    else if (key === 'witness') next = { ...next, witness: value === 'gateway' ? value : value.split(',') };
    else throw new Error(`conf ${key}?`);
  }
  return next;
}

function received(conf: VrrpInstanceConfig, words: readonly string[]): Received {
  const damaged = words.includes('damaged');
  const said = pairs(words.filter((one) => one !== 'damaged'));
  const named = said.get('addresses');
  const password = said.get('password') ?? conf.password;
  const flow = { source: said.get('from') as string, destination: VRRP_GROUP[4] };
  const advert = {
    version: Number(said.get('version') ?? conf.version) as 2 | 3,
    vrid: conf.vrid,
    priority: Number(said.get('priority')),
    interval: duration(said.get('interval') ?? formatDuration(conf.advertInterval)),
    addresses: named === 'none' ? [] : (named?.split(',') ?? conf.addresses.map((one) => one.address)),
    authType: password && password !== 'none' ? AUTH_PASS : AUTH_NONE,
    authData: password && password !== 'none' ? passwordData(password) : NO_AUTH,
  };
  const bytes = encodeAdvert(advert, flow, conf.v3Checksum);
  if (damaged) bytes[6] = (bytes[6] as number) ^ 1;
  return {
    ...flow,
    destination: said.get('to') ?? flow.destination,
    ttl: Number(said.get('ttl') ?? 255),
    decoded: decodeAdvert(bytes, flow),
  };
}

function linkOf(words: readonly string[]): Link {
  if (words[0] === 'up') return { usable: true, source: words[1] ?? OWN };
  return { usable: false, wait: words[0] === 'wait', reason: words.slice(1).join(' ') };
}

const gateOf = (words: readonly string[]): Gate => ({
  forwarding: words[0] as Gate['forwarding'],
  reason: words.slice(1).join(' '),
});

const hindranceOf = ([phase, ...words]: readonly string[]): Hindrance | undefined =>
  phase === 'ok' ? undefined : { phase: phase as Hindrance['phase'], reason: words.join(' ') };

/** The words after `key` up to the next of the keys of `start`. */
function section(words: readonly string[], key: string): string[] | undefined {
  const at = words.indexOf(key);
  if (at < 0) return undefined;
  const end = words.findIndex((word, i) => i > at && ['link', 'gate', 'resume'].includes(word));
  return words.slice(at + 1, end < 0 ? undefined : end);
}

function startOf(words: readonly string[]): Happening {
  const link = section(words, 'link');
  const gate = section(words, 'gate');
  const left = section(words, 'resume');
  const resume: Resume | undefined = left && { wasMaster: left[0] === 'master', lastAdvertAge: duration(left[1] ?? '0') };
  return {
    type: 'start',
    link: link ? linkOf(link) : { usable: true, source: OWN },
    gate: gate ? gateOf(gate) : { forwarding: 'ready', reason: '' },
    resume,
  };
}

function happening(conf: VrrpInstanceConfig, now: number, verb: string, words: readonly string[]): Happening {
  switch (verb) {
    case 'start':
      return startOf(words);
    case 'advert':
      return { type: 'advert', received: received(conf, words) };
    case 'link':
      return { type: 'link', link: linkOf(words) };
    case 'gate':
      return { type: 'gate', gate: gateOf(words) };
    case 'tracked':
    case 'mates':
      return { type: 'hindered', by: verb, hindrance: hindranceOf(words) };
    case 'lead':
      return { type: 'lead', to: words[0] as 'master' | 'backup', reason: words.slice(1).join(' ') };
    case 'asked':
      return { type: 'asked', someone: words[0] === 'yes' };
    case 'synced':
      return { type: 'synced', synced: words[0] === 'yes' };
    case 'claimed':
      return { type: 'claimed', address: words[0] as string };
    case 'stand-down':
      return { type: verb, until: words[0] === undefined ? NEVER : now + duration(words[0]) };
    case 'stand-up':
    case 'witness':
    case 'restored':
    case 'stop':
    case 'tick':
      return { type: verb };
    default:
      throw new Error(`what is "${verb}"?`);
  }
}

function words(effect: VrrpEffect): string {
  switch (effect.type) {
    case 'advert':
      return `sends an advert, priority ${effect.priority}`;
    case 'addresses':
      return effect.want.length > 0 ? `holds ${effect.want.map(formatPrefix).join(' ')}` : 'drops every address';
    case 'announce':
      return `announces ${effect.addresses.join(' ')}`;
    case 'watch':
      return effect.on ? 'watches for announcements of others' : 'watches no more';
    case 'transition':
      return `${effect.from} -> ${effect.to}: ${effect.reason}`;
    case 'reject':
      return `refuses the advert of ${effect.source}: ${effect.rejection}`;
    case 'note':
      return `note (${effect.kind}): ${effect.text}`;
    case 'stopped':
      return 'ends';
  }
}

function play(text: string): string {
  const output: string[] = [];
  let conf = defaults;
  let state: VrrpState = initial(0);
  let now = 0;
  let frozen = false;
  let objection: string | undefined;
  const deliver = (event: Happening, own = conf) => {
    const [next, effects] = step(own, state, { ...event, now } as VrrpEvent);
    state = next;
    for (const effect of effects) output.push(`    ${clock(now)} ${words(effect)}`);
  };
  const advance = (to: number) => {
    for (let ticks = 0; deadline(state) < to; ticks++) {
      assert.ok(ticks < 10_000, `the machine wants ticks without end at ${clock(deadline(state))}`);
      now = Math.max(now, deadline(state));
      deliver({ type: 'tick', objection });
    }
    now = to;
  };
  const act = (line: string) => {
    const [time, verb, ...rest] = line.split(/\s+/) as [string, string, ...string[]];
    if (frozen) now = duration(time);
    else advance(duration(time));
    if (verb === 'reconfigure') {
      const before = conf;
      conf = configured(conf, rest);
      deliver({ type: 'reconfigured', before });
    } else if (verb === 'show') output.push(`    is ${state.phase} (${state.reason}), next tick at ${clock(deadline(state))}`);
    else if (verb === 'objection') objection = rest[0] === 'none' ? undefined : rest.join(' ');
    else if (verb !== 'freeze') deliver(happening(conf, now, verb, rest));
    if (frozen && verb !== 'freeze') deliver({ type: 'tick' });
    frozen = verb === 'freeze';
  };
  for (const line of text.split('\n')) {
    if (/^\s/.test(line)) continue;
    output.push(line);
    if (line.startsWith('conf ')) conf = configured(conf, line.split(/\s+/).slice(1));
    else if (line !== '' && !line.startsWith('#')) act(line);
  }
  return output.join('\n');
}

for (const name of readdirSync(FOLDER)
  .filter((one) => one.endsWith('.txt'))
  .sort()) {
  test(`vrrp scenario ${name.replace('.txt', '').replaceAll('-', ' ')}`, () => {
    const file = new URL(name, FOLDER);
    const text = readFileSync(file, 'utf8');
    const played = play(text);
    if (process.env.LBD_SCENARIO === 'write') writeFileSync(file, played);
    assert.equal(text, played);
  });
}
