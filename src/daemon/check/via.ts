/**
 * Checks via: vip. Before each probe everything of this director's own that it depends on is looked at: its passage in the kernel, an
 * address to leave from, settings that would drop the answer. What is wrong there says nothing of the real server. Without the passage the
 * probe would go to whoever has the VIP, and be answered by the wrong one.
 */
import { familyOf, type Ip } from '../../base/ip.js';
import { answerFault, type Conf, chooseSource, type OwnAddress } from '../../base/own-source.js';
import type { MarkRange, Passage, ProbeConfig } from '../../config/types.js';
import { passageOf } from '../../config/via.js';
import type { CheckSpec } from '../../health/types.js';
import type { ServiceIntent } from '../../intent/types.js';
import { planService } from '../../ipvs/plan.js';
import { type OwnPaths, openOwnPaths } from '../../os/own-paths.js';
import type { Probe, StartProbe, Target } from '../../os/probe/types.js';
import type { Carrier } from '../../pool/follow.js';
import type { Ownership } from './ownership.js';
import { createPassages, describeWay, type Passages, type Way } from './passages.js';
import type { TableKeeper } from './table-types.js';

export interface ViaOptions {
  readonly startProbe: StartProbe;
  readonly keeper: Pick<TableKeeper, 'problem' | 'believed' | 'flush' | 'read' | 'refusal' | 'want'>;
  readonly owned: Pick<Ownership, 'keys'>;
  /** This host's own unless given. */
  readonly paths?: OwnPaths;
  readonly services: () => Iterable<ServiceIntent>;
  readonly carriers: () => readonly Carrier[];
  readonly now: () => number;
}

export interface Via {
  readonly passages: Passages;
  /** Of every check: those that are not via: vip are left alone. */
  readonly startProbe: StartProbe;
  /** Marks from now on. `first`: what an earlier life has made, and the kernel still has, keeps its marks. */
  use(range: MarkRange, first: boolean): void;
  /** Checks that begin, and end. */
  change(fresh: readonly CheckSpec[], gone: readonly string[]): void;
  /** Of a service in the kernel. */
  nameOf(key: string): string;
}

/** The host's addresses and settings are read once for all probes of so long. */
const FRESH_MS = 100;

/** A result on the loop's next round, that says nothing of the server. */
function unjudged(reason: string, done: Parameters<StartProbe>[2]): Probe {
  const soon = setImmediate(done, { ok: false, local: true, reason, duration: 0 });
  return { cancel: () => clearImmediate(soon) };
}

type Prepared = { readonly fault: string } | { readonly mark: number; readonly lane: number; readonly source: Ip };

export function createVia(options: ViaOptions): Via {
  const { keeper, owned, services, carriers } = options;
  const passages = createPassages((key, service) => keeper.want(key, service));
  /** Addresses that virtual servers and instances have; undefined: to be gathered anew. */
  let virtual: ReadonlySet<Ip> | undefined;
  const isVirtual = (address: Ip): boolean => {
    virtual ??= new Set([
      ...carriers().flatMap((one) => one.addresses),
      ...[...services()].flatMap(({ ids }) => ids.flatMap((id) => (id.kind === 'address' ? [id.address] : []))),
    ]);
    return virtual.has(address);
  };
  return {
    passages,
    startProbe: createProber({ paths: openOwnPaths(), ...options, passages, isVirtual }),
    use: (range, first) => passages.use(range, first ? [...owned.keys].flatMap((key) => keeper.believed(key) ?? []) : []),
    change(fresh, gone) {
      virtual = undefined;
      passages.change(fresh, gone);
    },
    nameOf(key) {
      const way = passages.ofKey(key);
      return way ? describeWay(way) : key;
    },
  };
}

interface ProberOptions extends Pick<ViaOptions, 'startProbe' | 'keeper' | 'now'> {
  readonly passages: Passages;
  readonly paths: OwnPaths;
  /** An address of a virtual server, or of a VRRP instance. */
  readonly isVirtual: (address: Ip) => boolean;
}

function createProber({ startProbe, passages, keeper, paths, isVirtual, now }: ProberOptions): StartProbe {
  let own: readonly OwnAddress[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  /** BOUNDED: of the interfaces that probes leave by. */
  const settings = new Map<string, string | undefined>();

  function ownAddresses(): readonly OwnAddress[] {
    if (now() - readAt < FRESH_MS) return own;
    readAt = now();
    own = paths.addresses();
    settings.clear();
    return own;
  }

  const conf: Conf = (link, name) => {
    const key = `${link}/${name}`;
    if (!settings.has(key)) settings.set(key, paths.conf(link, name));
    return settings.get(key);
  };

  /** Why the kernel would not lead the probe to its server. */
  function passageFault({ key, service }: Way): string | undefined {
    if (keeper.problem) return `IPVS cannot be used: ${keeper.problem}`;
    // It may be on its way with what else is wanted in this turn of the loop.
    if (!keeper.believed(key)) keeper.flush();
    const found = keeper.read([service.id]);
    if (found && planService(found[0], service).length === 0) return undefined;
    return keeper.refusal(key) ?? `its passage ${key} is not in the kernel as wanted`;
  }

  function answerDropped(vip: Ip, server: Ip, source: OwnAddress | undefined): string | undefined {
    const holder = own.find(({ address }) => address === vip);
    // What this host answers as a real server itself never leaves it.
    if (own.some(({ address }) => address === server)) return undefined;
    const fault = familyOf(vip) === 4 && holder && source && answerFault(conf, source.interface, holder.interface);
    if (!fault) return undefined;
    const setting = `net.ipv4.conf.${fault.link}.${fault.name} is ${fault.found}`;
    return `${setting}: this director has ${vip} itself, and drops answers from it (lbctl doctor)`;
  }

  function prepare(passage: Passage, vip: Ip, wish: Ip | undefined): Prepared {
    const way = passages.find(familyOf(vip), passage);
    if (!way) return { fault: 'none of probe_marks is free: give global.probe_marks a larger range' };
    const missing = passageFault(way);
    if (missing !== undefined) return { fault: missing };
    const all = ownAddresses();
    const server = passage.address;
    const asked = wish === undefined ? undefined : all.find(({ address }) => address === wish);
    const chosen = asked ?? chooseSource({ own: all, kernel: paths.sourceTowards(server), server, vip, isVirtual });
    const source = wish ?? chosen?.address;
    if (source === undefined) return { fault: `this director has no address but virtual ones to reach ${vip} from: add one` };
    // IPVS takes another way, but not before the kernel has found one.
    if (paths.sourceTowards(vip) === undefined) return { fault: `this director has no route to ${vip}: any will do, add one` };
    const dropped = answerDropped(vip, server, chosen);
    return dropped === undefined ? { mark: way.mark, lane: way.index, source } : { fault: dropped };
  }

  return (probe: ProbeConfig, target: Target, done) => {
    const passage = passageOf(probe);
    if (!passage) return startProbe(probe, target, done);
    const wish = 'source' in probe ? probe.source : undefined;
    const prepared = prepare(passage, target.address, wish);
    if ('fault' in prepared) return unjudged(`not checked: ${prepared.fault}`, done);
    const { mark, lane, source } = prepared;
    return startProbe({ ...probe, fwmark: mark, source, lane } as ProbeConfig, target, done);
  };
}
