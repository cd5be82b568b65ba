/** The client of IPVS inside a network namespace, on call. */
import type { Operation, ServiceId } from '../../../src/ipvs/types.js';
import { type IpvsClient, openIpvs } from '../../../src/os/ipvs.js';
import { serve } from '../../netns/netns.js';

let client: IpvsClient | undefined;
const opened = (): IpvsClient => client as IpvsClient;

serve({
  open: async () => {
    client?.close();
    client = await openIpvs();
    return client.info();
  },
  info: () => opened().info(),
  table: (counters: boolean) => opened().readTable(counters),
  service: (id: ServiceId) => opened().readService(id),
  apply: (operations: readonly Operation[]) => {
    const began = performance.now();
    const refusals = opened().apply(operations);
    return { refusals, ms: performance.now() - began };
  },
  /** Applies and reads back, in one call. */
  become: (operations: readonly Operation[]) => {
    const refusals = opened().apply(operations);
    return { refusals, table: opened().readTable(false) };
  },
  read: () => {
    const began = performance.now();
    const services = opened().readTable().size;
    return { services, ms: performance.now() - began };
  },
});
