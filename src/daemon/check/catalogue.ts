/** The virtual servers of this process by name, by kernel service and by check; a change costs what it changes. */
import { serviceKey } from '../../base/service-id.js';
import type { CheckSpec } from '../../health/types.js';
import type { ServiceIntent } from '../../intent/types.js';
import { checksOf } from '../../pool/membership.js';
import { replacedChecks } from '../../pool/replaced.js';

export interface Changes {
  /** New or other than before. */
  readonly services: readonly ServiceIntent[];
  /** Names. */
  readonly gone: readonly string[];
}

/** What a change of the catalogue means for checks and table. */
export interface Consequences {
  readonly changed: readonly ServiceIntent[];
  /** Kernel services that nobody wants any more. */
  readonly unwanted: readonly string[];
  /** Names of virtual servers that are gone. */
  readonly removed: readonly string[];
  /** See Catalogue.renamed. */
  readonly renamed: ReadonlyMap<string, string>;
  readonly newChecks: readonly CheckSpec[];
  readonly goneChecks: readonly string[];
  /** Keys of checks that were changed: those of now to those that they take the place of. */
  readonly replaced: ReadonlyMap<string, string>;
}

export class Catalogue {
  private byName = new Map<string, ServiceIntent>();
  private readonly byId = new Map<string, ServiceIntent>();
  private readonly byCheck = new Map<string, Set<ServiceIntent>>();

  all(): Iterable<ServiceIntent> {
    return this.byName.values();
  }

  get size(): number {
    return this.byName.size;
  }

  /** The virtual server of a kernel service. */
  ofKey(key: string): ServiceIntent | undefined {
    return this.byId.get(key);
  }

  /** By its name, or by the key of one of its kernel services. */
  find(word: string): ServiceIntent | undefined {
    return this.byName.get(word) ?? this.byId.get(word);
  }

  usersOf(checkKey: string): Iterable<ServiceIntent> {
    return this.byCheck.get(checkKey) ?? [];
  }

  /** Everything that there is from now on, in this order: what is the same as before is no change. */
  replace(services: readonly ServiceIntent[]): Consequences {
    const names = services.map((one) => one.name);
    const fresh = services.filter((one) => !same(this.byName.get(one.name), one));
    const consequences = this.change({ services: fresh, gone: this.goneWith(names) });
    this.order(names);
    return consequences;
  }

  /** What is new or other than before; the others of these names stay, in this order, and all that is not named goes. */
  arrange(services: readonly ServiceIntent[], names: readonly string[]): Consequences {
    const consequences = this.change({ services, gone: this.goneWith(names) });
    this.order(names);
    return consequences;
  }

  private order(names: readonly string[]): void {
    this.byName = new Map(names.map((name) => [name, this.byName.get(name) as ServiceIntent]));
  }

  /** New names to old ones: of virtual servers that are new, and have an address that one that goes had. */
  renamed({ services, gone }: Changes): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    const leaving = new Set(gone);
    for (const { name, ids } of leaving.size === 0 ? [] : services) {
      if (this.byName.has(name)) continue;
      const from = ids.map((id) => this.byId.get(serviceKey(id))?.name).find((one) => one !== undefined && leaving.has(one));
      if (from !== undefined) names.set(name, from);
    }
    return names;
  }

  /** Names of which there would be none any more if there were only these. */
  goneWith(names: readonly string[]): string[] {
    const kept = new Set(names);
    return [...this.byName.keys()].filter((name) => !kept.has(name));
  }

  change({ services, gone }: Changes): Consequences {
    const renamed = this.renamed({ services, gone });
    const replaced = new Map(services.flatMap((one) => [...this.replacedIn(one, renamed)]));
    const before = [...gone, ...services.map((one) => one.name)].flatMap((name) => this.byName.get(name) ?? []);
    const ids = new Set(before.flatMap((one) => one.ids.map(serviceKey)));
    const checks = new Set<string>();
    for (const service of before) this.take(service, checks);
    const newChecks = new Map<string, CheckSpec>();
    for (const service of services) this.put(service, checks, newChecks);
    for (const name of gone) this.byName.delete(name);
    return {
      changed: services,
      unwanted: [...ids].filter((key) => !this.byId.has(key)),
      removed: gone,
      renamed,
      newChecks: [...newChecks.values()],
      goneChecks: [...checks].filter((key) => !this.byCheck.has(key)),
      replaced,
    };
  }

  private replacedIn(service: ServiceIntent, renamed: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const before = this.byName.get(renamed.get(service.name) ?? service.name);
    return before ? replacedChecks(before, service) : new Map();
  }

  private take(service: ServiceIntent, checks: Set<string>): void {
    for (const id of service.ids) this.byId.delete(serviceKey(id));
    for (const spec of specsOf(service)) {
      const users = this.byCheck.get(spec.key);
      users?.delete(service);
      if (users?.size === 0) this.byCheck.delete(spec.key);
      checks.add(spec.key);
    }
  }

  private put(service: ServiceIntent, before: ReadonlySet<string>, fresh: Map<string, CheckSpec>): void {
    this.byName.set(service.name, service);
    for (const id of service.ids) this.byId.set(serviceKey(id), service);
    for (const spec of specsOf(service)) {
      const users = this.byCheck.get(spec.key);
      if (users) users.add(service);
      else {
        this.byCheck.set(spec.key, new Set([service]));
        if (!before.has(spec.key)) fresh.set(spec.key, spec);
      }
    }
  }
}

const specsOf = (service: ServiceIntent): CheckSpec[] => service.realServers.flatMap((server) => [...checksOf(server)]);

const same = (before: ServiceIntent | undefined, now: ServiceIntent): boolean =>
  before !== undefined && JSON.stringify(before) === JSON.stringify(now);
