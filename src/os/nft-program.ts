/** One call of Debian's `nft`: its text and its JSON are the stable interfaces of nftables, the messages below them are not. */
import { execFile } from 'node:child_process';

export interface NftOutcome {
  /** Undefined: it did what it was asked. `killed`: it took too long. */
  readonly failure: (Error & { readonly code?: unknown; readonly killed?: boolean }) | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NftCall {
  /** Default: `nft`, which is in a folder that not every PATH has. */
  readonly program?: string;
  /** Milliseconds until it is killed. */
  readonly deadline: number;
  /** Bytes of what it prints. */
  readonly mostOutput: number;
  /** What it reads. */
  readonly input?: string;
}

/** Never rejects. */
export function callNft(words: readonly string[], call: NftCall): Promise<NftOutcome> {
  const { program = 'nft', deadline, mostOutput, input = '' } = call;
  const env = { ...process.env, LC_ALL: 'C', PATH: `/usr/sbin:/sbin:/usr/bin:/bin:${process.env.PATH ?? ''}` };
  const options = { timeout: deadline, killSignal: 'SIGKILL', maxBuffer: mostOutput, env } as const;
  return new Promise((resolve) => {
    const child = execFile(program, [...words], options, (failure, stdout, stderr) =>
      resolve({ failure: failure ?? undefined, stdout, stderr }),
    );
    // A program that ends without reading leaves a broken pipe; what it said, or its absence, is told by the callback.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
