/** A timer on the wall clock: for what is to happen at a time of the day, whenever the process was started. */

export interface Alarm {
  /** The times are others. */
  arm(): void;
  close(): void;
}

/** The wall clock may be set: it is looked at again after this time at the latest. */
const LONGEST_MS = 10_000;

/**
 * `next`: when something is due, in ms since 1970; undefined: nothing is. `due` is called at that time or later, or when the clock is looked
 * at and nothing is due; it does what is due by then, and `next` says something else when it has ended.
 */
export function createAlarm(next: () => number | undefined, due: () => Promise<void> | undefined): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  function arm(): void {
    clearTimeout(timer);
    const at = next();
    timer =
      at === undefined || closed ? undefined : setTimeout(() => void fire(), Math.min(LONGEST_MS, Math.max(0, at - Date.now())));
  }
  async function fire(): Promise<void> {
    await due();
    arm();
  }
  return {
    arm,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
