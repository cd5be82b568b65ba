/** vrrp_instance blocks and what belongs to them -> vrrp_instances, sync_groups, scripts. */
import type { Given } from './parts.js';

export function importVrrp(_given: Given): void {}
