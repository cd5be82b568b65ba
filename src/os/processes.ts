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

/** By a signal or a debugger; it does nothing until it is let go on. */
export const isStopped = (pid: number): boolean => /\) [Tt] /.test(read(`${pid}`, 'stat'));

/** Its words with a space between them. */
const commandOf = (pid: string): string => read(pid, 'cmdline').replace(/\0+$/, '').replaceAll('\0', ' ');

/** The whole name of a program, of which the kernel keeps the beginning only. */
const programOf = (pid: string): string => (read(pid, 'cmdline').split('\0')[0] as string).split('/').at(-1) as string;

const hasName = (pid: string, comm: string, name: string): boolean =>
  comm === name.slice(0, COMM) && (name.length <= COMM || programOf(pid) === name);

const hasCommand = (line: string, name: string): boolean => line === name || line.startsWith(`${name} `);

/** Whether the process is one of that name. */
export function isNamed(pid: string, name: string): boolean {
  const matches = isCommand(name) ? hasCommand(commandOf(pid), name) : hasName(pid, read(pid, 'comm').trimEnd(), name);
  return matches && !isZombie(pid);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** By name, the processes that have it. Never throws for one that ends meanwhile. */
export async function findProcesses(names: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>(names.map((name) => [name, []]));
  const commands = names.filter(isCommand);
  const plain = names.filter((name) => !isCommand(name));
  const pids = readdirSync('/proc').filter((one) => /^\d+$/.test(one));
  for (const [i, pid] of pids.entries()) {
    if (i % SLICE === SLICE - 1) await nextTurn();
    const comm = plain.length > 0 ? read(pid, 'comm').trimEnd() : '';
    const line = commands.length > 0 ? commandOf(pid) : '';
    const matching = [...plain.filter((name) => hasName(pid, comm, name)), ...commands.filter((name) => hasCommand(line, name))];
    if (matching.length === 0 || isZombie(pid)) continue;
    for (const name of matching) found.get(name)?.push(pid);
  }
  return found;
}
