/** A gRPC server (grpc-js) with the health service (grpc-health-check), inside a network namespace; the test says what is served. */
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation, type ServingStatus } from 'grpc-health-check';
import { serve } from './netns.js';

const health = new HealthImplementation({ '': 'SERVING', web: 'SERVING', down: 'NOT_SERVING' });
const servers: Server[] = [];

async function listen(port: number, credentials: ServerCredentials, healthy: boolean): Promise<number> {
  const server = new Server();
  if (healthy) health.addToServer(server);
  servers.push(server);
  return new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
}

serve({
  clear: (port: number) => listen(port, ServerCredentials.createInsecure(), true),
  /** A server that knows nothing of health. */
  bare: (port: number) => listen(port, ServerCredentials.createInsecure(), false),
  tls: (port: number, cert: string, key: string) => {
    const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
    return listen(port, ServerCredentials.createSsl(null, [pair]), true);
  },
  set: (service: string, status: ServingStatus) => health.setStatus(service, status),
  stop: () => {
    for (const server of servers.splice(0)) server.forceShutdown();
  },
});
