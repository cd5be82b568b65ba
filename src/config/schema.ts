/** The shape of the file: keys, types and ranges, each with the sentence that a user gets. What needs two places is in build.ts. */
import * as v from 'valibot';
import { isMulticast, parseIp } from '../base/ip.js';
import { isKernelValue, KERNEL_SETTINGS, type KernelSetting, kernelBounds, kernelRange } from '../base/kernel-settings.js';
import { type Form, formed } from './form.js';
import { announcementsShape } from './schema-announcements.js';
import { authentication } from './schema-authentication.js';
import { checkingWords } from './schema-checking.js';
import { http, peer } from './schema-control.js';
import { failback } from './schema-failback.js';
import { heldAddress, useVmac } from './schema-held.js';
import { neighbourWords } from './schema-neighbours.js';
import { notifyProgram } from './schema-notify.js';
import { virtualRoute, virtualRule } from './schema-paths.js';
import { defaultsSection, virtualServer } from './schema-service.js';
import {
  choice,
  duration,
  interfaceName,
  list,
  mapping,
  name,
  parsed,
  path,
  percent,
  seconds,
  shown,
  text,
  whole,
  yesNo,
} from './schema-tools.js';
import { script, syncGroup, track } from './schema-track.js';
import { unicast } from './schema-unicast.js';

const preemptDelay = mapping('preempt', { delay: duration('delay', 0, 1_000_000) });
const preemptFlag = v.boolean((issue) => `preempt is true, false or { delay: 60s }, not ${shown(issue.input)}`);

export const vrrpInstance = mapping('a VRRP instance', {
  name: name('name of a VRRP instance'),
  interface: interfaceName('interface'),
  virtual_router_id: whole('virtual_router_id', 1, 255),
  version: v.optional(v.picklist([2, 3], (issue) => `version is 2 or 3, not ${shown(issue.input)}`)),
  priority: v.optional(whole('priority', 1, 255)),
  advert_interval: v.optional(duration('advert_interval', 10, 255_000)),
  preempt: v.optional(
    v.lazy((input): typeof preemptDelay | typeof preemptFlag =>
      typeof input === 'object' && input !== null ? preemptDelay : preemptFlag,
    ),
  ),
  failback: v.optional(failback),
  accept: v.optional(yesNo('accept')),
  v3_checksum: v.optional(choice('checksum form', ['pseudo', 'rfc9568'])),
  virtual_addresses: v.optional(list('virtual_addresses', heldAddress), []),
  excluded_addresses: v.optional(list('excluded_addresses', heldAddress), []),
  announcements: v.optional(announcementsShape),
  unicast: v.optional(unicast),
  use_vmac: v.optional(useVmac),
  notify: v.optional(list('notify', notifyProgram), []),
  virtual_routes: v.optional(list('virtual_routes', virtualRoute), []),
  virtual_rules: v.optional(list('virtual_rules', virtualRule), []),
  track,
  witness: v.optional(neighbourWords('witness', [])),
  authentication: v.optional(authentication),
});

/** VRRP's own groups (RFC 9568 section 5.1): every director of the network listens there. */
const VRRP_GROUPS = ['224.0.0.18', 'ff02::12'];

const multicast = parsed(
  (word) => {
    const address = parseIp(word);
    if (!address || !isMulticast(address)) return { refused: `"${word}" is no multicast group` };
    return VRRP_GROUPS.includes(address)
      ? { refused: `${address} is the group of VRRP: choose another one` }
      : { value: address };
  },
  'a multicast group',
  { is: 'address' },
);

export const connectionSync = mapping('connection_sync', {
  interface: interfaceName('interface'),
  follow: v.optional(text('follow')),
  id: v.optional(whole('id', 0, 255)),
  group: v.optional(multicast),
  port: v.optional(whole('port', 1, 65_535)),
  ttl: v.optional(whole('ttl', 1, 255)),
  maxlen: v.optional(whole('maxlen', 64, 65_507)),
});

const timeouts = mapping('timeouts', {
  tcp: v.optional(seconds('tcp')),
  tcp_fin: v.optional(seconds('tcp_fin')),
  udp: v.optional(seconds('udp')),
});

function formOf(key: KernelSetting): Form {
  const bounds = kernelBounds(key);
  return bounds ? { is: 'number', min: bounds[0], max: bounds[1], words: ['keep'] } : { is: 'threshold' };
}

/** A number from the setting's range, two with a space between them for sync_threshold, or `keep`. */
const sysctlValue = (key: KernelSetting) =>
  v.pipe(
    v.union([v.number(), v.string()], (issue) => `${key} is a number, or keep, not ${shown(issue.input)}`),
    v.transform((value) => String(value).trim()),
    v.check(
      (value) => value === 'keep' || isKernelValue(key, value),
      (issue) => `"${issue.input}" is no value of ${key}: write ${kernelRange(key)}, or keep`,
    ),
    formed<string>(formOf(key)),
  );

const kernelSettings = mapping('kernel_settings', {
  manage: v.optional(yesNo('manage')),
  restore: v.optional(yesNo('restore')),
  ...(Object.fromEntries(KERNEL_SETTINGS.map((key) => [key, v.optional(sysctlValue(key))])) as Record<
    KernelSetting,
    v.OptionalSchema<ReturnType<typeof sysctlValue>, undefined>
  >),
});

/** sockaddr_un(7): 108 bytes with the NUL. A longer name would be cut, and the socket not found again. */
const MAX_SOCKET_PATH = 107;
const socketPath = v.pipe(
  path('socket'),
  v.maxBytes(MAX_SOCKET_PATH, (issue) => `the path of a socket has at most ${MAX_SOCKET_PATH} bytes, not ${issue.received}`),
);

const pattern = v.pipe(
  v.string((issue) => `include is a file pattern such as conf.d/*.yaml, or a list of them, not ${shown(issue.input)}`),
  v.nonEmpty('include is empty: name a file, or leave it out'),
);
const includes = list('include', pattern);
const oneInclude = v.pipe(
  pattern,
  v.transform((one) => [one]),
);

/** A whole file, or one of its includes. */
export const fileSchema = mapping('the file', {
  include: v.optional(
    v.lazy((input): typeof includes | typeof oneInclude => (Array.isArray(input) ? includes : oneInclude)),
    [],
  ),
  global: v.optional(
    mapping('global', {
      router_id: v.optional(text('router_id')),
      state_dir: v.optional(path('state_dir')),
      control: v.optional(mapping('control', { socket: v.optional(socketPath), group: v.optional(text('group')) })),
      max_removed: v.optional(percent('max_removed')),
      on_stop: v.optional(choice('way to stop', ['keep', 'remove'])),
      require_ipvs: v.optional(yesNo('require_ipvs')),
      log_level: v.optional(choice('log level', ['debug', 'info', 'warn', 'error'])),
      http: v.optional(http),
      peers: v.optional(list('peers', peer), []),
      ...checkingWords,
    }),
  ),
  defaults: v.optional(defaultsSection),
  connection_sync: v.optional(connectionSync),
  timeouts: v.optional(timeouts),
  kernel_settings: v.optional(kernelSettings),
  virtual_servers: v.optional(list('virtual_servers', virtualServer), []),
  vrrp_instances: v.optional(list('vrrp_instances', vrrpInstance), []),
  sync_groups: v.optional(list('sync_groups', syncGroup), []),
  scripts: v.optional(list('scripts', script), []),
});

export type FileShape = v.InferOutput<typeof fileSchema>;
export type VrrpInstanceShape = v.InferOutput<typeof vrrpInstance>;
