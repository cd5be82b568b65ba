/** Processes of this host by name, from /proc: proc_pid_comm(5), proc_pid_cmdline(5), proc_pid_stat(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** TASK_COMM_LEN without its NUL: what the kernel keeps of a name. */
const COMM = 15;
/** Processes looked at in one turn of the loop. */
const SLICE = 64;

/** A name with a slash or a space is the beginning of a command line; any other is that of the program. */
const isCommand = (name: string): boolean => /[/ ]/.test(name);

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

/** The letter behind the name in brackets; a zombie does nothing any more. */
const isZombie = (pid: string): boolean => /\) [ZX] /.test(read(pid, 'stat'));

/** Whether the process is one of that name. */
export function isNamed(pid: string, name: string): boolean {
  const comm = read(pid, 'comm').trimEnd();
  if (comm === '') return false;
  if (!isCommand(name)) {
    if (comm !== name.slice(0, COMM)) return false;
    if (name.length > COMM && (read(pid, 'cmdline').split('\0')[0] as string).split('/').at(-1) !== name) return false;
    return !isZombie(pid);
  }
  const line = read(pid, 'cmdline').replace(/\0+$/, '').replaceAll('\0', ' ');
  return (line === name || line.startsWith(`${name} `)) && !isZombie(pid);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** By name, the processes that have it. Never throws for one that ends meanwhile. */
export async function findProcesses(names: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>(names.map((name) => [name, []]));
  const plain = new Map<string, string[]>();
  for (const name of names)
    if (!isCommand(name)) plain.set(name.slice(0, COMM), [...(plain.get(name.slice(0, COMM)) ?? []), name]);
  const commands = names.filter(isCommand);
  const pids = readdirSync('/proc').filter((one) => /^\d+$/.test(one));
  for (const [i, pid] of pids.entries()) {
    if (i % SLICE === SLICE - 1) await nextTurn();
    const candidates = plain.get(read(pid, 'comm').trimEnd()) ?? [];
    for (const name of [...candidates, ...commands]) if (isNamed(pid, name)) found.get(name)?.push(pid);
  }
  return found;
}
