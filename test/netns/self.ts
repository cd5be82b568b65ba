/** Test files that run themselves as the child inside a network namespace of their own, which ends with the child. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The beginning of a setup: a veth pair with both ends here. What goes to a neighbour that is not there leaves by `va` and is lost. */
export const VETH = `
set -e
ip link set lo up
ip link add va type veth peer name vb
ip link set va up
ip link set vb up`;

/**
 * What the child prints, as JSON. `url`: of the file. `setup`: lines of sh before the child, which they exec as `"$0" "$1" child`; `env`:
 * variables beside the usual ones.
 */
export async function inOwnNamespace<Report>(
  url: string,
  setup: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const argv = ['-n', 'sh', '-c', setup, process.execPath, fileURLToPath(url)];
  const child = spawn('unshare', argv, {
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text || '"the child said nothing"') as Report;
}
