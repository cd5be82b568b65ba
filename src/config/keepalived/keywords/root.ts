/** What stands outside of every block. */
import { type Block, carried } from './types.js';

export const ROOT: Block = {
  name: 'root',
  words: [
    carried('global_defs', 'global'),
    carried('virtual_server', 'virtual_servers'),
    carried('virtual_server_group', 'virtual_servers'),
    carried('SSL', 'tls'),
    carried('track_file', 'track.files, checks'),
    carried('vrrp_track_file', 'track.files'),
    carried('vrrp_instance', 'vrrp_instances'),
    carried('vrrp_sync_group', 'sync_groups'),
    carried('vrrp_script', 'scripts'),
    carried('vrrp_track_process', 'track.processes'),
  ],
};
