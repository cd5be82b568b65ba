/** Which of the kernel's connection synchronisation daemons this director runs. */
import type { ConnectionSyncConfig } from '../config/types.js';

export type SyncRole = 'master' | 'backup';

/**
 * The master sends what it knows of its connections, the backup listens. With `follow` it is the one that fits the VRRP instance's role;
 * without, both: every director sends and listens. Undefined: nobody has said yet what the instance's role is.
 */
export function wantedRoles(
  config: ConnectionSyncConfig | undefined,
  roles: Readonly<Record<string, string>>,
): readonly SyncRole[] | undefined {
  if (!config) return [];
  if (config.follow === undefined) return ['master', 'backup'];
  const role = roles[config.follow];
  if (role === undefined) return undefined;
  return [role === 'master' ? 'master' : 'backup'];
}
