/**
 * Which passage (pool/passage.ts) has which mark, for as long as a check needs it. A restarted daemon goes on with the marks that it
 * finds in the kernel; otherwise they are given in turn, so that one that was given back rests: connections that the kernel remembers of
 * its former real server are forgotten until it is given again.
 */
import { type Family, familyOf } from '../../base/ip.js';
import { serviceKey } from '../../base/service-id.js';
import type { MarkRange, Passage } from '../../config/types.js';
import { passageOf } from '../../config/via.js';
import type { CheckSpec } from '../../health/types.js';
import type { Service } from '../../ipvs/types.js';
import { freeMark, passageKey, passageService, recognize } from '../../pool/passage.js';

export interface Way {
  readonly passage: Passage;
  readonly family: Family;
  readonly mark: number;
  /** Counts from 0 within the range. */
  readonly index: number;
  /** serviceKey of its service in the kernel. */
  readonly key: string;
  readonly service: Service;
}

export interface Passages {
  /** These marks from now on; `left`: services of earlier lives that are lbd's. */
  use(range: MarkRange, left?: Iterable<Service>): void;
  /** Checks that begin and end: what they need is wanted, and what nobody needs any more is not. */
  change(fresh: readonly CheckSpec[], gone: readonly string[]): void;
  /** Undefined while no mark is free. */
  find(family: Family, passage: Passage): Way | undefined;
  all(): Iterable<Way>;
  ofKey(key: string): Way | undefined;
}

/** `checks of 10.0.0.21 via VIP (dr)` */
export const describeWay = ({ passage }: Pick<Way, 'passage'>): string =>
  `checks of ${passage.address} via VIP (${passage.forward})`;

interface Need {
  readonly family: Family;
  readonly passage: Passage;
  /** Keys of checks. */
  readonly users: Set<string>;
  way: Way | undefined;
}

function makeWay(mark: number, range: MarkRange, { family, passage }: Need): Way {
  const service = passageService(mark, family, passage);
  return { passage, family, mark, index: mark - range.first, key: serviceKey(service.id), service };
}

export function createPassages(want: (key: string, service: Service | undefined) => void): Passages {
  const needs = new Map<string, Need>();
  const byKey = new Map<string, Way>();
  const ofCheck = new Map<string, string>();
  /** Marks of an earlier life by passageKey, of use to the first checks. */
  const left = new Map<string, number>();
  const reserved = new Set<number>();
  /** One mark may serve both families. They are told apart all the same: it is the mark that a person looks for. */
  const taken = new Set<number>();
  let range: MarkRange | undefined;
  let next = 0;

  function markFor(id: string, range: MarkRange): number | undefined {
    const before = left.get(id);
    if (before !== undefined && !taken.has(before)) return before;
    return freeMark(range, next, (mark) => taken.has(mark) || reserved.has(mark));
  }

  function give(id: string, need: Need): void {
    const mark = range && markFor(id, range);
    if (!range || mark === undefined) return;
    taken.add(mark);
    next = mark === range.last ? range.first : mark + 1;
    need.way = makeWay(mark, range, need);
    byKey.set(need.way.key, need.way);
    want(need.way.key, need.way.service);
  }

  function takeBack(need: Need): void {
    if (!need.way) return;
    taken.delete(need.way.mark);
    byKey.delete(need.way.key);
    want(need.way.key, undefined);
    need.way = undefined;
  }

  function drop(check: string): void {
    const id = ofCheck.get(check);
    const need = id === undefined ? undefined : needs.get(id);
    ofCheck.delete(check);
    if (!need || id === undefined || !need.users.delete(check) || need.users.size > 0) return;
    takeBack(need);
    needs.delete(id);
  }

  function add({ key, check, address }: CheckSpec): void {
    const passage = passageOf(check);
    if (!passage) return;
    const family = familyOf(address);
    const id = passageKey(family, passage);
    const need = needs.get(id) ?? { family, passage, users: new Set<string>(), way: undefined };
    needs.set(id, need);
    need.users.add(key);
    ofCheck.set(key, id);
  }

  /** Those that found no mark may find one when others have given theirs back. */
  function settle(): void {
    for (const [id, need] of needs) if (!need.way) give(id, need);
  }

  return {
    use(wanted, services = []) {
      for (const service of services) {
        const found = recognize(service, wanted);
        if (!found) continue;
        left.set(found.key, found.mark);
        reserved.add(found.mark);
      }
      if (range && range.first === wanted.first && range.last === wanted.last) return;
      for (const need of needs.values()) takeBack(need);
      range = wanted;
      next = range.first;
      settle();
    },
    change(fresh, gone) {
      for (const spec of fresh) add(spec);
      for (const key of gone) drop(key);
      settle();
      left.clear();
      reserved.clear();
    },
    find: (family, passage) => needs.get(passageKey(family, passage))?.way,
    all: () => byKey.values(),
    ofKey: (key) => byKey.get(key),
  };
}
