/**
 * The interface with the virtual MAC of one instance: a macvlan on the instance's interface that has its addresses, down as long
 * as it is not master. What of the kernel's settings would let the other interface answer for it, or drop what comes to it, is set,
 * verified, and put back at the end.
 */
import { equalBytes } from '../../base/bytes.js';
import { OsError } from '../../base/errors.js';
import type { VrrpInstanceConfig } from '../../config/types.js';
import type { ApiInstance } from '../../control/api.js';
import { virtualMac } from '../../wire/vrrp-frame.js';
import type { Host, HostInterface } from './types.js';

/** By the path below /proc/sys/net. */
export type Settings = Readonly<Record<string, string>>;

export interface SavedVmac {
  readonly name: string;
  /** What the settings of the instance's interface were before. */
  readonly before: Settings;
}

export interface Vmac {
  /** What a successor must know; undefined: there is none. */
  saved(): SavedVmac | undefined;
  /** Makes sure that it is there; why it cannot be, or undefined. */
  ready(parent: HostInterface): string | undefined;
  /** Ready as well, and settings that somebody changed are set again. */
  verify(): void;
  up(on: boolean): void;
  /** An interface that the configuration has no more goes. */
  drop(name: string): void;
  report(): ApiInstance['virtual_mac'];
  /** It goes, and the settings are what they were. */
  remove(): void;
}

/**
 * Of the physical interface (Documentation/networking/ip-sysctl.rst): it must not answer ARP for addresses of the other one, nor name
 * them as the sender of its own questions, which would teach neighbours the wrong MAC.
 */
const ofParent = (name: string): Settings => ({ [`ipv4/conf/${name}/arp_ignore`]: '1', [`ipv4/conf/${name}/arp_announce`]: '2' });

/** The way back leads out by the other interface: a strict reverse path filter would drop what comes in (2: loose; the larger of `all` and this counts). */
const ofOwn = (name: string, family: 4 | 6): Settings =>
  family === 4
    ? {
        [`ipv4/conf/${name}/rp_filter`]: '2',
        [`ipv4/conf/${name}/arp_ignore`]: '1',
        [`ipv4/conf/${name}/arp_filter`]: '0',
        [`ipv4/conf/${name}/accept_local`]: '1',
        [`ipv6/conf/${name}/disable_ipv6`]: '1',
      }
    : {
        [`ipv6/conf/${name}/addr_gen_mode`]: '1',
        [`ipv6/conf/${name}/accept_ra`]: '0',
        [`ipv6/conf/${name}/accept_dad`]: '0',
      };

const macText = (mac: Uint8Array): string => [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

/** Without the last ones it can only go. */
type VmacConfig = Pick<VrrpInstanceConfig, 'name' | 'interface'> & Partial<Pick<VrrpInstanceConfig, 'family' | 'vrid' | 'vmac'>>;

/** `left`: what a predecessor wrote down; `record` writes `saved` down: before a setting is another, that a successor can put it back. */
export function createVmac(host: Host, conf: () => VmacConfig, left: SavedVmac | undefined, record: () => void): Vmac {
  const { settingsBefore: before } = host;
  for (const [path, was] of Object.entries(left?.before ?? {})) before.set(path, was);
  let name = left?.name;
  const ofMine = () => Object.keys(ofParent(conf().interface));
  const tell = (text: string) => host.event('vrrp', conf().name, text);
  const told = new Set<string>();
  const once = (text: string) => {
    if (told.has(text)) return;
    told.add(text);
    tell(text);
  };

  /** Undefined: this kernel has none of that name. */
  function assert(settings: Settings, note: (path: string, was: string) => void): void {
    for (const [path, value] of Object.entries(settings)) {
      try {
        const was = host.sysctls.read(path);
        if (was === undefined || was === value) continue;
        note(path, was);
        host.sysctls.write(path, value);
      } catch (error) {
        if (!(error instanceof OsError)) throw error;
        once(`net.${path.replaceAll('/', '.')} cannot be set: ${error.message}`);
      }
    }
  }

  const settings = (): void => {
    const { interface: parent, family = 4 } = conf();
    if (name === undefined) return;
    if (family === 4) {
      assert(ofParent(parent), (path, was) => {
        if (before.has(path)) once(`net.${path.replaceAll('/', '.')} was set to ${was} by somebody and is set again`);
        else {
          before.set(path, was);
          record();
        }
      });
    }
    assert(ofOwn(name, family), () => undefined);
  };

  function make(parent: HostInterface, wanted: string): void {
    const { family = 4, vrid = 0 } = conf();
    const mac = virtualMac(family, vrid);
    host.macvlans.create(wanted, parent.index, mac);
    host.network.reload();
    const found = host.network.link(wanted);
    if (!found?.mac || !equalBytes(found.mac, mac)) {
      throw new Error(`there is an interface ${wanted} that is not of this instance: name another one (use_vmac: { name: … })`);
    }
    name = wanted;
  }

  function ready(parent: HostInterface): string | undefined {
    const wanted = conf().vmac?.name;
    if (wanted === undefined) return undefined;
    try {
      if (!host.network.link(wanted) || name !== wanted) make(parent, wanted);
      settings();
      return undefined;
    } catch (error) {
      return `no interface with the virtual MAC: ${(error as Error).message}`;
    }
  }

  return {
    saved() {
      if (name === undefined) return undefined;
      const known = ofMine().flatMap((path) => (before.has(path) ? [[path, before.get(path) as string]] : []));
      return { name, before: Object.fromEntries(known) };
    },
    ready,
    verify: settings,
    report() {
      const { vmac, family = 4, vrid = 0 } = conf();
      if (!vmac) return null;
      const mac = virtualMac(family, vrid);
      const link = host.network.link(vmac.name);
      const there = link?.mac !== undefined && equalBytes(link.mac, mac);
      return { interface: vmac.name, mac: macText(mac), there, up: there && link.up };
    },
    up(on) {
      const link = name === undefined ? undefined : host.network.link(name);
      if (!link || name === undefined) return;
      try {
        host.macvlans.set(name, link.index, on);
        if (on) settings();
      } catch (error) {
        once(`${name} cannot be set ${on ? 'up' : 'down'}: ${(error as Error).message}`);
      }
    },
    drop(old) {
      if (old === name) remove();
      else take(old);
    },
    remove,
  };

  function take(old: string): void {
    const link = host.network.link(old);
    try {
      if (link) host.macvlans.remove(link.name, link.index);
    } catch (error) {
      tell(`${old} cannot be removed: ${(error as Error).message}`);
    }
  }

  function remove(): void {
    if (name === undefined) return;
    take(name);
    name = undefined;
    if (host.isShared(conf())) return;
    for (const path of ofMine()) {
      const was = before.get(path);
      if (was !== undefined) assert({ [path]: was }, () => undefined);
      before.delete(path);
    }
  }
}
