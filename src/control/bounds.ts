/** What a follower of events may cost, whichever way it follows. */

/** One that has not read this many bytes is dropped. */
export const EVENT_BACKLOG = 1 << 20;
/** Events that may come while those that there were are gathered. */
export const HELD_EVENTS = 10_000;
