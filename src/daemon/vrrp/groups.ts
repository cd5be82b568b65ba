/** Sync groups at work: every move of an instance is carried on to the others of its group, until nobody has to move any more. */
import type { Instant } from '../../base/time.js';
import type { SyncGroupConfig } from '../../config/types.js';
import { faultOfMates, leads, type Member, type Move, objection } from '../../vrrp/group.js';
import type { Hindrance } from '../../vrrp/types.js';

/** What a group sees and wants of an instance. */
export interface Mate extends Member {
  lead(to: 'master' | 'backup', reason: string): void;
  /** By another one of its group. */
  hinder(hindrance: Hindrance | undefined): void;
}

export interface Groups {
  configure(groups: readonly SyncGroupConfig[]): void;
  moved(move: Move): void;
  objection(name: string): string | undefined;
  /** The name of its group. */
  of(name: string): string | undefined;
  settle(): void;
}

/** `mates`: every instance of the process, as it is now. */
export function createGroups(mates: () => readonly Mate[], now: () => Instant): Groups {
  let groups: readonly SyncGroupConfig[] = [];
  /** BOUNDED: emptied by settle. */
  let moves: Move[] = [];
  const groupOf = (name: string) => groups.find((one) => one.members.includes(name));
  const membersOf = ({ members }: SyncGroupConfig): Mate[] => mates().filter((one) => members.includes(one.conf.name));

  function follow(move: Move): void {
    const group = groupOf(move.name);
    if (!group) return;
    const members = membersOf(group);
    for (const { name, to, reason } of leads(group, members, move, now()))
      members.find((one) => one.conf.name === name)?.lead(to, reason);
  }

  function hinder(): void {
    for (const mate of mates()) {
      const { name } = mate.conf;
      const group = groupOf(name);
      const hindrance = group && faultOfMates(group, membersOf(group), name, now());
      if (hindrance?.reason !== mate.state.mates?.reason) mate.hinder(hindrance);
    }
  }

  return {
    configure(next) {
      groups = next;
    },
    moved(move) {
      if (groups.length > 0) moves.push(move);
    },
    objection(name) {
      const group = groupOf(name);
      return group && objection(group, membersOf(group), name, now());
    },
    of(name) {
      const group = groupOf(name);
      return group?.pair ? `${group.name} (both families)` : group?.name;
    },
    settle() {
      hinder();
      while (moves.length > 0) {
        const some = moves;
        moves = [];
        for (const move of some) follow(move);
        hinder();
      }
    },
  };
}
