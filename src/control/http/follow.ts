/** The stream of events over HTTP: server-sent events (WHATWG HTML, section 9.2), one follower. */
import type { ServerResponse } from 'node:http';
import type { ApiEvent } from '../api.js';
import { EVENT_BACKLOG, HELD_EVENTS } from '../bounds.js';

/** So often a follower without events gets a line, so that both sides see when the other is gone. */
export const BEAT_MS = 15_000;

export interface Follower {
  publish(event: ApiEvent): void;
  /** Those that there were; what came meanwhile follows, nothing twice. */
  begin(events: readonly ApiEvent[]): void;
  end(): void;
}

const textOf = (event: ApiEvent): string => `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;

export function createFollower(
  response: ServerResponse,
  wants: (event: ApiEvent) => boolean,
  dropped: (why: string) => void,
): Follower {
  let held: ApiEvent[] | undefined = [];
  /** Bytes of those that there were, until they are gone: they may be more than may wait otherwise. */
  let replay = 0;
  const drop = (why: string) => {
    dropped(why);
    response.destroy();
  };
  function write(text: string): void {
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength > EVENT_BACKLOG + replay) drop('it does not read');
    else response.write(text);
  }
  const beat = setInterval(() => write(': \n\n'), BEAT_MS);
  response.on('close', () => clearInterval(beat));
  return {
    publish(event) {
      if (!wants(event)) return;
      if (!held) write(textOf(event));
      else if (held.push(event) > HELD_EVENTS) drop('its answer takes too long');
    },
    begin(events) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      response.flushHeaders();
      const last = events.at(-1)?.id ?? 0;
      const text = [...events, ...(held ?? []).filter(({ id }) => id > last)].map(textOf).join('');
      held = undefined;
      replay = Buffer.byteLength(text);
      response.write(text, () => {
        replay = 0;
      });
    },
    end: () => response.end(),
  };
}
