/** What happened, as the API tells it. */

/** Of an event that is a change: who or what made it, and what was before and after it. Each is absent where it is not known. */
export interface ApiEventChange {
  /** A user, a check, what a packet or a timer said. */
  readonly cause?: string;
  /** `verdict`: unknown, up, down; `quorum`: unknown, met, lost; `weight`: numbers; `vrrp`: states; `override`, `reload`: revisions. */
  readonly before?: string | number;
  readonly after?: string | number;
}

export interface ApiEvent extends ApiEventChange {
  /** Higher than those of all earlier events, also of those before a restart. */
  readonly id: number;
  /** Wall clock, ISO 8601. */
  readonly at: string;
  /** One of EVENT_KINDS (event-filter.ts). */
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
}
