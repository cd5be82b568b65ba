/** virtual_server blocks -> virtual_servers. */
import type { Given } from './parts.js';

export function importServices(_given: Given): void {}
