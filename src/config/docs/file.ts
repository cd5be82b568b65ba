/** lbd.yaml, from its first key to the last. */
import { CONNECTION_SYNC, GLOBAL, KERNEL_SETTINGS, TIMEOUTS } from './director.js';
import { INHERITED, VIRTUAL_SERVER } from './services.js';
import type { Docs } from './types.js';
import { INSTANCE, SCRIPT, SYNC_GROUP } from './vrrp.js';

export const FILE: Docs = {
  include: 'Patterns of more files, relative to this one; what they list is added.',
  global: { text: 'The director as a whole.', keys: GLOBAL },
  defaults: { text: 'What every virtual server has that says nothing else.', keys: INHERITED },
  connection_sync: {
    text: 'The synchronisation of connections by the kernel: a backup knows those of the master. lbctl status tells which of its daemons run, on which interface, with which id; how many messages wait to be sent, or were dropped, the kernel tells nobody.',
    keys: CONNECTION_SYNC,
  },
  timeouts: { text: 'Idle times of connections; what is left out stays as the kernel has it.', keys: TIMEOUTS },
  kernel_settings: {
    text: 'Settings below net.ipv4.vs; each may be said here, or left alone (keep). What is left out is set by lbd where a service needs it.',
    keys: KERNEL_SETTINGS,
  },
  virtual_servers: { text: 'The services.', keys: VIRTUAL_SERVER },
  vrrp_instances: { text: 'The addresses that move between directors.', keys: INSTANCE },
  sync_groups: { text: 'Instances that move together.', keys: SYNC_GROUP },
  scripts: { text: 'Programs that instances track.', keys: SCRIPT },
};
