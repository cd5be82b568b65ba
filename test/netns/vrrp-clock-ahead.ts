/** Preloaded into a process: a wall clock that is an hour ahead. */
const real = Date.now;
Date.now = () => real() + 3_600_000;
