/** What the overrides make different from the file, object by object, and what of it `lbctl save` writes into the file. */
import { formatDuration } from '../base/duration.js';
import { formatEndpoint } from '../base/ip.js';
import type { AddedServer } from '../config/added.js';
import { type FileEdit, settingEdit } from '../config/save-edits.js';
import type { Config, RealServerConfig, VirtualServerConfig } from '../config/types.js';
import { buildIntent } from './merge.js';
import { outOfService } from './out-of-service.js';
import type { Change, Override, Provenance, RealServerIntent, ServiceIntent, Source } from './types.js';

export interface Difference {
  readonly change: 'added' | 'removed' | 'changed';
  /** `web`, `web/10.0.0.21:80`, `host 10.0.0.21` */
  readonly target: string;
  /** `weight 10 -> 5`, `draining`; '' where the target says it all. */
  readonly text: string;
  readonly by: Provenance;
  /** What writes it into the file; absent: it stays an override. */
  readonly edit?: FileEdit;
}

interface View {
  readonly overrides: readonly Override[];
  readonly byId: ReadonlyMap<number, Override>;
  readonly now: number;
}

const withoutChange = ({ change: _, ...by }: Override): Provenance => by;

/** The file is for good. */
const isForATime = ({ ends }: Provenance): boolean => ends !== undefined;

/** With the edit that writes it, unless it stays an override. */
function difference(view: View, told: Omit<Difference, 'edit'>, edit: FileEdit, stays: boolean): Difference {
  const { ends } = told.by;
  if (ends === undefined) return stays ? told : { ...told, edit };
  const seconds = Math.max(1, Math.ceil((ends - view.now) / 1000));
  const unit = seconds > 120 ? 60 : 1;
  const left = formatDuration(Math.ceil(seconds / unit) * unit * 1000);
  return { ...told, text: `${told.text}; it ends by itself in ${left}` };
}

const isOf = (override: Override, kind: Change['kind'], service: string): boolean =>
  override.change.kind === kind && 'service' in override.change && override.change.service === service;

const countText = (count: number): string => `${count} real ${count === 1 ? 'server' : 'servers'}`;

function made<K extends Change['kind']>({ byId }: View, source: Source, kind: K) {
  const override = source.kind === 'override' ? byId.get(source.override.id) : undefined;
  if (override?.change.kind !== kind) return undefined;
  return { by: withoutChange(override), change: override.change as Extract<Change, { kind: K }> };
}

// ---- real servers ---------------------------------------------------------------------------------------------------------------

/** What the file's 0 would cost: with mh the place among the others, whose clients would move (pool/membership.ts). */
const holdsPlace = ({ scheduler }: ServiceIntent, { weight, configuredWeight }: RealServerIntent): boolean =>
  scheduler === 'mh' && weight === 0 && configuredWeight > 0;

function changedServer(view: View, service: ServiceIntent, server: RealServerIntent, stays: boolean): Difference[] {
  const found = made(view, server.weightSource, 'set-rs');
  const { weight, configuredWeight, address, port } = server;
  if (!found || weight === configuredWeight) return [];
  const { by, change } = found;
  const share = change.weight.kind === 'percent' ? ` (${change.weight.percent}%)` : '';
  const holds = holdsPlace(service, server);
  const text = `weight ${configuredWeight} -> ${weight}${share}${holds ? '; with mh it keeps its place as an override alone' : ''}`;
  const edit: FileEdit = { kind: 'set-weight', service: service.name, address, port, weight };
  return [difference(view, { change: 'changed', target: `${service.name}/${server.key}`, text, by }, edit, stays || holds)];
}

/** `stays`: so does its service. A weight that stays beside it, or with it, is told by itself. */
function addedServer(view: View, service: ServiceIntent, server: RealServerIntent, stays: boolean): Difference[] {
  const found = made(view, server.source, 'add-rs');
  if (!found) return [];
  const { kind: _, service: __, ...said } = found.change;
  const held = stays || isForATime(found.by);
  const set = made(view, server.weightSource, 'set-rs');
  const isApart = held || holdsPlace(service, server) || (set !== undefined && isForATime(set.by));
  const added: AddedServer = { ...said, weight: isApart ? server.configuredWeight : server.weight };
  const limits = server.upper > 0 ? `, upper ${server.upper}, lower ${server.lower}` : '';
  const method = said.forward === undefined ? '' : `, ${said.forward}`;
  const text = `weight ${added.weight}${method}${limits}`;
  const told = { change: 'added', target: `${service.name}/${server.key}`, text, by: found.by } as const;
  const edit: FileEdit = { kind: 'add-server', service: service.name, server: added };
  return [difference(view, told, edit, held), ...(isApart ? changedServer(view, service, server, held) : [])];
}

function removedServer(view: View, name: string, { address, port, weight }: RealServerConfig): Difference[] {
  const isIts = ({ change }: Override) =>
    change.kind === 'del-rs' && change.service === name && change.address === address && change.port === port;
  const override = view.overrides.find(isIts);
  if (!override) return [];
  const target = `${name}/${formatEndpoint(address, port)}`;
  const told = { change: 'removed', target, text: `weight ${weight}`, by: withoutChange(override) } as const;
  return [difference(view, told, { kind: 'remove-server', service: name, address, port }, false)];
}

