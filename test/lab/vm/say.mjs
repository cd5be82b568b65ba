// What the lab says while it works, on standard error: a live line at a terminal, plain lines in a pipe. And how it gives up.

const LIVE = process.stderr.isTTY === true;

/** Ends with one clear line. */
export class LabError extends Error {}

/** Tells a step that may take long; the returned function tells its end. */
export function step(text) {
  const began = Date.now();
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (!LIVE) {
    process.stderr.write(`lab: ${text} …\n`);
    return () => process.stderr.write(`lab: ${text}: done in ${seconds()}\n`);
  }
  const draw = () => process.stderr.write(`\r\x1b[Klab: ${text} … ${seconds()}`);
  draw();
  const timer = setInterval(draw, 200);
  return () => {
    clearInterval(timer);
    process.stderr.write(`\r\x1b[Klab: ${text}: done in ${seconds()}\n`);
  };
}

/** A line for people who watch; pipes get it only on request. */
export function note(text) {
  if (LIVE || process.env.LBD_LAB_VERBOSE) process.stderr.write(`lab: ${text}\n`);
}
