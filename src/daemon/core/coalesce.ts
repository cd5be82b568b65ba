/**
 * Work that is asked for in crowds, such as reloads. Asked for while it is under way, it is done once more after that, however often it
 * was asked for.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async (): Promise<void> => {
    do {
      again = false;
      await work();
    } while (again);
    running = undefined;
  };
  return () => {
    if (running) again = true;
    else running = run();
    return running as Promise<void>;
  };
}