// ---- virtual servers ------------------------------------------------------------------------------------------------------------

function removedService(view: View, { name, realServers }: VirtualServerConfig): Difference[] {
  const override = view.overrides.find((one) => isOf(one, 'del-vs', name));
  if (!override) return [];
  const told = {
    change: 'removed',
    target: name,
    text: `with ${countText(realServers.length)}`,
    by: withoutChange(override),
  } as const;
  return [difference(view, told, { kind: 'remove-service', service: name }, false)];
}

/** Settings of set-vs, one by one. While one of them is for a time all stay: what one says of persistence holds for both of its keys. */
function changedService(view: View, service: ServiceIntent, stays: boolean): Difference[] {
  const found = (service.changed ?? []).flatMap(({ source, ...one }) => {
    const by = made(view, source, 'set-vs')?.by;
    return by ? [{ ...one, by }] : [];
  });
  const held = stays || found.some(({ by }) => isForATime(by));
  return found.map(({ setting, before, value, by }) => {
    const told = { change: 'changed', target: service.name, text: `${setting} ${before} -> ${value}`, by } as const;
    return difference(view, told, settingEdit(service.name, service, setting), held);
  });
}

/** `stays`: the file has another one of that name, which comes back. */
function addedService(view: View, service: ServiceIntent, stays: boolean): Difference[] {
  const found = made(view, service.source, 'add-vs');
  if (!found) return [];
  const { kind: _, ...added } = found.change;
  const { name, key, scheduler, forward, persistence, realServers } = service;
  const kept = persistence ? `, persistent for ${persistence.timeout}s` : '';
  const told = { change: 'added', target: name, text: `${key}, ${scheduler}, ${forward}${kept}`, by: found.by } as const;
  const held = stays || isForATime(found.by);
  return [
    difference(view, told, { kind: 'add-service', added }, held),
    ...changedService(view, service, held),
    ...realServers.flatMap((server) => addedServer(view, service, server, held)),
  ];
}

function ofService(view: View, file: VirtualServerConfig | undefined, now: ServiceIntent | undefined): Difference[] {
  if (!file || now?.source.kind !== 'file') {
    const removed = file ? removedService(view, file) : [];
    return [
      ...removed,
      ...(now
        ? addedService(
            view,
            now,
            removed.some(({ by }) => isForATime(by)),
          )
        : []),
    ];
  }
  const keys = new Set(now.realServers.map(({ key }) => key));
  const gone = file.realServers.filter(({ address, port }) => !keys.has(formatEndpoint(address, port)));
  return [
    ...changedService(view, now, false),
    ...now.realServers.flatMap((server) =>
      server.source.kind === 'file' ? changedServer(view, now, server, false) : addedServer(view, now, server, false),
    ),
    ...gone.flatMap((server) => removedServer(view, now.name, server)),
  ];
}

/** Services in the file's order, those that were added behind them; then what was said of real servers and hosts. `now`: wall clock, ms. */
export function differences(config: Config, overrides: readonly Override[], now: number): Difference[] {
  const { intent, kept } = buildIntent(config, overrides, 0);
  const view: View = { overrides: kept, byId: new Map(kept.map((one) => [one.id, one])), now };
  const spoken = new Set(
    kept.flatMap(({ change }) => (change.kind === 'add-vs' ? [change.name] : 'service' in change ? [change.service] : [])),
  );
  const files = new Map(config.virtualServers.flatMap((one) => (spoken.has(one.name) ? [[one.name, one]] : [])));
  const wanted = new Map(intent.services.flatMap((one) => (spoken.has(one.name) ? [[one.name, one]] : [])));
  const names = new Set([...files.keys(), ...wanted.keys()]);
  const states = outOfService(kept, intent.services, now).map(
    ({ target, text, by }): Difference => ({ change: 'changed', target, text, by }),
  );
  return [...[...names].flatMap((name) => ofService(view, files.get(name), wanted.get(name))), ...states];
}

/** The overrides that are left when all differences with an edit stand in the file. */
export function remaining(overrides: readonly Override[], found: readonly Difference[]): Override[] {
  const stays = new Set(found.flatMap(({ edit, by }) => (edit ? [] : [by.id])));
  return overrides.filter(({ id }) => stays.has(id));
}

/** With weights as numbers: what a share of the file's weight means must not change when the file has the new one. */
export function withNumbers(config: Config, overrides: readonly Override[]): readonly Override[] {
  const isShare = ({ change }: Override) => change.kind === 'set-rs' && change.weight.kind === 'percent';
  if (!overrides.some(isShare)) return overrides;
  const weights = new Map<number, number>();
  for (const { realServers } of buildIntent(config, overrides, 0).intent.services) {
    for (const { weight, weightSource } of realServers)
      if (weightSource.kind === 'override') weights.set(weightSource.override.id, weight);
  }
  return overrides.map((one) => {
    const weight = weights.get(one.id);
    if (!isShare(one) || weight === undefined || one.change.kind !== 'set-rs') return one;
    return { ...one, change: { ...one.change, weight: { kind: 'absolute', weight } } };
  });
}
