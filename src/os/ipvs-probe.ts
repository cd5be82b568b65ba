/** What this kernel's IPVS can do, found by trying: attributes that a kernel does not know are ignored without a word. */
import type { Destination, KernelDestination, Operation, Refusal, ServiceId } from '../ipvs/types.js';

interface Tried {
  apply(operations: readonly Operation[]): readonly Refusal[];
  readDestinations(id: ServiceId): ReadonlyMap<string, KernelDestination>;
}

/** Marks that nobody sets; a service of one meets no packet. */
const FIRST_MARK = 0xfffffff1;
const MARKS = 14;
const EEXIST = 17;
/** Of gue, which must have one. */
const SOME_PORT = 6080;

const GUE = 1;

/** Adds, reads back and deletes a service of an unused mark. What cannot be tried is taken to be there: the kernel will say. */
export function knowsTunnel(client: Tried, type: number): boolean {
  for (let mark = FIRST_MARK; mark < FIRST_MARK + MARKS; mark++) {
    const id: ServiceId = { kind: 'fwmark', family: 4, fwmark: mark };
    const key = `fwmark/${mark}`;
    const service = { id, scheduler: 'rr', flags: 0, timeout: 0, prefix: 32, pe: '' };
    const refused = client.apply([{ kind: 'new-service', key, service }])[0];
    if (refused?.errno === EEXIST) continue;
    if (refused) return true;
    const dest: Destination = {
      address: '127.0.0.1',
      port: 0,
      forward: 'tun',
      weight: 0,
      upper: 0,
      lower: 0,
      tunType: type,
      tunPort: type === GUE ? SOME_PORT : 0,
      tunFlags: 0,
    };
    const refusal = client.apply([{ kind: 'new-dest', key, id, dest }])[0];
    const found = [...client.readDestinations(id).values()][0];
    client.apply([{ kind: 'del-service', key, id }]);
    return refusal !== undefined || found === undefined || found.tunType === type;
  }
  return true;
}
