/** Names for completion in the shell: from the running daemon, soon or not at all. Nobody who presses a key is told that there is none. */
import type { Methods } from '../control/api.js';
import type { Client } from '../control/client.js';
import { harmless } from './render/text.js';

/** Of each: a person waits with a word half typed. */
const CONNECT_MS = 500;
const ANSWER_MS = 1000;

export interface Completing {
  /** `services`, `servers`, `hosts`, `instances`, `revisions`, or `targets` of why. */
  readonly what: string;
  /** What is typed of the word. */
  readonly word: string;
  readonly service: string | undefined;
}

type Names = Methods['names']['result'];

interface Candidate {
  readonly name: string;
  readonly text?: string;
}

const begins = (name: string, word: string): boolean => name.toLowerCase().startsWith(word.toLowerCase());

/** By name; by key where no name begins so: to offer both would be twice as much to read. */
function servicesOf({ services }: Names, word: string): readonly Candidate[] {
  if (services.some(({ name }) => begins(name, word))) return services.map(({ name, keys }) => ({ name, text: keys[0] ?? '' }));
  return services.flatMap(({ name, keys }) => keys.map((key) => ({ name: key, text: name })));
}

const plain = (names: readonly string[]): readonly Candidate[] => names.map((name) => ({ name }));

/** `web/` begins a real server of web. A key has slashes of its own. */
const serviceIn = (word: string): string | undefined =>
  /^((?:tcp|udp|sctp)\/[^/]+|fwmark\/[^/]+(?:\/inet6)?|[^/]+)\//.exec(word)?.[1];

const serviceOf = ({ what, word, service }: Completing): string | undefined => (what === 'targets' ? serviceIn(word) : service);

type Ask = (client: Client, asked: Completing) => Promise<readonly Candidate[]>;

const named =
  (pick: (names: Names, asked: Completing) => readonly Candidate[]): Ask =>
  async (client, asked) => {
    const service = serviceOf(asked);
    return pick(await client.call('names', service === undefined ? {} : { service }, ANSWER_MS), asked);
  };

const KINDS: Readonly<Record<string, Ask>> = {
  services: named((names, { word }) => servicesOf(names, word)),
  servers: named((names) => plain(names.real_servers)),
  hosts: named((names) => plain(names.hosts)),
  instances: named((names) => plain(names.instances)),
  revisions: async (client) => {
    const { revisions } = await client.call('history', {}, ANSWER_MS);
    return revisions.map(({ revision, text }) => ({ name: String(revision), text }));
  },
  targets: named((names, { word }) => {
    const service = serviceIn(word);
    const servers = names.real_servers.map((server) => ({ name: `${service}/${server}` }));
    return [...servicesOf(names, word), ...plain(names.instances), ...(service === undefined ? [] : servers)];
  }),
};

/** Rejects when nobody answers in time; who comes too late is sent away. */
function inTime(connecting: Promise<Client>): Promise<Client> {
  let late = false;
  connecting.then(
    (client) => (late ? client.close() : undefined),
    () => {},
  );
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      late = true;
      reject(new Error('nobody answers'));
    }, CONNECT_MS);
    connecting.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function candidatesFor(asked: Completing, connecting: Promise<Client>): Promise<readonly Candidate[]> {
  const client = await inTime(connecting);
  try {
    const ask = Object.hasOwn(KINDS, asked.what) ? KINDS[asked.what] : undefined;
    return (await ask?.(client, asked)) ?? [];
  } finally {
    client.close();
  }
}

/** A line for each: the name, and what it is after a tab. '' where there is nothing to say, for whatever reason. */
export async function complete(asked: Completing, connecting: Promise<Client>): Promise<string> {
  const found = await candidatesFor(asked, connecting).catch(() => []);
  return found
    .filter(({ name }) => begins(name, asked.word))
    .map(({ name, text }) => `${harmless(text ? `${name}\t${text}` : name).replace(/\n/g, ' ')}\n`)
    .join('');
}
