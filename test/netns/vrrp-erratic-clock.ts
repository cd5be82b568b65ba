/** Preloaded into a process: a wall clock that leaps by hours, both ways, whenever it is read. */
const real = Date.now;
let hours = 0;
Date.now = () => {
  hours = -hours + (hours <= 0 ? 1 : -1);
  return real() + hours * 3_600_000;
};
