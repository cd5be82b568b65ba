/**
 * Three kinds of failure, no more: refused input is a value (never thrown), an error of the operating system is an OsError,
 * everything else thrown is a bug and ends the process (core restarts it).
 */

const NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  9: 'EBADF',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  16: 'EBUSY',
  17: 'EEXIST',
  19: 'ENODEV',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  28: 'ENOSPC',
  30: 'EROFS',
  32: 'EPIPE',
  34: 'ERANGE',
  71: 'EPROTO',
  90: 'EMSGSIZE',
  92: 'ENOPROTOOPT',
  93: 'EPROTONOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  103: 'ECONNABORTED',
  104: 'ECONNRESET',
  105: 'ENOBUFS',
  107: 'ENOTCONN',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  112: 'EHOSTDOWN',
  113: 'EHOSTUNREACH',
  114: 'EALREADY',
  115: 'EINPROGRESS',
};

/** `ENOENT` for 2; `errno 200` for a number without a name here. Accepts the number with either sign. */
export const errnoName = (errno: number): string => NAMES[Math.abs(errno)] ?? `errno ${Math.abs(errno)}`;

export interface OsErrorDetails {
  /** What was tried: `sendmsg`, `ipvs new-service`, … */
  readonly op: string;
  /** Positive errno; 0 when the failure is not the kernel's (a deadline, a malformed reply). */
  readonly errno: number;
  /** What it was tried on, in words a user knows. */
  readonly object?: string | undefined;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG), where it gave one. */
  readonly extack?: string | undefined;
}

/** A refusal by the operating system, with the operation and the object in its message. */
export class OsError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly op: string;
  readonly object: string | undefined;
  readonly extack: string | undefined;

  constructor(details: OsErrorDetails, text?: string) {
    const code = details.errno === 0 ? 'EPROTO' : errnoName(details.errno);
    const subject = details.object ? `${details.op} ${details.object}` : details.op;
    super(`${subject}: ${text ?? code}${details.extack ? ` (${details.extack})` : ''}`);
    this.name = 'OsError';
    this.code = code;
    this.errno = Math.abs(details.errno);
    this.op = details.op;
    this.object = details.object;
    this.extack = details.extack;
  }
}
